"""Detectors of the same weights that share a batch, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from detectors import Detections, Detector
from detectors.images import Image

ALONE: Final = 250
"""Pictures that one looks at alone: to get the others ready takes about as long."""


class Team:
    """Finds what any of its members would find, and looks at as many pictures at once.

    Args:
        make: Gets a member ready; each is used by one thread at a time.
        count: Members, at least one.
    """

    def __init__(self, make: Callable[[], Detector], count: int) -> None:
        first = make()
        self.name = first.name
        self.smallest_face = first.smallest_face
        self.runtime = first.runtime
        self._make, self._count = make, count
        self._members = [first]
        self._threads = ThreadPoolExecutor(count, "detector")
        self._seen = 0

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture (H, W, 3)."""
        self._seen += len(images)
        if self._seen <= ALONE:
            return self._members[0](images)
        self._members += [self._make() for _ in range(self._count - len(self._members))]
        shares = [images[k :: self._count] for k in range(self._count)]
        found = [Detections.none()] * len(images)
        parts = self._threads.map(lambda member, share: member(share), self._members, shares)
        for k, part in enumerate(parts):
            found[k :: self._count] = part
        return found
