"""Average precision of boxes with scores, where some truth counts neither way.

Reference:
    Everingham et al., The PASCAL Visual Object Classes Challenge, 2010 (area under the
    interpolated curve over all points).
    Yang et al., WIDER FACE, 2016, arXiv:1511.06523 (faces that a level leaves out are neither
    found nor missed).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.random import default_rng
from numpy.typing import NDArray

from detectors import Detections
from detectors.boxes import iou
from training.datasets import Boxes

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What became of the detections of one or many pictures; those that do not count are gone.

    Attributes:
        scores: (N,) of the detections that count.
        right: (N,) whether a detection is the first to find a true face that counts.
        n_faces: True faces that count.
    """

    scores: NDArray[np.float32]
    right: Flags
    n_faces: int

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put pictures together."""
        scores = np.concatenate([part.scores for part in parts])
        right = np.concatenate([part.right for part in parts])
        return cls(scores, right, sum(part.n_faces for part in parts))


def judge(
    found: Detections, truth: Boxes, counts: Flags, ignore: Boxes, least_iou: float = 0.5
) -> Judged:
    """Compare the detections of one picture with its true faces (M, 4).

    A detection belongs to the true face that it overlaps most. A second one on the same face is
    wrong. Detections of faces that do not count (`counts` (M,)), and unmatched ones that lie for
    more than half in a region of `ignore` (K, 4), are left out.
    """
    right, left_out = np.zeros(len(found), bool), np.zeros(len(found), bool)
    taken = np.zeros(len(truth), bool)
    overlap = iou(found.boxes, truth)  # (N, M)
    inside = _share_inside(found.boxes, ignore)  # (N,)
    for row in range(len(found)):  # best score first
        face = int(overlap[row].argmax()) if len(truth) else -1
        if face < 0 or overlap[row, face] < least_iou:
            left_out[row] = inside[row] > 0.5
        elif not counts[face]:
            left_out[row] = True
        else:
            right[row] = not taken[face]
            taken[face] = True
    return Judged(found.scores[~left_out], right[~left_out], int(counts.sum()))


def curve(judged: Judged) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
    """Return recall, precision and score at each detection, best first: (N,) each."""
    order = np.argsort(-judged.scores, kind="stable")
    hits = judged.right[order].cumsum()
    recall = hits / max(judged.n_faces, 1)
    return recall, hits / np.arange(1, len(order) + 1), judged.scores[order]


def average_precision(judged: Judged) -> float:
    """Return the area under the interpolated precision-recall curve, 0 to 1; nan without faces."""
    if judged.n_faces == 0:
        return float("nan")
    recall, precision, _ = curve(judged)
    best_from_here = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best_from_here))


def interval(pictures: Sequence[Judged], repeats: int = 200, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the average precision over pictures."""
    rng = default_rng(seed)
    values = [
        average_precision(Judged.join([pictures[i] for i in rng.integers(len(pictures), size=n)]))
        for n in [len(pictures)] * repeats
    ]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def threshold_for(judged: Judged, precision: float) -> float:
    """Return the lowest score at and above which at least this share of detections is right."""
    _, at, scores = curve(judged)
    good = np.flatnonzero(at >= precision)
    return float(scores[good[-1]]) if len(good) else 1.0


def _share_inside(boxes: Boxes, regions: Boxes) -> NDArray[np.float32]:
    """Return the largest share of each box (N, 4) that lies in one region (K, 4): (N,)."""
    low = np.maximum(boxes[:, None, :2], regions[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], regions[None, :, 2:])
    common = (high - low).clip(0).prod(-1)  # (N, K)
    own = (boxes[:, 2:] - boxes[:, :2]).clip(1e-6).prod(-1)
    shares: NDArray[np.float32] = common.max(1, initial=0.0) / own
    return shares
