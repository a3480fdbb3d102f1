"""OC-SORT: SORT that trusts what it has seen more than what it has foretold.

Three ideas. Which way a face has been going, from its sightings and not from the filter, counts
when boxes are assigned. A track that found nothing tries the place where it was last seen. And a
track that is found again is corrected as if it had been seen all along on a straight line between
the two sightings, so that the errors of a blind filter do not add up.

Written from the paper; its frame counts are seconds here. Since a track's state stands still while
the face is out of sight (:mod:`trackers.population`), the virtual sightings are fed in one go.

Reference: Cao et al., Observation-Centric SORT: Rethinking SORT for Robust Multi-Object Tracking,
2023, arXiv:2203.14360.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trackers.assignment import Rows, assign, iou
from trackers.kalman import Floats
from trackers.population import Population

MOMENTUM: Final = 0.2
"""Weight of the direction beside the overlap."""
SPAN: Final = 0.1
"""Seconds over which the direction is taken, at least: three frames of 25 a second."""
VIRTUAL: Final = 4
"""Sightings that a gap is bridged with, the real one at its end included."""
_KEPT: Final = 8
"""Sightings of each track that are remembered."""


class OcSort:
    """Track by overlap and direction; then by overlap with where a face was last seen."""

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
        self._seen = _Sightings()

    def update(
        self, boxes: NDArray[np.floating], scores: NDArray[np.floating], time: float
    ) -> NDArray[np.int64]:
        """See :meth:`trackers.Tracker.update`."""
        predicted = self._tracks.advance(time)  # (T, 4)
        rows = np.flatnonzero(scores >= self._threshold)  # (K,)
        here = np.asarray(boxes, np.float64)[rows]  # (K, 4)
        tracks, found = self._assign(predicted, here)
        last = self._seen.last(self._tracks.ids[tracks])
        self._tracks.see(tracks, here[found], last, VIRTUAL)
        ids = np.full(len(boxes), -1, np.int64)
        ids[rows[found]] = self._tracks.identify(tracks)
        new = np.delete(np.arange(len(rows)), found)
        entered = self._tracks.enter(here[new])
        ids[rows[new]] = self._tracks.identify(entered)
        every, place = np.append(tracks, entered), np.append(found, new)
        self._seen.add(self._tracks.ids[every], here[place], time)
        return ids

    def _assign(self, predicted: Floats, here: Floats) -> tuple[Rows, Rows]:
        """Return which tracks (M,) are which of the boxes (M,)."""
        ids = self._tracks.ids
        overlap = iou(predicted, here)  # (T, K)
        similarity = np.maximum(overlap + MOMENTUM * self._seen.agreement(ids, here), 1e-6)
        tracks, found = assign(np.where(overlap >= self._min_iou, similarity, 0), 0)
        rest = np.delete(np.arange(len(ids)), tracks)
        left = np.delete(np.arange(len(here)), found)
        a, b = assign(iou(self._seen.last(ids[rest]), here[left]), self._min_iou)
        return np.append(tracks, rest[a]), np.append(found, left[b])


class _Sightings:
    """The last few sightings of each track, by id."""

    def __init__(self) -> None:
        self._boxes = np.zeros((1, _KEPT, 4))  # the latest last
        self._times = np.full((1, _KEPT), -np.inf)

    def last(self, ids: NDArray[np.int64]) -> Floats:
        """Return where tracks were last seen, (T, 4)."""
        return np.asarray(self._boxes[ids, -1])

    def add(self, ids: NDArray[np.int64], boxes: Floats, time: float) -> None:
        """Remember where tracks (M,) are seen now."""
        more = ids.max(initial=0) + 1 - len(self._times)
        if more > 0:
            self._boxes = np.concatenate([self._boxes, np.zeros((more, _KEPT, 4))])
            self._times = np.concatenate([self._times, np.full((more, _KEPT), -np.inf)])
        for kept, now in ((self._boxes, boxes), (self._times, time)):
            kept[ids, :-1] = kept[ids, 1:]
            kept[ids, -1] = now

    def agreement(self, ids: NDArray[np.int64], boxes: Floats) -> Floats:
        """Return (T, K): 0.5 where a box lies straight ahead of a track, -0.5 behind it."""
        centres = (self._boxes[ids, :, :2] + self._boxes[ids, :, 2:]) / 2  # (T, H, 2)
        times = self._times[ids]  # (T, H)
        old = (times <= times[:, -1:] - SPAN + 1e-6) & np.isfinite(times)
        first = np.maximum(old.sum(axis=1) - 1, 0) + (~np.isfinite(times)).sum(axis=1)
        first = np.minimum(first, _KEPT - 1)  # the latest that is old enough, or the oldest
        heading = centres[:, -1] - centres[np.arange(len(ids)), first]  # (T, 2)
        ahead = (boxes[:, :2] + boxes[:, 2:]) / 2 - centres[:, -1:]  # (T, K, 2)
        along = (heading[:, None] * ahead).sum(axis=2)
        across = heading[:, None, 0] * ahead[:, :, 1] - heading[:, None, 1] * ahead[:, :, 0]
        moves = (along != 0) | (across != 0)
        return np.where(moves, 0.5 - np.abs(np.arctan2(across, along)) / np.pi, 0.0)
