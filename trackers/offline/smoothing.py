"""Boxes without their jitter: what a face did, given all sightings of it, before and after.

Each track goes through the filter of :mod:`~trackers.offline.motion` forwards and through a
Rauch-Tung-Striebel smoother backwards, so that nothing lags. Long tracks are cut into pieces that
overlap by far more than the filter remembers; all pieces of all tracks go in step.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from trackers.kalman import Floats
from trackers.offline.faces import Ints
from trackers.offline.motion import Series, boxes_from, describe, smoothed
from trackers.offline.pairs import batches, expand

FloatT = TypeVar("FloatT", bound=np.floating)

_PIECE: Final = 64
"""Sightings that a piece gives."""
_OVERLAP: Final = 32
"""Sightings on either side that it only listens to."""
_BATCH: Final = 500
"""Pieces at a time."""


def smooth(tracks: NDArray[np.integer], times: Floats, boxes: NDArray[FloatT]) -> NDArray[FloatT]:
    """Return the boxes (N, 4) smoothed.

    Args:
        tracks: (N,) ascending.
        times: (N,) seconds, ascending within a track.
        boxes: (N, 4) xyxy.
    """
    result = np.empty_like(boxes)
    edges = np.flatnonzero(np.append(True, tracks[1:] != tracks[:-1])[: len(tracks)])
    edges = np.append(edges, len(tracks))
    for some in batches(np.diff(edges)):
        rows = slice(edges[some.start], edges[some.stop])
        begin, end = edges[some] - rows.start, edges[some.start + 1 : some.stop + 1] - rows.start
        result[rows] = _smooth_tracks(times[rows], boxes[rows], begin, end)
    return result


def _smooth_tracks(times: Floats, boxes: NDArray[FloatT], begin: Ints, end: Ints) -> Floats:
    """Smooth a few tracks: those of the rows ``begin`` (T,) to ``end`` (T,)."""
    values = describe(boxes.astype(np.float64))
    track, piece = expand(np.zeros_like(begin), -(-(end - begin) // _PIECE))
    result = np.empty_like(values)
    for first in range(0, len(track), _BATCH):
        part = slice(first, first + _BATCH)
        begins, ends = begin[track[part]], end[track[part]]
        _smooth_pieces(values, times, begins, ends, begins + piece[part] * _PIECE, result)
    return boxes_from(result)


def _smooth_pieces(
    values: Floats, times: Floats, begin: Ints, end: Ints, first: Ints, result: Floats
) -> None:
    """Smooth a piece of each track, from the rows ``first`` (B,) on, into ``result``."""
    rows = first[:, None] + np.arange(-_OVERLAP, _PIECE + _OVERLAP)  # (B, L)
    present = (rows >= begin[:, None]) & (rows < end[:, None])
    rows = np.clip(rows, begin[:, None], end[:, None] - 1)
    series = Series(values[rows], times[rows], np.exp(values[rows, 2]), present)
    middle = slice(_OVERLAP, _OVERLAP + _PIECE)
    wanted = present[:, middle]
    result[rows[:, middle][wanted]] = smoothed(series)[:, middle][wanted]
