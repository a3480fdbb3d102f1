"""What a detector gets wrong, as pictures: the faces it misses, what it takes for one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors import Detections, Detector
from detectors.boxes import iou
from detectors.images import Image
from training.augment import face_sizes
from training.datasets import Sample

TILE: Final = 160  # px
COLUMNS: Final = 10
SURROUNDINGS: Final = 1.0  # shown around a box, in sides of it


@dataclass(frozen=True, slots=True, eq=False)
class Mistake:
    """A box that should have been found, or should not.

    Attributes:
        weight: How bad it is: the size of a missed face, px, or the score of what is none.
        tile: (160, 160, 3) the box and its surroundings.
    """

    weight: float
    tile: Image


def find_mistakes(
    detector: Detector, samples: Iterable[Sample], threshold: float
) -> tuple[list[Mistake], list[Mistake]]:
    """Return missed faces and false ones, the worst first, at a threshold of the score."""
    missed: list[Mistake] = []
    false: list[Mistake] = []
    for sample in samples:
        (found,) = detector([sample.image])
        missed += _missed(sample, found, threshold)
        false += _false(sample, found, threshold)
    for mistakes in (missed, false):
        mistakes.sort(key=lambda mistake: -mistake.weight)
    return missed, false


def draw_mistakes(mistakes: list[Mistake]) -> Image:
    """Lay tiles out in rows of ten, the worst first: (rows * 160, 1600, 3)."""
    tiles = [mistake.tile for mistake in mistakes]
    tiles += [np.zeros((TILE, TILE, 3), np.uint8)] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    return np.vstack(rows)


def _missed(sample: Sample, found: Detections, threshold: float) -> Iterator[Mistake]:
    truth = sample.labels.boxes
    overlap = iou(truth, found.boxes[found.scores >= threshold])
    lost = overlap.max(1, initial=0.0) < 0.5
    for box, size in zip(truth[lost], face_sizes(truth[lost]), strict=True):
        yield Mistake(float(size), _tile(sample.image, box, f"{size:.0f} px"))


def _false(sample: Sample, found: Detections, threshold: float) -> Iterator[Mistake]:
    known = np.concatenate([sample.labels.boxes, sample.labels.ignore])
    for box, score in zip(found.boxes, found.scores, strict=True):
        inside = _share_inside(box, sample.labels.ignore)
        if score >= threshold and iou(box[None], known).max(initial=0.0) < 0.3 and inside < 0.5:
            yield Mistake(float(score), _tile(sample.image, box, f"{score:.2f}"))


def _share_inside(box: NDArray[np.float32], regions: NDArray[np.float32]) -> float:
    sides = np.minimum(box[2:], regions[:, 2:]) - np.maximum(box[:2], regions[:, :2])
    shared = sides.clip(0).prod(1).max(initial=0.0)
    return float(shared / max((box[2:] - box[:2]).prod(), 1e-6))


def _tile(image: Image, box: NDArray[np.float32], text: str) -> Image:
    """Cut out the box with its surroundings, draw it, and write what there is to say."""
    centre, side = (box[:2] + box[2:]) / 2, float((box[2:] - box[:2]).max())
    scale = TILE / (side * (1 + 2 * SURROUNDINGS))
    shift = TILE / 2 - centre * scale
    matrix = np.array([[scale, 0, shift[0]], [0, scale, shift[1]]])
    tile = np.asarray(cv2.warpAffine(image, matrix, (TILE, TILE)), np.uint8)
    x1, y1, x2, y2 = (box * scale + np.tile(shift, 2)).round().astype(int).tolist()
    cv2.rectangle(tile, (x1, y1), (x2, y2), (0, 255, 0), 1)
    cv2.putText(tile, text, (4, TILE - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (0, 255, 255), 1)
    return tile
