"""How often the detector looks: every Nth frame, or once in a while."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from pipeline.errors import SetUpError


def parse_every(text: str) -> Callable[[int, float], bool]:
    """Return a function of a frame's index and time (s) that says whether to look at it.

    Frames are asked about once each and in order; the first is always looked at.

    Args:
        text: ``5`` looks at every fifth frame; ``0.2s`` at the first frame of each 0.2 s.

    Raises:
        SetUpError: it is neither.
    """
    if re.fullmatch(r"[0-9]{1,9}", text) and int(text) > 0:
        step = int(text)
        return lambda index, _: index % step == 0
    if re.fullmatch(r"([0-9]{1,9}(\.[0-9]{0,9})?|\.[0-9]{1,9})s", text) and float(text[:-1]) > 0:
        interval = _Interval(float(text[:-1]))
        return lambda _, time: interval.due(time)
    raise SetUpError(
        f"{text!r} does not say how often to look: give a number of frames such as 5, "
        "or a time such as 0.2s."
    )


class _Interval:
    """Says yes to the first frame of each interval, counted from the first frame's time."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._start: float | None = None
        self._latest = -1

    def due(self, time: float) -> bool:
        """Say whether to look at the frame at ``time``."""
        if self._start is None:
            self._start = time
        # A frame that is due exactly now must not be late by a rounding error.
        current = math.floor((time - self._start) / self._seconds + 1e-6)
        due, self._latest = current > self._latest, max(current, self._latest)
        return due
