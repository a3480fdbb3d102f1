"""Presentation times that always advance, and of which one that is wrong spoils no other."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable, Iterator
from fractions import Fraction
from itertools import islice
from typing import TypeGuard, TypeVar

from av.video.stream import VideoStream

Item = TypeVar("Item")

AHEAD = 5
"""Frames held back to judge a time by those that follow: up to three wrong ones in a row are told.
They cost memory, so they are few."""

_DEFAULT_RATE = Fraction(25)
_HIGHEST_RATE = 1000
_LARGEST = 1 << 62
"""Ticks; what claims to be later is taken as missing."""
_MOST_FRAMES = 1 << 48
"""So many frames from 0, the seconds of two frames would hardly differ: that is missing, too."""


def frame_rate(stream: VideoStream) -> Fraction:
    """Return the frames a second that a file claims, or 25 where it claims nothing sensible."""
    claims = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((rate for rate in claims if rate and 0 < rate <= _HIGHEST_RATE), _DEFAULT_RATE)


def with_following(items: Iterable[Item], count: int = AHEAD) -> Iterator[tuple[Item, deque[Item]]]:
    """Yield each item with the (at most) ``count`` that follow it."""
    rest = iter(items)
    held = deque(islice(rest, count))
    for item in rest:
        held.append(item)
        yield held.popleft(), held
    while held:
        yield held.popleft(), held


class Clock:
    """Makes times strictly increasing, as float64 too; what is missing or out of line is mended.

    A time is out of line if it does not lie behind the one before it, or if most of those that
    follow lie between the two: it leaps ahead, and they do not. Where they follow the leap, as
    after a pause of the recorder, it stays.

    A mended time is the last good one plus as many frame durations as there were frames since, so
    that rounding does not add up; but it lies before the good ones that follow.
    """

    def __init__(self, step: Fraction) -> None:
        """``step``: the ticks from one frame to the next."""
        self.mended = 0
        self._step = step
        self._due: Fraction | None = None
        self._latest = min(_LARGEST, round(step * _MOST_FRAMES))
        self._earliest = -self._latest

    def tick(self, pts: int | None, following: Iterable[int | None] = ()) -> int:
        """Return the time of the next frame, in ticks.

        Args:
            pts: The time that the file says.
            following: The times that it says of the frames after that.
        """
        later = [time for time in following if self._advances(time)]
        if self._advances(pts) and not _leaps(pts, later):
            due = Fraction(pts)
        else:
            limit = min(later, default=None)
            due = self._due_before(limit)
            pts = self._mend(due, limit)
        self._due, self._earliest = due + self._step, pts + max(1, round(4 * math.ulp(pts)))
        return pts

    def _advances(self, pts: int | None) -> TypeGuard[int]:
        return pts is not None and self._earliest <= pts < self._latest

    def _due_before(self, limit: int | None) -> Fraction:
        """Return when a frame is due, if all runs evenly."""
        if self._due is not None:
            return self._due
        return Fraction(0) if limit is None else limit - max(self._step, Fraction(1))

    def _mend(self, due: Fraction, limit: int | None) -> int:
        """Return the time of a frame that is ``due``, if possible one before ``limit``."""
        self.mended += 1
        pts = max(round(due), self._earliest)
        return pts if limit is None or pts < limit else (self._earliest + limit) // 2


def _leaps(pts: int, later: Collection[int]) -> bool:
    """Tell whether most of the later times lie before ``pts``."""
    return 2 * sum(time < pts for time in later) > len(later)
