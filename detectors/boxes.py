"""Arithmetic of boxes x1, y1, x2, y2 in pixels, right and bottom exclusive."""

from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from detectors.suppression import Suppression

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]

LEAST_VOTE: Final = 0.2  # score from which a box that is removed has a say in the one that is kept
_LEAST_WEIGHT: Final = np.float32(1e-30)  # of a kept box in its own mean, where its score is 0
_SUREST: Final = np.float32(1 - 1e-6)


def iou(a: Boxes, b: Boxes, *, inclusive: bool = False) -> Boxes:
    """Measure how far boxes a (M, 4) and b (N, 4) overlap: (M, N), 0 to 1; 0 for empty boxes."""
    one, other = _sides_and_area(a, inclusive), _sides_and_area(b, inclusive)
    return _overlap(one[:, :, None], other[:, None], inclusive)


def suppress(boxes: Boxes, scores: Scores, rule: Suppression) -> NDArray[np.intp]:
    """Keep the best of the boxes (N, 4) that overlap: their rows, best first, ties in order.

    Greedy non-maximum suppression: the best box removes all that overlap it by more than the
    rule allows, then the best of the rest does, and so on.
    """
    rows = np.argsort(-scores, kind="stable")[: rule.candidates]
    corner = boxes[rows, :2].astype(np.float64)
    sides = boxes[rows, 2:] - corner + rule.inclusive
    empty = (sides <= 0).any(1)  # overlaps nothing; OpenCV sees that otherwise
    solid = np.flatnonzero(~empty)
    limit = np.nextafter(np.float32(rule.iou), np.float32(0)) if rule.inclusive else rule.iou
    rectangles: Any = np.hstack([corner, sides])[solid]
    ranks: Any = np.arange(len(solid), 0.0, -1.0)
    chosen = solid[list(cv2.dnn.NMSBoxes(rectangles, ranks, 0.0, limit))]
    stays = np.union1d(np.flatnonzero(empty), chosen)
    return rows[stays][: rule.keep]


def vote(boxes: Boxes, scores: Scores, rule: Suppression) -> tuple[Boxes, Scores]:
    """Keep the best, as `suppress`, and let the boxes around it shape each: best first.

    A network says the same of a face many times, and the best of its boxes is not just in place.
    The kept box becomes the mean of all, weighted by their squared scores. What the others say is
    evidence too, though hardly independent: each score s multiplies the doubt of the kept one,
    1 - score, by (1 - s) ** support, a noisy or.

    Reference:
        Gidaris, Komodakis: Object detection via a multi-region & semantic segmentation-aware CNN
        model, ICCV 2015, arXiv:1505.01749, section 5 (voting).
    """
    kept = suppress(boxes, scores, rule)
    if not len(kept):
        return boxes[kept], scores[kept]
    has_vote = scores >= LEAST_VOTE
    voters = np.union1d(np.flatnonzero(has_vote), kept)
    place, voter = _near(boxes[kept], boxes[voters])
    one, other = kept[place], voters[voter]
    sides = [_sides_and_area(boxes[rows], rule.inclusive) for rows in (one, other)]
    overlap = _overlap(sides[0], sides[1], rule.inclusive)
    counts = ((overlap >= rule.vote) & has_vote[other]) | (one == other)
    starts = np.flatnonzero(np.diff(place[counts], prepend=-1))  # one for each kept box
    boxes, scores, sure = boxes[other[counts]], scores[other[counts]], scores[kept]
    weight = np.maximum(scores**2, _LEAST_WEIGHT)[:, None]
    shaped = np.add.reduceat(weight * boxes, starts)
    shaped /= np.add.reduceat(weight, starts)
    doubt, own = np.add.reduceat(_log_doubt(scores), starts), _log_doubt(sure)
    sure = -np.expm1(own + np.float32(rule.support) * (doubt - own))
    order = np.argsort(-sure, kind="stable")
    return shaped[order], sure[order]


def clip(boxes: Boxes, height: int, width: int) -> Boxes:
    """Cut boxes (N, 4) off at the border of a picture; outside of it they become empty."""
    limit = np.array([width, height, width, height], dtype=np.float32)
    return np.clip(boxes, 0, limit)


def _near(a: Boxes, b: Boxes) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair each of boxes a (M, 4) with those of boxes b (N, 4) whose middle is between its sides.

    No others overlap it by half or more.
    """
    middle = b[:, 0] / 2 + b[:, 2] / 2
    order = np.argsort(middle, kind="stable")
    first = np.searchsorted(middle, a[:, 0], "left", order)
    counts = np.searchsorted(middle, a[:, 2], "right", order) - first
    place = np.repeat(np.arange(len(a)), counts)
    within = np.arange(len(place)) - np.repeat(counts.cumsum() - counts, counts)
    return place, order[first[place] + within]


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
