"""How the cost of a run grows: with the size and length of a video, with its faces, with workers.

As in `benchmarks.speed`, every run is a process of its own, timed in turns by the system.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure

from benchmarks.films import write_crowd
from benchmarks.speed import Command, facepics, medians, prepare, time_in_turns, time_once
from pipeline.machine import processors

HEIGHTS: Final = (240, 360, 480, 720, 1080, 1440, 2160)
LENGTHS: Final = (3, 12, 48)  # seconds
FACES: Final = (0, 1, 5, 20, 50, 100, 200)  # a frame
SECONDS: Final = 3  # of a video whose size or faces are varied
FILES: Final = 4  # videos that workers share
SHORT, LONG = 60, 600  # seconds of two videos, between which memory shall not grow

VIDEOS: Final = {"crops and tables": "none", "annotated and clips": "both"}
"""What is asked for: option ``--video``."""


@dataclass(frozen=True, slots=True)
class Point:
    """What one run costs.

    Attributes:
        axis: What is varied: ``height``, ``seconds``, ``faces`` a frame, ``workers``; ``start``
            where nothing is, and the video has one frame.
        x: Its value; of faces, those that were found.
        run: What was asked for.
        cpu, wall: Seconds of the whole run, medians over the turns.
        memory: Most resident memory of one of its processes, MB.
    """

    axis: str
    x: float
    run: str
    frames: int
    cpu: float
    wall: float
    memory: float


def run(clip: Path, turns: int) -> Iterator[Point]:
    """Measure on a clip, made anew for each point."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        video = place / "video.mp4"
        yield from _points("start", 0, video, prepare(clip, video, 360, 0.01), turns)
        for height in HEIGHTS:
            frames = prepare(clip, video, height, SECONDS)
            yield from _points("height", height, video, frames, turns)
        for seconds in LENGTHS:
            frames = prepare(clip, video, 360, seconds)
            yield from _points("seconds", seconds, video, frames, turns)
        for faces in FACES:
            frames = write_crowd(clip, video, faces, SECONDS)
            yield from _points("faces", faces, video, frames, turns)
        yield from _workers(clip, place, turns)
        for seconds in (SHORT, LONG):
            frames = prepare(clip, video, 240, seconds)
            cost = time_once(_ours(video, "none"))
            yield Point("memory", seconds, "crops and tables", frames, *cost)


def slope(points: Sequence[Point]) -> float:
    """Return by how many MB the largest process grows in an hour of video."""
    short, long = (point for point in points if point.axis == "memory")
    return 3600 * (long.memory - short.memory) / (long.x - short.x)


def _ours(source: Path, video: str, jobs: int = 1) -> Command:
    return facepics(source, source.parent, "--jobs", str(jobs), "--video", video)


def _points(axis: str, x: float, source: Path, frames: int, turns: int) -> Iterator[Point]:
    commands = {name: _ours(source, video) for name, video in VIDEOS.items()}
    for name, costs in time_in_turns(commands, turns).items():
        found = _faces_found(source.parent / "out" / source.name) if axis == "faces" else x
        yield Point(axis, found, name, frames, *medians(costs))


def _faces_found(folder: Path) -> float:
    """Return the faces a frame in a result."""
    counts = json.loads((folder / "video.json").read_text("utf-8"))["counts"]
    return float(counts["faces"] / counts["frames"])


def _workers(clip: Path, place: Path, turns: int) -> Iterator[Point]:
    """Yield what more workers bring: for several videos, and for detectors that share one."""
    many, one = place / "many", place / "one"
    many.mkdir()
    one.mkdir()
    frames = {
        many: sum(prepare(clip, many / f"{k}.mp4", 360 + 2 * k, 12) for k in range(FILES)),
        one: prepare(clip, one / "0.mp4", 720, FILES * 12),
    }
    names = {many: f"{FILES} videos", one: "one video"}
    for jobs in range(1, processors() + 1):
        commands = {names[source]: _ours(source, "none", jobs) for source in names}
        times = time_in_turns(commands, turns)
        for source, name in names.items():
            yield Point("workers", jobs, name, frames[source], *medians(times[name]))


def draw(points: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the points of `results/growth.json`: a panel for each thing that is varied."""
    figure = Figure(figsize=(15, 4.2), layout="constrained")
    panels = figure.subplots(1, 4)
    labels = {
        "height": ("height, pixels", "CPU ms a frame, start-up aside"),
        "seconds": ("length, seconds of 360p", "CPU seconds, start-up in it"),
        "faces": ("faces found a frame", "CPU ms a frame, start-up aside"),
        "workers": ("workers", "frames a second"),
    }
    start = starting(points)
    for panel, (axis, (below, beside)) in zip(panels, labels.items(), strict=True):
        mine = [point for point in points if point["axis"] == axis]
        for name in dict.fromkeys(point["run"] for point in mine):
            line = [point for point in mine if point["run"] == name]
            values = [_value(point, start) for point in line]
            panel.plot([point["x"] for point in line], values, marker=".", label=name)
        panel.set(xlabel=below, ylabel=beside)
        panel.set_ylim(0)
        panel.grid(alpha=0.3)
        panel.legend(fontsize="small")
    panels[3].set_xticks(sorted({p["x"] for p in points if p["axis"] == "workers"}))
    figure.savefig(path, dpi=110)


def starting(points: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Return the CPU seconds of start-up by what was asked for."""
    return {point["run"]: point["cpu"] for point in points if point["axis"] == "start"}


def milliseconds(point: Mapping[str, Any], start: Mapping[str, float]) -> float:
    """Return the CPU time of a frame, start-up aside."""
    return float(1e3 * (point["cpu"] - start[point["run"]]) / point["frames"])


def _value(point: Mapping[str, Any], start: Mapping[str, float]) -> float:
    """Return what is drawn of a point."""
    match point["axis"]:
        case "workers":
            return float(point["frames"] / point["wall"])
        case "seconds":
            return float(point["cpu"])
        case _:
            return milliseconds(point, start)
