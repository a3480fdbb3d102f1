"""SORT: a Kalman filter predicts each box, the Hungarian method assigns what is seen to it.

Reference: Bewley et al., Simple Online and Realtime Tracking, 2016, arXiv:1602.00763. Written from
the paper; its frame counts (T_lost, the probation of new tracks) are seconds here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackers.assignment import assign, iou
from trackers.population import Population


class Sort:
    """Track by overlap with the predicted box alone; detections below ``threshold`` are unused."""

    def __init__(
        self,
        threshold: float = 0.5,
        min_iou: float = 0.3,
        max_unseen: float = 1.0,
        min_seen: float = 0.0,
    ) -> None:
        self._threshold = threshold
        self._min_iou = min_iou
        self._tracks = Population(max_unseen, min_seen)

    def update(
        self, boxes: NDArray[np.floating], scores: NDArray[np.floating], time: float
    ) -> NDArray[np.int64]:
        """See :meth:`trackers.Tracker.update`."""
        predicted = self._tracks.advance(time)  # (T, 4)
        rows = np.flatnonzero(scores >= self._threshold)  # (K,)
        seen = np.asarray(boxes, np.float64)[rows]  # (K, 4)
        tracks, found = assign(iou(predicted, seen), self._min_iou)
        self._tracks.see(tracks, seen[found])
        ids = np.full(len(boxes), -1, np.int64)
        ids[rows[found]] = self._tracks.identify(tracks)
        new = np.delete(np.arange(len(rows)), found)
        ids[rows[new]] = self._tracks.identify(self._tracks.enter(seen[new]))
        return ids
