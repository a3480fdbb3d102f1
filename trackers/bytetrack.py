"""ByteTrack: SORT, and a second look at weak detections for the tracks that found no strong one.

A face that turns away or is half hidden still gives a detection, a weak one. It is no evidence for
a new face, but good evidence for one that is expected at this very place.

Reference: Zhang et al., ByteTrack: Multi-Object Tracking by Associating Every Detection Box, 2022,
arXiv:2110.06864.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackers.assignment import Rows, assign, iou
from trackers.kalman import Floats
from trackers.population import Population

Bools = NDArray[np.bool_]


class ByteTrack:
    """Track strong detections first, then rescue weak ones; only strong ones begin a track."""

    def __init__(
        self,
        threshold: float = 0.5,
        min_iou: float = 0.3,
        max_unseen: float = 1.0,
        min_seen: float = 0.0,
        *,
        weak_min_iou: float = 0.5,
    ) -> None:
        self._threshold = threshold
        self._min_iou = min_iou
        self._weak_min_iou = weak_min_iou
        self._tracks = Population(max_unseen, min_seen)

    def update(
        self, boxes: NDArray[np.floating], scores: NDArray[np.floating], time: float
    ) -> NDArray[np.int64]:
        """See :meth:`trackers.Tracker.update`."""
        seen = np.asarray(boxes, np.float64)  # (N, 4)
        overlap = iou(self._tracks.advance(time), seen)  # (T, N)
        strong = np.asarray(scores) >= self._threshold  # (N,)
        every = np.ones(len(overlap), np.bool_)
        tracks, rows = _assign_part(overlap, every, strong, self._min_iou)
        # A track that was lost before is not taken up again on weak evidence.
        rest = self._tracks.recent.copy()
        rest[tracks] = False
        weak_tracks, weak_rows = _assign_part(overlap, rest, ~strong, self._weak_min_iou)
        strong[rows] = False  # what is left of them is new
        tracks, rows = np.append(tracks, weak_tracks), np.append(rows, weak_rows)
        self._tracks.see(tracks, seen[rows])
        ids = np.full(len(seen), -1, np.int64)
        ids[rows] = self._tracks.identify(tracks)
        ids[strong] = self._tracks.identify(self._tracks.enter(seen[strong]))
        return ids


def _assign_part(overlap: Floats, tracks: Bools, rows: Bools, least: float) -> tuple[Rows, Rows]:
    """Assign some of the rows to some of the tracks, both given as masks."""
    of_tracks, of_rows = np.flatnonzero(tracks), np.flatnonzero(rows)
    a, b = assign(overlap[np.ix_(of_tracks, of_rows)], least)
    return of_tracks[a], of_rows[b]
