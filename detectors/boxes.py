"""Arithmetic of boxes x1, y1, x2, y2 in pixels, right and bottom exclusive."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]

_AT_ONCE: Final = 16  # boxes that are compared with all others in one go


@dataclass(frozen=True, slots=True)
class Suppression:
    """Which boxes of one picture are kept: the convention belongs to the weights.

    Attributes:
        iou: Overlap with a better box from which a box is removed.
        inclusive: Boxes include their right and bottom pixels, and an overlap of just `iou`
            removes (the published PyTorch form); else neither (ours, and TensorFlow's).
        clip: Cut boxes off at the border of the picture first.
        candidates: So many of the best boxes take part at most.
        keep: So many are left at most.
    """

    iou: float = 0.3
    inclusive: bool = False
    clip: bool = False
    candidates: int = 5000
    keep: int = 750


def iou(a: Boxes, b: Boxes, *, inclusive: bool = False) -> Boxes:
    """Measure how far boxes a (M, 4) and b (N, 4) overlap: (M, N), 0 to 1; 0 for empty boxes."""
    one, other = _sides_and_area(a, inclusive), _sides_and_area(b, inclusive)
    return _overlap(one[:, :, None], other[:, None], inclusive)


def suppress(boxes: Boxes, scores: NDArray[np.float32], rule: Suppression) -> NDArray[np.intp]:
    """Keep the best of the boxes (N, 4) that overlap: their rows, best first, ties in order.

    Greedy non-maximum suppression: the best box removes all that overlap it by more than the
    rule allows, then the best of the rest does, and so on.
    """
    rows = np.argsort(-scores, kind="stable")[: rule.candidates]
    rest = _sides_and_area(boxes[rows], rule.inclusive)  # (5, K), best first
    kept: list[np.intp] = []
    while len(rows) and len(kept) < rule.keep:
        best = rest[:, :_AT_ONCE]
        overlap = _overlap(best[:, :, None], rest[:, None], rule.inclusive)  # (B, K)
        apart = overlap < rule.iou if rule.inclusive else overlap <= rule.iou
        left = np.ones(len(rows), dtype=np.bool_)
        for place, others in enumerate(apart):
            if left[place]:
                kept.append(rows[place])
                left &= others
        left[: len(apart)] = False
        rows, rest = rows[left], rest[:, left]
    return np.array(kept[: rule.keep], dtype=np.intp)


def clip(boxes: Boxes, height: int, width: int) -> Boxes:
    """Cut boxes (N, 4) off at the border of a picture; outside of it they become empty."""
    limit = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(boxes, 0, limit)


def _sides_and_area(boxes: Boxes, inclusive: bool) -> Boxes:
    """Return x1, y1, x2, y2 and the area of boxes (N, 4) as rows: (5, N)."""
    width, height = (boxes[:, 2:] - boxes[:, :2] + np.float32(inclusive)).T
    return np.vstack([boxes.T, width * height])


def _overlap(a: Boxes, b: Boxes, inclusive: bool) -> Boxes:
    """Divide what is shared by what is covered: (5, ...) and (5, ...), broadcast, give (...)."""
    sides = np.minimum(a[2:4], b[2:4]) - np.maximum(a[:2], b[:2]) + np.float32(inclusive)
    width, height = np.maximum(sides, 0)
    shared = width * height
    covered = a[4] + b[4] - shared
    overlap: Boxes = np.divide(shared, covered, out=np.zeros_like(shared), where=shared > 0)
    return overlap
