"""Arithmetic of boxes x1, y1, x2, y2 in pixels, right and bottom exclusive."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]

LEAST_VOTE: Final = 0.1  # score from which a box that is removed has a say in the one that is kept
_SUREST: Final = np.float32(1 - 1e-6)
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
        vote: Overlap from which boxes have a say in the one that is kept, see `vote`; 1: none has.
        support: Weight of what they add to its score; 0: nothing.
    """

    iou: float = 0.3
    inclusive: bool = False
    clip: bool = False
    candidates: int = 5000
    keep: int = 750
    vote: float = 1.0
    support: float = 0.0


def iou(a: Boxes, b: Boxes, *, inclusive: bool = False) -> Boxes:
    """Measure how far boxes a (M, 4) and b (N, 4) overlap: (M, N), 0 to 1; 0 for empty boxes."""
    one, other = _sides_and_area(a, inclusive), _sides_and_area(b, inclusive)
    return _overlap(one[:, :, None], other[:, None], inclusive)


def suppress(boxes: Boxes, scores: Scores, rule: Suppression) -> NDArray[np.intp]:
    """Keep the best of the boxes (N, 4) that overlap: their rows, best first, ties in order.

    Greedy non-maximum suppression: the best box removes all that overlap it by more than the
    rule allows, then the best of the rest does, and so on.
    """
    return _lead(boxes, scores, rule)[0]


def vote(boxes: Boxes, scores: Scores, rule: Suppression) -> tuple[Boxes, Scores]:
    """Keep the best, as `suppress`, and let those shape it that it removes: best first.

    A network says the same of a face many times, and the best of its boxes is not just in place.
    The kept box becomes the mean of all, weighted by their squared scores. What the others say is
    evidence too, though hardly independent: each score s multiplies the doubt of the kept one,
    1 - score, by (1 - s) ** support, a noisy or.

    Reference:
        Gidaris, Komodakis: Object detection via a multi-region & semantic segmentation-aware CNN
        model, ICCV 2015, arXiv:1505.01749, section 5 (voting).
    """
    kept, leader = _lead(boxes, scores, rule)
    followers = np.flatnonzero((leader >= 0) & (scores >= LEAST_VOTE))
    leaders = kept[leader[followers]]
    followers = followers[_iou_of_pairs(boxes[followers], boxes[leaders], rule) >= rule.vote]
    followers = followers[np.argsort(leader[followers], kind="stable")]
    heard, starts = np.unique(leader[followers], return_index=True)
    shaped, sure = boxes[kept], scores[kept]
    if len(heard):
        weight = (scores[followers] ** 2)[:, None]
        total = np.add.reduceat(weight, starts)
        shaped[heard] = np.add.reduceat(weight * boxes[followers], starts) / total
        doubt, own = np.add.reduceat(_log_doubt(scores[followers]), starts), _log_doubt(sure[heard])
        sure[heard] = -np.expm1(own + np.float32(rule.support) * (doubt - own))
    order = np.argsort(-sure, kind="stable")
    return shaped[order], sure[order]


def clip(boxes: Boxes, height: int, width: int) -> Boxes:
    """Cut boxes (N, 4) off at the border of a picture; outside of it they become empty."""
    limit = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(boxes, 0, limit)


def _lead(
    boxes: Boxes, scores: Scores, rule: Suppression
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rows that are kept (K,), and the place among them of what removes each box (N,).

    Who is kept leads itself; -1 stands for those that take no part or are beyond the most.
    """
    rows = np.argsort(-scores, kind="stable")[: rule.candidates]
    rest = _sides_and_area(boxes[rows], rule.inclusive)  # (5, K), best first
    leader = np.full(len(boxes), -1, np.intp)
    kept: list[np.intp] = []
    while len(rows) and len(kept) < rule.keep:
        best = rest[:, :_AT_ONCE]
        overlap = _overlap(best[:, :, None], rest[:, None], rule.inclusive)  # (B, K)
        near = overlap >= rule.iou if rule.inclusive else overlap > rule.iou
        left = np.ones(len(rows), dtype=np.bool_)
        for place, others in enumerate(near):
            if left[place]:
                others[place] = True  # an empty box overlaps nothing
                leader[rows[others & left]] = len(kept)
                kept.append(rows[place])
                left &= ~others
        rows, rest = rows[left], rest[:, left]
    leader[leader >= rule.keep] = -1
    return np.array(kept[: rule.keep], dtype=np.intp), leader


def _iou_of_pairs(a: Boxes, b: Boxes, rule: Suppression) -> Boxes:
    """Measure how far each of boxes a (N, 4) overlaps its own of boxes b (N, 4): (N,)."""
    one, other = (_sides_and_area(boxes, rule.inclusive) for boxes in (a, b))
    return _overlap(one, other, rule.inclusive)


def _log_doubt(scores: Scores) -> Scores:
    """Return log(1 - score), finite also for 1."""
    return np.log1p(-np.minimum(scores, _SUREST))


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
