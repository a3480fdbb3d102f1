"""How the scene moves in the picture from frame to frame: what the camera does, not people.

Two frames are compared as small pictures by phase correlation, which finds the one shift that most
of the picture agrees on. Where that shift does not explain the new frame better than none does (a
cut, a face close by, a dark stage), the camera counts as still.

Reference:
    Kuglin, Hines: The phase correlation image alignment method. IEEE Conference on Cybernetics
    and Society, 1975.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from pipeline.scan.rows import Rows
from pipeline.types import Image

Floats = NDArray[np.float32]

_LONG_SIDE: Final = 128
"""Pixels of the small pictures: with half of them, shifts are twice as rough."""
_LEAST_SIDE: Final = 8


class CameraMeter:
    """Takes the frames of a video in order; then tells how the scene moved."""

    def __init__(self) -> None:
        self._before: Floats | None = None
        self._of: tuple[int, ...] = ()
        self._steps = Rows(np.dtype([("step", np.float32, 2)]))

    def add(self, luma: Image) -> None:
        """Take the next frame's (H, W) brightness."""
        height, width = luma.shape
        scale = _LONG_SIDE / max(width, height)
        size = tuple(max(_LEAST_SIDE, round(side * scale)) for side in (width, height))
        small = np.asarray(cv2.resize(luma, size, interpolation=cv2.INTER_LINEAR), np.float32)
        step = np.zeros(2)
        if self._before is not None and self._of == luma.shape:
            step = _shift(self._before, small) * (width / size[0], height / size[1])
        self._before, self._of = small, luma.shape
        self._steps.append([(step,)])

    def steps(self) -> Floats:
        """Return (F, 2): x and y, px, by which the scene moved from frame to frame; once."""
        return self._steps.take()["step"]


def _shift(earlier: Floats, later: Floats) -> NDArray[np.float64]:
    """Return the shift x, y (px) from one picture to the next; 0 unless it explains the next."""
    (x, y), _ = cv2.phaseCorrelate(earlier, later, _window(later.shape[::-1]))
    moved = cv2.warpAffine(
        earlier,
        np.array([[1, 0, x], [0, 1, y]]),
        later.shape[::-1],
        borderMode=cv2.BORDER_TRANSPARENT,
        dst=earlier.copy(),
    )
    explained = _difference(moved, later) < _difference(earlier, later)
    return np.array([x, y]) if explained else np.zeros(2)


@lru_cache(1)
def _window(size: tuple[int, int]) -> MatLike:
    """Return the weights of the pixels: the borders of two pictures never agree."""
    return cv2.createHanningWindow(size, cv2.CV_32F)


def _difference(one: MatLike, other: MatLike) -> float:
    return cv2.norm(one, other, cv2.NORM_L1)
