"""Arithmetic of boxes x1, y1, x2, y2 in pixels, right and bottom exclusive."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]


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
    extra = np.float32(inclusive)
    corner1 = np.maximum(a[:, None, :2], b[:, :2])  # (M, N, 2)
    corner2 = np.minimum(a[:, None, 2:], b[:, 2:])  # (M, N, 2)
    shared = _area(np.maximum(corner2 - corner1 + extra, 0))  # (M, N)
    area_a = _area(a[:, 2:] - a[:, :2] + extra)  # (M,)
    area_b = _area(b[:, 2:] - b[:, :2] + extra)  # (N,)
    union = area_a[:, None] + area_b - shared
    overlap: Boxes = np.divide(shared, union, out=np.zeros_like(shared), where=shared > 0)
    return overlap


def suppress(boxes: Boxes, scores: NDArray[np.float32], rule: Suppression) -> NDArray[np.intp]:
    """Keep the best of the boxes (N, 4) that overlap: their rows, best first, ties in order.

    Greedy non-maximum suppression: the best box removes all that overlap it by more than the
    rule allows, then the best of the rest does, and so on.
    """
    rest = np.argsort(-scores, kind="stable")[: rule.candidates]
    kept: list[np.intp] = []
    while len(rest) and len(kept) < rule.keep:
        best, rest = rest[0], rest[1:]
        kept.append(best)
        overlap = iou(boxes[None, best], boxes[rest], inclusive=rule.inclusive)[0]
        rest = rest[overlap < rule.iou if rule.inclusive else overlap <= rule.iou]
    return np.array(kept, dtype=np.intp)


def clip(boxes: Boxes, height: int, width: int) -> Boxes:
    """Cut boxes (N, 4) off at the border of a picture; outside of it they become empty."""
    limit = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(boxes, 0, limit)


def _area(sides: Boxes) -> Boxes:
    area: Boxes = sides[..., 0] * sides[..., 1]
    return area
