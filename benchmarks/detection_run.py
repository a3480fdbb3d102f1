"""One run of `python -m benchmarks detection`: points, differences, false positives, mistakes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2

from benchmarks.detection import (
    LOWEST_SCORE,
    Point,
    contenders,
    difference,
    filled_up,
    run,
    use_one_thread,
)
from benchmarks.false_positives import at_recalls, judge_clips, labelled_frames
from benchmarks.mistakes import draw_mistakes, find_mistakes
from benchmarks.sequences import find_sequences
from detectors import load
from training.datasets import Sample
from training.datasets.webdataset import find_shards, read_shards
from training.datasets.wider100 import read_wider100
from training.metrics.evaluate import resize_to
from training.teachers import fill_up

CLIP_SIZE: Final = 640  # long side at which frames of the clips are looked at, px
MOST: Final = 50  # mistakes of a kind on a sheet


@dataclass(frozen=True, slots=True)
class Places:
    """Where the pictures, the clips and the others' files are."""

    shared: Path
    published: Path | None
    centerface: Path | None


def measure(
    where: Places,
    precisions: Sequence[str],
    val_sizes: Sequence[int],
    tell: Callable[[str], None],
) -> dict[str, Any]:
    """Measure all, and return what `results/detection.json` holds."""
    use_one_thread()
    yunet = where.shared / "reference" / "peers" / "yunet_n_dynamic.onnx"
    listed = contenders(where.published, yunet, where.centerface, precisions)
    wider, faces = where.shared / "data" / "wider100", where.shared / "data" / "faces"
    points: list[Point] = []
    for point in run(listed, wider, faces if val_sizes else None, val_sizes):
        points.append(point)
        tell(_line(point))
    return {
        "points": [_without_judged(point) for point in points],
        "ahead": list(_compare(points)),
        "false_positives": _false_positives(where, tell),
    }


def _compare(points: Sequence[Point]) -> Iterator[dict[str, Any]]:
    """Hold each point of others against ours of the most time that is no more than theirs.

    Ours at the same precision, and as it ships.
    """
    others = [point for point in points if not point.contender.startswith("facepics")]
    for theirs, precision in itertools.product(others, dict.fromkeys(p.precision for p in points)):
        ours = [
            point
            for point in points
            if (point.contender, point.precision) == ("facepics", precision)
            and point.cpu <= theirs.cpu
        ]
        if ours and precision in ("int8", theirs.precision):
            nearest = max(ours, key=lambda point: point.size)
            gain = difference(nearest.judged, theirs.judged)
            yield {
                "contender": theirs.contender,
                "precisions": [precision, theirs.precision],
                "sizes": [nearest.size, theirs.size],
                "cpu": [nearest.cpu, theirs.cpu],
                "medium": asdict(gain),
            }


def _false_positives(where: Places, tell: Callable[[str], None]) -> dict[str, Any]:
    clips = find_sequences(where.shared / "data" / "tracks")
    result: dict[str, Any] = {"long_side": CLIP_SIZE}
    for name, weights in (("facepics", "faceboxes"), ("published FaceBoxes", where.published)):
        if weights is not None:
            detector = load(weights, device="cpu", threshold=LOWEST_SCORE, runtime="openvino")
            judged, frames = judge_clips(detector, clips, CLIP_SIZE)
            rows = at_recalls(judged, frames)
            result |= {"frames": frames, name: [asdict(row) for row in rows]}
            counts = ", ".join(f"{row.count} at recall {row.recall}" for row in rows)
            tell(f"{name}: false positives in {frames} frames: {counts}")
    return result


def draw_worst(where: Places, folder: Path) -> None:
    """Write sheets of the worst misses and false positives of the shipped detector."""
    folder.mkdir(parents=True, exist_ok=True)
    detector = load(device="cpu", runtime="openvino")
    for name, read in (("wider", _wider), ("val", _val), ("clips", _clips)):
        missed, false = find_mistakes(detector, read(where), threshold=0.0)
        for kind, mistakes in (("missed", missed), ("false", false)):
            if mistakes:
                sheet = draw_mistakes(mistakes[:MOST])
                cv2.imwrite(str(folder / f"{name}_{kind}.png"), sheet)


def _wider(where: Places) -> list[Sample]:
    pictures = read_wider100(where.shared / "data" / "wider100", CLIP_SIZE)
    return _by_shape(filled_up(picture).sample for picture in pictures)


def _val(where: Places) -> list[Sample]:
    shards = find_shards(where.shared / "data" / "faces", "val*.tar")
    scaled = (resize_to(sample, CLIP_SIZE) for sample in read_shards(shards))
    return _by_shape(Sample(one.name, fill_up(one.image), one.labels) for one in scaled)


def _by_shape(samples: Iterable[Sample]) -> list[Sample]:
    """Sort them: a network is made ready for each shape."""
    return sorted(samples, key=lambda sample: sample.image.shape)


def _clips(where: Places) -> Iterator[Sample]:
    """Yield every tenth frame: neighbours show the same mistakes."""
    for clip in find_sequences(where.shared / "data" / "tracks"):
        yield from itertools.islice(labelled_frames(clip, CLIP_SIZE), 0, None, 10)


def _without_judged(point: Point) -> dict[str, Any]:
    return {
        "contender": point.contender,
        "precision": point.precision,
        "size": point.size,
        "cpu": point.cpu,
        "wall": point.wall,
        "accuracy": {level: asdict(value) for level, value in point.accuracy.items()},
    }


def _line(point: Point) -> str:
    values = " ".join(f"{level} {value.ap:.3f}" for level, value in point.accuracy.items())
    return f"{point.size:5} {point.cpu:6.2f} ms  {point.contender}, {point.precision}: {values}"
