"""Which box belongs to which track: overlap, and the best one-to-one assignment."""

from __future__ import annotations

import numpy as np
import scipy  # loads its parts when they are first used, which takes half a second
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


def iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> Floats:
    """Return the intersection over union (A, B) of boxes (A, 4) and (B, 4) xyxy."""
    sides = np.minimum(a[:, None, 2:], b[None, :, 2:]) - np.maximum(a[:, None, :2], b[None, :, :2])
    inside = _area(sides)  # (A, B)
    union = _area(a[:, 2:] - a[:, :2])[:, None] + _area(b[:, 2:] - b[:, :2])[None, :] - inside
    return np.divide(inside, union, out=np.zeros_like(inside), where=union > 0)


def assign(similarity: Floats, least: float) -> tuple[Rows, Rows]:
    """Pair rows with columns, each at most once, so that the summed similarity is largest.

    Pairs below ``least`` (and pairs that have nothing in common) are out before the solver starts:
    they count nothing, so none is ever taken in place of a good one, and none is returned.
    SciPy's solver is a variant of Jonker and Volgenant's, not the Hungarian method itself; the
    result is the same.
    """
    allowed = (similarity >= least) & (similarity > 0)
    worth = np.where(allowed, similarity, 0)
    rows, columns = scipy.optimize.linear_sum_assignment(worth, maximize=True)
    good = allowed[rows, columns]
    return rows[good], columns[good]


def _area(sides: NDArray[np.floating]) -> Floats:
    """Return width times height (...) of sides (..., 2); what has a negative side has no area."""
    sides = np.maximum(sides, 0.0)
    return np.asarray(sides[..., 0] * sides[..., 1], np.float64)
