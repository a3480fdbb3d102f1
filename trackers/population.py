"""The tracks of one video that are alive, as arrays with one row a track.

A track's state stands at the time it was last seen and is predicted from there, in one step, to the
time of each new frame: nothing adds up while a face is out of sight.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackers.assignment import Rows
from trackers.kalman import Floats, boxes_of, correct, measure, predict, start


class Population:
    """The living tracks; their rows stay in place from one :meth:`advance` to the next."""

    def __init__(self, max_unseen: float, min_seen: float) -> None:
        self._max_unseen = max_unseen
        self._min_seen = min_seen
        self._born = 0
        self._time = -np.inf
        self._ids = np.zeros(0, np.int64)  # (T,)
        self._first = np.zeros(0)  # (T,) seconds
        self._last = np.zeros(0)  # (T,) seconds
        self._states = np.zeros((0, 7))
        self._covariances = np.zeros((0, 7, 7))
        self._predicted = self._states, self._covariances  # for the frame at hand
        self._recent = np.zeros(0, np.bool_)  # (T,)

    @property
    def ids(self) -> NDArray[np.int64]:
        """(T,) who they are, mature or not."""
        return self._ids

    @property
    def recent(self) -> NDArray[np.bool_]:
        """(T,) whether a track was seen in the frame before."""
        return self._recent

    def advance(self, time: float) -> Floats:
        """Go on to the frame at ``time`` seconds and return where each track should be, (T, 4).

        A track that was missed for longer than ``max_unseen`` ends. One that was seen in the frame
        before goes on however long ago that is: nobody has missed it yet.
        """
        if not time > self._time:
            raise ValueError(f"time must grow: {time = } after {self._time}")
        recent = self._last == self._time
        alive = recent | (time - self._last <= self._max_unseen)
        self._keep(alive)
        self._recent, self._time = recent[alive], time
        self._predicted = predict(self._states, self._covariances, time - self._last)
        return boxes_of(self._predicted[0])

    def see(self, rows: Rows, boxes: Floats, last: Floats | None = None, steps: int = 1) -> None:
        """Correct the tracks ``rows`` with what is seen of them now, (K, 4).

        Given the boxes ``last`` (K, 4) seen of them before, a track that was missed meanwhile is
        corrected in so many ``steps``, as if it had been seen on the straight line.
        """
        missed = ~self._recent[rows]
        if last is not None and missed.any():
            self._bridge(rows[missed], last[missed], boxes[missed], steps)
            rows, boxes = rows[~missed], boxes[~missed]
        states, covariances = self._predicted
        self._states[rows], self._covariances[rows] = correct(
            states[rows], covariances[rows], measure(boxes)
        )
        self._last[rows] = self._time

    def _bridge(self, rows: Rows, last: Floats, boxes: Floats, steps: int) -> None:
        states, covariances = self._states[rows], self._covariances[rows]
        elapsed = (self._time - self._last[rows]) / steps
        for step in range(1, steps + 1):
            states, covariances = predict(states, covariances, elapsed)
            between = measure(last + (boxes - last) * (step / steps))
            states, covariances = correct(states, covariances, between)
        self._states[rows], self._covariances[rows] = states, covariances
        self._last[rows] = self._time

    def enter(self, boxes: Floats) -> Rows:
        """Begin a track for each of the boxes (K, 4) and return the new rows (K,)."""
        alive, count = len(self._ids), len(boxes)
        if not count:  # as in most frames
            return np.zeros(0, np.intp)
        states, covariances = start(measure(boxes))
        self._states = np.concatenate([self._states, states])
        self._covariances = np.concatenate([self._covariances, covariances])
        self._ids = np.append(self._ids, self._born + 1 + np.arange(count))
        self._first = np.append(self._first, np.full(count, self._time))
        self._last = np.append(self._last, np.full(count, self._time))
        self._born += count
        return np.arange(alive, alive + count)

    def identify(self, rows: Rows) -> NDArray[np.int64]:
        """Return the ids (K,) of tracks, -1 where one is too young to have shown it."""
        mature = self._last[rows] - self._first[rows] >= self._min_seen
        return np.where(mature, self._ids[rows], -1)

    def _keep(self, alive: NDArray[np.bool_]) -> None:
        if alive.all():
            return
        self._ids, self._first, self._last = self._ids[alive], self._first[alive], self._last[alive]
        self._states, self._covariances = self._states[alive], self._covariances[alive]
