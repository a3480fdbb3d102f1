"""Hours in one shot: link it in windows that overlap, so that memory does not grow with it.

Who is who in the half of an overlap that comes first is decided by the earlier window, in the other
half by the later one: each decision has seen what comes long before and after. A track of the later
window is that track of the earlier one with which it shares the most detections.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from trackers.kalman import Floats
from trackers.offline.faces import Ints

_LEAST_OVERLAP: Final = 64
"""Looks."""

Linked = Callable[[slice], Ints]
"""Link the detections of some rows: whose face each is, from 0; -1 for nobody's."""


def link_in_windows(look: Ints, time: Floats, linked: Linked, overlap: float, most: int) -> Ints:
    """Return whose face each of a shot's detections is, (N,): -1 for nobody's.

    Args:
        look: (N,) which of the looks at the video, ascending.
        time: (N,) seconds.
        linked: what links a window.
        overlap: seconds that two windows have in common.
        most: detections of a window, where the overlaps leave the choice.
    """
    ids, born, done = np.full(len(look), -1, np.int64), 0, 0
    for window in _cut(look, time, overlap, most):
        found = linked(window)
        common, seam = slice(window.start, done), (window.start + done) // 2
        seam = int(np.searchsorted(look, look[min(seam, len(look) - 1)]))
        count = int(found.max(initial=-1)) + 1
        names = np.append(born + np.arange(count), -1)  # of the window's tracks, and of nobody
        old, new = _same(ids[common], found[: done - window.start])
        names[new] = old
        ids[seam : window.stop] = names[found[seam - window.start :]]
        born, done = born + count, window.stop
    return ids


def _cut(look: Ints, time: Floats, overlap: float, most: int) -> Iterator[slice]:
    """Cut a shot into windows, between looks; each is at least twice as long as what it shares."""
    begin, count = 0, len(look)
    while begin < count:
        end = max(
            begin + most,
            int(np.searchsorted(time, time[begin] + 2 * overlap)),
            int(np.searchsorted(look, look[begin] + 2 * _LEAST_OVERLAP)),
        )
        if end >= count:
            yield slice(begin, count)
            return
        end = int(np.searchsorted(look, look[end]))
        yield slice(begin, end)
        earlier = look[end] - _LEAST_OVERLAP
        begin = min(
            int(np.searchsorted(time, time[end] - overlap)), int(np.searchsorted(look, earlier))
        )


def _same(old: Ints, new: Ints) -> tuple[Ints, Ints]:
    """Return the tracks (K,), (K,) of two windows that share more with each other than with others.

    Args:
        old: (M,) what the earlier window says of the detections in both.
        new: (M,) what the later one says.
    """
    both = (old >= 0) & (new >= 0)
    pairs, shared = np.unique(np.stack([old[both], new[both]]), axis=1, return_counts=True)
    old, new = pairs[:, np.argsort(-shared, kind="stable")]
    best_of_old, best_of_new = (np.unique(side, return_index=True)[1] for side in (old, new))
    mutual = np.intersect1d(best_of_old, best_of_new)
    return old[mutual], new[mutual]
