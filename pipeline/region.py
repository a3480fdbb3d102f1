"""The part of the picture in which faces count: ``X,Y,W,H``, each in pixels or percent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import SetUpError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_NUMBER = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*(%?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle: left, top, width and height."""

    numbers: tuple[float, ...]
    """Pixels, or parts (0 to 1) of the picture's width or height."""
    relative: tuple[bool, ...]
    """Which of the four are parts."""

    def contains(
        self, points: NDArray[np.floating], sizes: NDArray[np.integer]
    ) -> NDArray[np.bool_]:
        """Say which points (N, 2) lie inside, in pictures of ``sizes`` (N, 2) width and height."""
        import numpy as np  # not where a region is only read from the settings

        unit = np.where(self.relative, np.tile(sizes, 2), 1)  # (N, 4)
        begin, extent = np.split(unit * self.numbers, 2, axis=1)  # (N, 2) each
        return np.asarray(((points >= begin) & (points < begin + extent)).all(axis=1))


def parse_region(text: str) -> Region:
    """Read ``X,Y,W,H``, such as ``0,0,640,360`` or ``25%,0%,50%,100%``.

    Raises:
        SetUpError: it says something else, or a rectangle without area or outside the picture.
    """
    matches = [_NUMBER.fullmatch(part) for part in text.split(",")]
    found = [match for match in matches if match]
    relative = tuple(match[2] == "%" for match in found)
    numbers = tuple(float(m[1]) / (100 if m[2] else 1) for m in found)
    outside = any(part and number > 1 for number, part in zip(numbers, relative, strict=True))
    if len(found) != 4 or len(matches) != 4 or outside or min(numbers[2:]) <= 0:
        raise SetUpError(
            "Give the region as X,Y,W,H in pixels or percent of the picture, such as 0,0,640,360"
            f" or 25%,0%,50%,100%, not {text!r}."
        )
    return Region(numbers, relative)
