"""Accuracy over time of face detectors: ours, the published checkpoint, YuNet and CenterFace.

All see the very same pictures at the same size, on one thread, in OpenVINO at the precision that
is told; a picture's time runs from its bytes to the final boxes. To add a contender, make it a
`detectors.Detector` and a line in `contenders`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import cv2
import numpy as np

from detectors import Detector, load
from detectors.images import Image
from training.datasets import Labels, Sample
from training.datasets.webdataset import find_shards, read_shards
from training.datasets.wider100 import LEVELS, LevelledSample, read_wider100
from training.metrics.average_precision import Judged, average_precision, interval, judge
from training.metrics.evaluate import resize_to
from training.teachers import fill_up, open_centerface, open_yunet

SIZES: Final = (320, 416, 512, 640, 800, 1024, 1280)  # long sides, px
SLOWEST: Final = 60.0  # ms; larger sizes of a slower contender are left out
LOWEST_SCORE: Final = 0.05  # from which detections are scored
TIMED_SCORE: Final = 0.2  # from which they are looked for where time counts, as in a run
ROUNDS: Final = 7
TIMED: Final = 5  # pictures a round

Open = Callable[[float], Detector]  # from a lowest score


@dataclass(frozen=True, slots=True)
class Contender:
    """A detector to compare: its name, how exactly it computes, and how it is opened."""

    name: str
    precision: str
    open: Open


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Average precision with its 95 % bootstrap interval over pictures."""

    ap: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """One contender at one size.

    Attributes:
        cpu, wall: Milliseconds a picture, medians.
        accuracy: By level of the 100 WIDER FACE pictures; `val` for the shards where asked for.
        judged: The medium level picture by picture, for paired comparisons.
    """

    contender: str
    precision: str
    size: int
    cpu: float
    wall: float
    accuracy: dict[str, Accuracy]
    judged: list[Judged]


def contenders(
    published: Path | None, yunet: Path | None, centerface: Path | None, precisions: Sequence[str]
) -> list[Contender]:
    """List whom to compare: our two forms always, the others where their files are given.

    Others have no ranges for 8 bits: they take part in the other precisions.
    """

    def ours(weights: str | Path, precision: Any) -> Open:
        return lambda lowest: load(
            weights, device="cpu", threshold=lowest, runtime="openvino", precision=precision
        )

    def peer(opening: Callable[..., Detector], path: Path) -> Callable[[str], Open]:
        return lambda precision: lambda lowest: opening(path, precision, lowest)

    own = {"facepics": "faceboxes", "facepics, paper's": "faceboxes-paper"}
    listed = [Contender(name, p, ours(own[name], p)) for p in precisions for name in own]
    others: dict[str, Callable[[str], Open]] = {}
    if published is not None:
        others["published FaceBoxes"] = lambda precision: ours(published, precision)
    if yunet is not None:
        others["YuNet"] = peer(open_yunet, yunet)
    if centerface is not None:
        others["CenterFace"] = peer(open_centerface, centerface)
    exact = [precision for precision in precisions if precision != "int8"]
    return listed + [Contender(name, p, others[name](p)) for p in exact for name in others]


def run(
    listed: Sequence[Contender], wider: Path, val: Path | None, val_sizes: Sequence[int]
) -> Iterator[Point]:
    """Score and time all contenders size by size, in turns within a size."""
    slow: set[Contender] = set()
    for size in SIZES:
        pictures = [filled_up(picture) for picture in read_wider100(wider, size)]
        pictures.sort(key=lambda picture: picture.sample.image.shape)  # each is compiled once
        racing = [contender for contender in listed if contender not in slow]
        detectors = [contender.open(LOWEST_SCORE) for contender in racing]
        judged = [judge_levels(detector, pictures) for detector in detectors]
        quick = [contender.open(TIMED_SCORE) for contender in racing]
        times = race(quick, most_common([picture.sample.image for picture in pictures]))
        for contender, detector, levels, (cpu, wall) in zip(
            racing, detectors, judged, times, strict=True
        ):
            accuracy = {level: _accuracy(parts) for level, parts in levels.items()}
            if val is not None and size in val_sizes:
                accuracy["val"] = _accuracy(list(judge_val(detector, val, size)))
            medium = levels["medium"]
            yield Point(contender.name, contender.precision, size, cpu, wall, accuracy, medium)
            if cpu > SLOWEST / 2:  # the next size costs about twice as much
                slow.add(contender)


def filled_up(picture: LevelledSample) -> LevelledSample:
    """Add black right and below until both sides are multiples of 32."""
    sample = picture.sample
    filled = Sample(sample.name, fill_up(sample.image), sample.labels)
    return LevelledSample(filled, picture.counts)


def judge_levels(detector: Detector, pictures: Sequence[LevelledSample]) -> dict[str, list[Judged]]:
    """Judge every picture at each level."""
    judged: dict[str, list[Judged]] = {level: [] for level in LEVELS}
    for picture in pictures:
        labels = picture.sample.labels
        (found,) = detector([picture.sample.image])
        for level, counts in picture.counts.items():
            judged[level].append(judge(found, labels.boxes, counts, labels.ignore))
    return judged


def judge_val(detector: Detector, folder: Path, size: int) -> Iterator[Judged]:
    """Judge the validation shards, every face counting."""
    samples = read_shards(find_shards(folder, "val*.tar"))
    scaled_down = (resize_to(sample, size) for sample in samples)
    for scaled in sorted(scaled_down, key=lambda one: fill_up(one.image).shape):
        (found,) = detector([fill_up(scaled.image)])
        labels: Labels = scaled.labels
        counts = np.ones(len(labels.boxes), bool)
        yield judge(found, labels.boxes, counts, labels.ignore)


def most_common(images: Sequence[Image]) -> list[Image]:
    """Return pictures of the shape that most have."""
    shapes = [image.shape for image in images]
    shape = max(set(shapes), key=lambda one: (shapes.count(one), one))
    return [image for image in images if image.shape == shape][:TIMED]


def race(detectors: Sequence[Detector], images: Sequence[Image]) -> list[tuple[float, float]]:
    """Time each detector on the same pictures in turns: CPU and wall, ms a picture, medians."""
    for detector in detectors:
        detector(images[:1])
    cpu: list[list[float]] = [[] for _ in detectors]
    wall: list[list[float]] = [[] for _ in detectors]
    for _ in range(ROUNDS):
        for place, detector in enumerate(detectors):
            began, started = time.process_time(), time.perf_counter()
            for image in images:
                detector([image])
            cpu[place].append(1e3 * (time.process_time() - began) / len(images))
            wall[place].append(1e3 * (time.perf_counter() - started) / len(images))
    return [(median(one), median(other)) for one, other in zip(cpu, wall, strict=True)]


def difference(ours: Sequence[Judged], theirs: Sequence[Judged]) -> Accuracy:
    """Return how much higher our average precision is, with its paired bootstrap interval."""
    rng = np.random.default_rng(0)

    def gain(rows: Sequence[int]) -> float:
        first, second = (
            average_precision(Judged.join([parts[row] for row in rows])) for parts in (ours, theirs)
        )
        return first - second

    count = len(ours)
    values = [gain(rng.integers(count, size=count).tolist()) for _ in range(500)]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return Accuracy(gain(range(count)), float(low), float(high))


def _accuracy(parts: list[Judged]) -> Accuracy:
    return Accuracy(average_precision(Judged.join(parts)), *interval(parts))


def use_one_thread() -> None:
    """Keep OpenCV from using a second thread behind our backs."""
    cv2.setNumThreads(1)
