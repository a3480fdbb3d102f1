"""Which rows have to do with which: pairs from ranges, a bounded number at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from trackers.kalman import Floats
from trackers.offline.faces import Ints

_MOST: Final = 50_000
"""Pairs at a time: memory stays flat however long the shot is."""


def expand(begin: Ints, end: Ints) -> tuple[Ints, Ints]:
    """Return (P,), (P,): each row k beside every one of ``range(begin[k], end[k])``."""
    count = np.maximum(end - begin, 0)
    rows = np.repeat(np.arange(len(count)), count)
    first = np.cumsum(count) - count
    return rows, np.arange(len(rows)) - np.repeat(first - begin, count)


def batches(weights: Ints, group: Ints | None = None) -> Iterator[slice]:
    """Cut rows into consecutive slices of bounded total weight; groups (ascending) stay whole."""
    total = np.cumsum(weights)
    if not len(total):
        return
    cuts = np.searchsorted(total, np.arange(_MOST, total[-1], _MOST))
    if group is not None:
        cuts = np.searchsorted(group, group[cuts])
    edges = np.unique(np.concatenate([[0], cuts, [len(total)]]))
    for begin, end in itertools.pairwise(edges):
        yield slice(int(begin), int(end))


def pair_iou(a: Floats, b: Floats) -> Floats:
    """Return the overlap (P,) of boxes (P, 4) with boxes (P, 4), row for row."""
    shared = area(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]))
    union = area(a[:, 2:] - a[:, :2]) + area(b[:, 2:] - b[:, :2]) - shared
    return np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)


def pair_cover(a: Floats, b: Floats) -> Floats:
    """Return the part (P,) of each of the boxes (P, 4) that lies in the box beside it."""
    shared = area(np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2]))
    whole = area(a[:, 2:] - a[:, :2])
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)


def area(sides: Floats) -> Floats:
    """Return width times height (P,); what has a negative side has no area."""
    sides = np.maximum(sides, 0)
    return np.asarray(sides[:, 0] * sides[:, 1])


def highest(groups: NDArray[np.integer], values: Floats, count: int) -> Floats:
    """Return the highest value (count,) of each group; -inf where it has none."""
    found = np.full(count, -np.inf)
    np.maximum.at(found, groups, values)
    return found
