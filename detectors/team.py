"""Detectors of the same weights that share a batch, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from detectors import Detections, Detector
from detectors.images import Image


class Team:
    """Finds what any of its members would find, and looks at as many pictures at once.

    Args:
        members: At least one; each is used by one thread at a time.
    """

    def __init__(self, members: Sequence[Detector]) -> None:
        self.name = members[0].name
        self.smallest_face = members[0].smallest_face
        self.runtime = members[0].runtime
        self._members = members
        self._threads = ThreadPoolExecutor(len(members), "detector")

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture (H, W, 3)."""
        count = len(self._members)
        shares = [images[k::count] for k in range(count)]
        found = [Detections.none()] * len(images)
        parts = self._threads.map(lambda member, share: member(share), self._members, shares)
        for k, part in enumerate(parts):
            found[k::count] = part
        return found
