"""Presentation times that always advance."""

from __future__ import annotations

from fractions import Fraction

from av.video.stream import VideoStream

_DEFAULT_RATE = Fraction(25)
_HIGHEST_RATE = 1000
_LARGEST = 1 << 62
"""Ticks; what claims to be later is taken as missing."""


def frame_rate(stream: VideoStream) -> Fraction:
    """Return the frames a second that a file claims, or 25 where it claims nothing sensible."""
    claims = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((rate for rate in claims if rate and 0 < rate <= _HIGHEST_RATE), _DEFAULT_RATE)


class Clock:
    """Makes times strictly increasing; those that are missing or do not advance are mended.

    A mended time is the last good one plus as many frame durations as there were frames since, so
    that rounding does not add up.
    """

    def __init__(self, step: Fraction) -> None:
        """``step``: the ticks from one frame to the next."""
        self.mended = 0
        self._step = step
        self._due = Fraction(0)
        self._earliest = -_LARGEST

    def tick(self, pts: int | None) -> int:
        """Return the time of the next frame, in ticks, given the time that the file says."""
        if pts is None or not self._earliest <= pts < _LARGEST:
            self.mended += 1
            pts = max(round(self._due), self._earliest)
        else:
            self._due = Fraction(pts)
        self._due += self._step
        self._earliest = pts + 1
        return pts
