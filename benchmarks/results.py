"""Results on disk, and the README's tables made from them."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from benchmarks.batch import Figure
from benchmarks.cuts import Tally
from benchmarks.detection_plot import draw_accuracy_over_time
from benchmarks.encoding import Encoding
from benchmarks.growth import Point, draw, milliseconds, slope, starting
from benchmarks.linking import RATE, LinkCost
from benchmarks.network import Timing
from benchmarks.scores import ALL
from benchmarks.speed import Cost
from benchmarks.tracking import Entry

FOLDER: Final = Path(__file__).parent / "results"
TABLE_SIZES: Final = (640, 1024)
README: Final = Path(__file__).parent.parent / "README.md"


def save_tracking(entries: Sequence[Entry]) -> None:
    """Write ``results/tracking.json`` and the README's table."""
    data = {"about": _about(), "entries": [_rounded(asdict(entry)) for entry in entries]}
    _keep("tracking", data, tracking_table(data))


def save_cuts(tallies: Sequence[Tally]) -> None:
    """Write ``results/cuts.json`` and the README's table."""
    data = {"about": _about(), "tallies": [asdict(tally) for tally in tallies]}
    _keep("cuts", data, cuts_table(data))


def save_detection(data: Mapping[str, Any]) -> None:
    """Write ``results/detection.json``, its plot, and the README's table."""
    data = {"about": _about(), **_rounded(dict(data))}
    _keep("detection", data, detection_table(data))
    draw_accuracy_over_time(data["points"], FOLDER / "detection.png")


def detection_table(data: Mapping[str, Any]) -> str:
    """Return accuracy and time of every contender at some sizes as a table of Markdown."""
    head = ("Detector", "Precision", "Size", "CPU ms", "easy", "medium", "hard")
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(head) - 2)]
    for point in data["points"]:
        if point["size"] in TABLE_SIZES:
            figures = [f"{100 * point['accuracy'][level]['ap']:.1f}" for level in head[4:]]
            cells = (point["contender"], point["precision"], str(point["size"]))
            row = (*cells, f"{point['cpu']:.1f}", *figures)
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines)


def save_speed(costs: Sequence[Cost], figures: Sequence[Figure]) -> None:
    """Write ``results/speed.json`` and the README's tables."""
    data = {
        "about": _about(),
        "costs": [_rounded(asdict(cost)) for cost in costs],
        "figures": [_rounded(asdict(figure)) for figure in figures],
    }
    _keep("speed", data, f"{speed_table(data)}\n\n{figures_table(data)}")


def save_network(timings: Sequence[Timing]) -> None:
    """Write ``results/network.json`` and the README's table."""
    data = {"about": _about(), "timings": [_rounded(asdict(one)) for one in timings]}
    _keep("network", data, network_table(data))


def network_table(data: Mapping[str, Any]) -> str:
    """Return each runtime's time, and how much faster it is, as a table of Markdown."""
    lines = ["| Weights | Size | Runtime | CPU ms | Times faster |", "|---|---|---|--:|--:|"]
    for one in data["timings"]:
        size = f"{one['width']} x {one['height']}"
        figures = f"{one['cpu']:.1f} | {one['faster']:.1f}"
        lines.append(f"| {one['weights']} | {size} | {one['runtime']} | {figures} |")
    return "\n".join(lines)


def save_growth(points: Sequence[Point]) -> None:
    """Write ``results/growth.json``, its plot, and the README's table."""
    measured = [_rounded(asdict(point)) for point in points]
    data = {"about": _about(), "points": measured, "slope": _rounded(slope(points))}
    _keep("growth", data, growth_table(data))
    draw(measured, FOLDER / "growth.png")


def growth_table(data: Mapping[str, Any]) -> str:
    """Return what each size and number of faces costs as a table of Markdown."""
    runs = list(dict.fromkeys(one["run"] for one in data["points"] if one["axis"] == "height"))
    start = starting(data["points"])
    lines = ["| CPU ms a frame, start-up aside | " + " | ".join(runs) + " |"]
    lines.append("|---|" + "--:|" * len(runs))
    for axis, words in (("height", "{:g}p"), ("faces", "1080p, faces: {:.0f}")):
        points = [one for one in data["points"] if one["axis"] == axis]
        for x in dict.fromkeys(one["x"] for one in points):
            cells = [f"{milliseconds(one, start):.1f}" for one in points if one["x"] == x]
            lines.append(f"| {words.format(x)} | {' | '.join(cells)} |")
    memory = f"{data['slope']:.0f} MB" + " |" * len(runs)
    return "\n".join([*lines, f"| memory, in an hour of 240p | {memory}"])


def save_encoding(encodings: Sequence[Encoding]) -> None:
    """Write ``results/encoding.json`` and the README's table."""
    data = {"about": _about(), "encodings": [asdict(one) for one in encodings]}
    _keep("encoding", data, encoding_table(data))


def encoding_table(data: Mapping[str, Any]) -> str:
    """Return what presets and qualities cost and give as a table of Markdown."""
    head = ("Preset", "CRF", "CPU ms a megapixel", "Bits a pixel", "SSIM", "Worst clip")
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    for one in data["encodings"]:
        figures = f"{one['cpu']:.1f} | {one['rate']:.3f} | {one['ssim']:.4f} | {one['worst']:.4f}"
        lines.append(f"| {one['preset']} | {one['crf']} | {figures} |")
    return "\n".join(lines)


def save_linking(costs: Sequence[LinkCost]) -> None:
    """Write ``results/linking.json`` and the README's table."""
    data = {"about": _about(), "costs": [_rounded(asdict(cost)) for cost in costs]}
    _keep("linking", data, linking_table(data))


def linking_table(data: Mapping[str, Any]) -> str:
    """Return what linking needs for each length of video as a table of Markdown."""
    head = ("Minutes", "Faces", "CPU s", "ms a frame", "MB of scan and program", "MB at most")
    lines = ["| " + " | ".join(head) + " |", "|" + "--:|" * len(head)]
    for one in data["costs"]:
        frame = 1e3 * one["cpu"] / (60 * RATE * one["minutes"])
        figures = f"{one['cpu']:.1f} | {frame:.2f} | {one['base']:.0f} | {one['peak']:.0f}"
        lines.append(f"| {one['minutes']:g} | {one['faces']:,} | {figures} |")
    return "\n".join(lines)


def speed_table(data: Mapping[str, Any]) -> str:
    """Return CPU time a frame, and as a multiple of FFmpeg's, as a table of Markdown."""
    head = ("Program", "Height", "CPU ms a frame", "of decoding", "of decoding and encoding", "MB")
    lines = ["| " + " | ".join(head) + " |", "|---|" + "--:|" * (len(head) - 1)]
    costs = {(one["height"], one["program"]): one for one in data["costs"]}
    for (height, program), one in costs.items():
        decode, both = (
            one["cpu"] / costs[height, name]["cpu"]
            for name in ("ffmpeg decode", "ffmpeg decode and encode")
        )
        cells = (f"{one['cpu']:.1f}", f"{decode:.2f}", f"{both:.2f}", f"{one['memory']:.0f}")
        lines.append(f"| {program} | {height} | {' | '.join(cells)} |")
    return "\n".join(lines)


def figures_table(data: Mapping[str, Any]) -> str:
    """Return what a run costs besides its frames as a table of Markdown."""
    lines = ["| What | Measured |", "|---|--:|"]
    lines += [f"| {one['what']} | {one['value']:.2f} {one['unit']} |" for one in data["figures"]]
    return "\n".join(lines)


def cuts_table(data: Mapping[str, Any]) -> str:
    """Return found and false cuts, summed over films of a kind, as a table of Markdown."""
    kinds: dict[str, dict[str, list[int]]] = {}
    for one in data["tallies"]:
        kind = one["film"].rstrip(" 0123456789") if ":" in one["film"] else "labelled clips"
        sums = kinds.setdefault(kind, {}).setdefault(one["detector"], [0, 0, 0])
        for place, name in enumerate(("cuts", "found", "false")):
            sums[place] += one[name]
    detectors = list(next(iter(kinds.values())))
    lines = [
        "| Film | Cuts | " + " | ".join(detectors) + " |",
        "|---|--:|" + "--:|" * len(detectors),
    ]
    for kind, of in kinds.items():
        cells = [f"{of[one][1]} found, {of[one][2]} false" for one in detectors]
        lines.append(f"| {kind} | {of[detectors[0]][0]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def load_tracking() -> dict[str, Any]:
    """Read ``results/tracking.json``."""
    data: dict[str, Any] = json.loads((FOLDER / "tracking.json").read_text("utf-8"))
    return data


def tracking_table(data: Mapping[str, Any]) -> str:
    """Return the scores over all sequences as a table of Markdown, best HOTA first."""
    scores = ("HOTA", "HOTA .7", "DetA", "AssA", "IDF1", "MOTA")
    head = ("Detections", "Tracker", *scores, "Switches", "Jitter", "ms/frame")
    lines = ["| " + " | ".join(head) + " |", "|---|---|" + "--:|" * (len(head) - 2)]
    entries = sorted(data["entries"], key=lambda one: (one["detections"], -_of(one)["hota"]))
    for entry in entries:
        of = _of(entry)
        figures = [f"{of[name]:.1f}" for name in ("hota", "hota70", "det", "ass", "idf1", "mota")]
        cost = f"{entry['milliseconds']:.2f}" if entry["milliseconds"] else ""
        counts = (str(of["switches"]), f"{entry['jitter']:.3f}", cost)
        cells = (entry["detections"], entry["tracker"], *figures, *counts)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def with_table(text: str, name: str, table: str) -> str:
    """Return the text with the table between its marks, or as it is where there are none."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    if begin not in text or end not in text:
        return text
    before, rest = text.split(begin, 1)
    return f"{before}{begin}\n{table}\n{end}{rest.split(end, 1)[1]}"


def _keep(name: str, data: Mapping[str, Any], table: str) -> None:
    """Write results as JSON, and their table into the README."""
    FOLDER.mkdir(exist_ok=True)
    text = json.dumps(data, indent=1, sort_keys=True) + "\n"
    (FOLDER / f"{name}.json").write_text(text, "utf-8")
    README.write_text(with_table(README.read_text("utf-8"), name, table))


def _of(entry: Mapping[str, Any]) -> dict[str, float]:
    scores: dict[str, float] = entry["scores"][ALL]
    return scores


def _about() -> dict[str, str]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "command": " ".join(["python -m benchmarks", *map(_without_place, sys.argv[1:])]),
        "commit": commit.stdout.strip(),
        "machine": platform.machine(),
        "processor": _processor(),
        "python": platform.python_version(),
    }


def _without_place(word: str) -> str:
    """Return an absolute path as its name alone: where it lies on this machine is nobody's."""
    return Path(word).name if word.startswith("/") else word


def _processor() -> str:
    """Return the processor's name and which of the instructions that networks like it has."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8")
    except OSError:
        return platform.processor()
    facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    has = set(facts.get("flags", "").split())
    wanted = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "amx_int8")
    return f"{facts.get('model name', '')}: {' '.join(one for one in wanted if one in has)}"


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, 3) if isinstance(value, float) else value
