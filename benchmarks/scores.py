"""Tracks against the truth: HOTA, CLEAR MOT and identity scores, computed by TrackEval.

The truth has boxes that are to be ignored (a face from behind, a blurred crowd): a tracker may
find them or not. A box that matches no real face and lies at least half inside one of those is
taken out before TrackEval sees it.

Reference:
    Luiten et al.: HOTA: A Higher Order Metric for Evaluating Multi-Object Tracking, 2020,
    arXiv:2009.07736. Bernardin, Stiefelhagen: Evaluating Multiple Object Tracking Performance: The
    CLEAR MOT Metrics, 2008. Ristani et al.: Performance Measures and a Data Set for Multi-Target,
    Multi-Camera Tracking, 2016, arXiv:1609.01775.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from trackeval.metrics import CLEAR, HOTA, Identity

from benchmarks.sequences import Rows, Sequence
from trackers.assignment import iou

ALL: Final = "ALL"
"""The name under which all sequences together are scored."""

_MATCH: Final = 0.5
"""Overlap from which a box is a real face, and part that must lie in a region to be ignored."""


@dataclass(frozen=True, slots=True)
class Score:
    """How good tracks are; the first six are percent, the others counts."""

    hota: float
    det: float
    ass: float
    idf1: float
    mota: float
    hota70: float
    """HOTA where boxes must overlap by 0.7: tells boxes that lag."""
    switches: int
    fragments: int
    false: int
    missed: int


def score(results: Mapping[str, Rows], sequences: list[Sequence]) -> dict[str, Score]:
    """Return the score of each sequence by name, and of all of them as ``ALL``.

    Args:
        results: tracks by the name of the sequence; every one must have some, perhaps no rows.
        sequences: with their truths.
    """
    metrics = _metrics()
    data = {one.name: _data(one, results[one.name]) for one in sequences}
    single = {
        name: {key: metric.eval_sequence(found) for key, metric in metrics.items()}
        for name, found in data.items()
    }
    together = {
        key: metric.combine_sequences({name: found[key] for name, found in single.items()})
        for key, metric in metrics.items()
    }
    return {name: _summary(found) for name, found in {**single, ALL: together}.items()}


def without_ignored(found: Rows, truth: Rows) -> Rows:
    """Return what counts: not what hits only boxes that are to be ignored."""
    keep = np.ones(len(found.frame), np.bool_)
    for frame in np.unique(truth.frame[truth.scores == 0]):
        rows = np.flatnonzero(found.frame == frame)
        here = truth.where(truth.frame == frame)
        boxes, ignored = found.boxes[rows], here.boxes[here.scores == 0]
        free = np.ones(len(rows), np.bool_)
        free[_matches(iou(boxes, here.boxes[here.scores > 0]))] = False
        keep[rows[free & (_covered(boxes, ignored).max(axis=1) >= _MATCH)]] = False
    return found.where(keep)


def _matches(overlap: NDArray[np.float64]) -> NDArray[np.intp]:
    """Return the rows that have a partner, one to one."""
    rows, columns = linear_sum_assignment(np.where(overlap >= _MATCH, overlap, 0), maximize=True)
    matched: NDArray[np.intp] = rows[overlap[rows, columns] >= _MATCH]
    return matched


def _covered(boxes: NDArray[np.float64], by: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the part (A, B) of each of the boxes (A, 4) that lies in each of the others (B, 4)."""
    low, high = (
        np.maximum(boxes[:, None, :2], by[None, :, :2]),
        np.minimum(boxes[:, None, 2:], by[None, :, 2:]),
    )
    inside = np.maximum(high - low, 0).prod(axis=2)  # (A, B)
    area = np.maximum((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), 1e-9)  # (A,)
    return np.asarray(inside / area[:, None])


def _data(sequence: Sequence, found: Rows) -> dict[str, Any]:
    """Return what TrackEval's metrics read."""
    truth, found = (
        sequence.truth.where(sequence.truth.scores > 0),
        without_ignored(found, sequence.truth),
    )
    gt_ids, true_count = _numbered(truth, sequence.frames)
    tracker_ids, found_count = _numbered(found, sequence.frames)
    similarity = [
        iou(truth.boxes[truth.frame == k], found.boxes[found.frame == k])
        for k in range(sequence.frames)
    ]
    return {
        "gt_ids": gt_ids,
        "tracker_ids": tracker_ids,
        "similarity_scores": similarity,
        "num_timesteps": sequence.frames,
        "num_gt_ids": true_count,
        "num_tracker_ids": found_count,
        "num_gt_dets": len(truth.frame),
        "num_tracker_dets": len(found.frame),
    }


def _numbered(rows: Rows, frames: int) -> tuple[list[NDArray[np.int64]], int]:
    """Return the ids of each frame, numbered without holes, and how many there are."""
    names, ids = np.unique(rows.ids, return_inverse=True)
    return [ids[rows.frame == k] for k in range(frames)], len(names)


def _metrics() -> dict[str, Any]:
    with contextlib.redirect_stdout(io.StringIO()):  # TrackEval prints its settings
        settings = {"THRESHOLD": _MATCH, "PRINT_CONFIG": False}
        return {"hota": HOTA(), "clear": CLEAR(settings), "identity": Identity(settings)}


def _summary(found: Mapping[str, Mapping[str, Any]]) -> Score:
    hota, clear, identity = found["hota"], found["clear"], found["identity"]
    return Score(
        hota=100 * float(np.mean(hota["HOTA"])),
        det=100 * float(np.mean(hota["DetA"])),
        ass=100 * float(np.mean(hota["AssA"])),
        idf1=100 * float(identity["IDF1"]),
        mota=100 * float(clear["MOTA"]),
        hota70=100 * float(hota["HOTA"][_AT_70]),
        switches=int(clear["IDSW"]),
        fragments=int(clear["Frag"]),
        false=int(clear["CLR_FP"]),
        missed=int(clear["CLR_FN"]),
    )


_AT_70: Final = 13
"""Place of the overlap 0.7 in TrackEval's list 0.05, 0.10, ..."""
