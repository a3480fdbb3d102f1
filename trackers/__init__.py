"""Boxes in, identities out: trackers know neither pixels nor files.

To add one: a file with a class that is a :class:`Tracker` and takes the arguments of
:class:`TrackerFactory`, and a line in ``TRACKERS``. The contract suite then runs over it.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from trackers.bytetrack import ByteTrack
from trackers.ocsort import OcSort
from trackers.sort import Sort


class Tracker(Protocol):
    """Joins the boxes of one video from frame to frame; construct, use, drop."""

    def update(
        self, boxes: NDArray[np.floating], scores: NDArray[np.floating], time: float
    ) -> NDArray[np.int64]:
        """Take the boxes of the next frame and return whose they are.

        Call it for every frame that was looked at, also with zero rows.

        Args:
            boxes: (N, 4) xyxy, right and bottom exclusive, in any order.
            scores: (N,) 0 to 1.
            time: seconds; must grow from call to call.

        Returns:
            (N,) ids from 1, row for row beside ``boxes``; -1 for a box that belongs to no track, or
            to one that is still immature.

        Raises:
            ValueError: ``time`` did not grow.
        """


class TrackerFactory(Protocol):
    """What every tracker is made from."""

    def __call__(
        self, threshold: float, min_iou: float, max_unseen: float, min_seen: float
    ) -> Tracker:
        """Make a tracker for one video.

        Args:
            threshold: score from which a detection may begin a track.
            min_iou: overlap from which a box may be the one that a track predicts.
            max_unseen: seconds that a track outlives its last sighting.
            min_seen: seconds from its first sighting on after which a track is mature.
        """


TRACKERS: dict[str, TrackerFactory] = {
    "sort": Sort,
    "bytetrack": ByteTrack,
    "ocsort": OcSort,
}
