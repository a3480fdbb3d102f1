"""Run a detector over labelled pictures and say how good it is, overall and by face size."""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors import Detections, Detector
from training.augment import face_sizes
from training.datasets import Labels, Sample
from training.datasets.wider100 import LEVELS, LevelledSample
from training.metrics.average_precision import (
    Judged,
    average_precision,
    curve,
    interval,
    judge,
    threshold_for,
)

IOUS = np.arange(0.5, 0.96, 0.05)  # Lin et al., Microsoft COCO, 2014, arXiv:1405.0312
RECALL_SIZES = (8, 10, 12, 14, 16, 20, 24, 32, 40, 80, 160, 10_000)  # px, edges of the bins
AP_SIZES = (10, 20, 40, 80, 160, 10_000)
ALL_SIZES = (0.0, np.inf)


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """One picture's labels and what a detector found in it."""

    labels: Labels
    found: Detections


def resize_to(sample: Sample, long_side: int) -> Sample:
    """Scale a picture and its labels to a long side of so many px; 0: as it is."""
    height, width = sample.image.shape[:2]
    if long_side in (0, max(height, width)):
        return sample
    scale = long_side / max(height, width)
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    size = (round(width * scale), round(height * scale))
    image = np.asarray(cv2.resize(sample.image, size, interpolation=method), np.uint8)
    factor = np.float32(scale)
    old = sample.labels
    labels = Labels(old.boxes * factor, old.ignore * factor, old.scores)
    return Sample(sample.name, image, labels)


def measure_levels(detector: Detector, pictures: Iterable[LevelledSample]) -> dict[str, Any]:
    """Return AP at IoU 0.5 with its 95 % interval for each level."""
    judged: dict[str, list[Judged]] = {level: [] for level in LEVELS}
    for picture in sorted(pictures, key=lambda one: one.sample.image.shape):
        labels = picture.sample.labels
        (found,) = detector([picture.sample.image])
        for level, counts in picture.counts.items():
            judged[level].append(judge(found, labels.boxes, counts, labels.ignore))
    return {level: _summary(parts) for level, parts in judged.items()}


def look(detector: Detector, samples: Iterable[Sample], long_side: int) -> Iterator[Looked]:
    """Yield labels and detections of every picture, scaled to a long side of so many px."""
    scaled_all = (resize_to(sample, long_side) for sample in samples)
    for scaled in sorted(scaled_all, key=lambda one: one.image.shape):  # each is compiled once
        (found,) = detector([scaled.image])
        yield Looked(scaled.labels, found)


def measure(looked: Iterable[Looked], precisions: Iterable[float]) -> dict[str, Any]:
    """Return AP in all and by size, and at each precision the threshold, recall, and it by size.

    Faces of other sizes than those of a bin count neither way in it.
    """
    pictures = list(looked)
    parts = [_judge_sizes(picture, ALL_SIZES) for picture in pictures]
    whole = Judged.join(parts)
    recall, _, scores = curve(whole)
    points = []
    for precision in precisions:
        threshold = threshold_for(whole, precision)
        points.append(
            {
                "precision": precision,
                "threshold": round(threshold, 3),
                "recall": round(float(recall[scores >= threshold][-1:].sum()), 3),
                "recall_by_size": _recall_by_size(pictures, threshold),
            }
        )
    by_size = {
        f"{low}-{high}" if high < AP_SIZES[-1] else f">{low}": _over_ious(pictures, (low, high))
        for low, high in itertools.pairwise(AP_SIZES)
    }
    whole_set = {"ap_50_95": _over_ious(pictures, ALL_SIZES)["ap_50_95"], "by_size": by_size}
    return _summary(parts) | whole_set | {"points": points}


def precision_recall(looked: Iterable[Looked]) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return recall and precision at each detection of all pictures, best first."""
    recall, precision, _ = curve(Judged.join([_judge_sizes(p, ALL_SIZES) for p in looked]))
    return recall, precision


def _over_ious(pictures: list[Looked], sizes: tuple[float, float]) -> dict[str, float]:
    """Return AP at IoU 0.5, its mean over 0.5 to 0.95, and the number of faces."""
    judged = [
        Judged.join([_judge_sizes(picture, sizes, least_iou) for picture in pictures])
        for least_iou in IOUS
    ]
    values = [average_precision(each) for each in judged]
    return {
        "ap": round(values[0], 4),
        "ap_50_95": round(float(np.mean(values)), 4),
        "faces": judged[0].n_faces,
    }


def _recall_by_size(pictures: list[Looked], threshold: float) -> dict[str, list[float]]:
    """Return the share of faces found, and their number, for each bin of sizes."""
    result = {}
    for low, high in itertools.pairwise(RECALL_SIZES):
        judged = Judged.join([_judge_sizes(picture, (low, high)) for picture in pictures])
        hits = int(judged.right[judged.scores >= threshold].sum())
        share = round(hits / judged.n_faces, 3) if judged.n_faces else float("nan")
        result[f"{low}-{high}"] = [share, judged.n_faces]
    return result


def _judge_sizes(picture: Looked, sizes: tuple[float, float], least_iou: float = 0.5) -> Judged:
    """Judge one picture; only true faces of these sizes count, px."""
    boxes = picture.labels.boxes
    own: NDArray[np.float32] = face_sizes(boxes)
    counts = (own >= sizes[0]) & (own < sizes[1])
    return judge(picture.found, boxes, counts, picture.labels.ignore, least_iou)


def _summary(parts: list[Judged]) -> dict[str, Any]:
    whole = Judged.join(parts)
    low, high = interval(parts)
    value = average_precision(whole)
    return {"ap": round(value, 4), "from": round(low, 4), "to": round(high, 4)}
