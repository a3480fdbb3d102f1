"""Detectors of the same weights that share a batch, each in a thread of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
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
        self._members: list[Detector | None] = [first, *[None] * (count - 1)]
        self.name = first.name
        self.smallest_face = first.smallest_face
        self.runtime = first.runtime
        self._make = make
        self._one_at_a_time = Lock()  # who makes them may change limits of the whole process
        self._threads = ThreadPoolExecutor(count, "detector")
        self._seen = 0

    def __len__(self) -> int:
        """Return the number of members."""
        return len(self._members)

    def member(self, number: int) -> Detector:
        """Return one of them, ready."""
        with self._one_at_a_time:
            member = self._members[number]
            if member is None:
                member = self._members[number] = self._make()
            return member

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture (H, W, 3)."""
        self._seen += len(images)
        if self._seen <= ALONE:
            return self.member(0)(images)
        count = len(self)
        members = [self.member(k) for k in range(count)]
        shares = [images[k::count] for k in range(count)]
        found = [Detections.none()] * len(images)
        parts = self._threads.map(lambda member, share: member(share), members, shares)
        for k, part in enumerate(parts):
            found[k::count] = part
        return found
