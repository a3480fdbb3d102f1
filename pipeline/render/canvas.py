"""The picture that is drawn on: a frame brought to the size of a video."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.render.sheet import Sheet
from pipeline.types import Boxes, Picture

LARGEST_SIDE = 16_384
"""Pixels; x264 takes no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A frame on its canvas."""

    sheet: Sheet
    """Free to draw on."""
    scale: tuple[float, float]
    offset: tuple[float, float]

    def boxes(self, boxes: Boxes) -> Boxes:
        """Return boxes (N, 4) of the full-size picture as they lie on the canvas."""
        return boxes * np.array(self.scale * 2, np.float32) + np.array(self.offset * 2, np.float32)


@dataclass(frozen=True, slots=True)
class Canvas:
    """How large a video is, and where its frames lie in it."""

    source: tuple[int, int]
    """Size (width, height) of the pictures that it is made for."""
    content: tuple[int, int]
    """The size that they are brought to; odd sides are padded by their last row or column."""

    @classmethod
    def of(cls, source: tuple[int, int]) -> Canvas:
        """Return the canvas for pictures of a size: as large, where an encoder can take it."""
        scale = LARGEST_SIDE / max(source)
        if scale >= 1:
            return cls(source, source)
        return cls(source, (even(source[0] * scale), even(source[1] * scale)))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the video: even, as 4:2:0 needs them."""
        width, height = self.content
        return width + width % 2, height + height % 2

    def place(self, picture: Picture) -> Placed:
        """Return a picture on this canvas; one of another size is fitted in, on black."""
        sheet, full = Sheet(self.size), (picture.width, picture.height)
        if full == self.source:
            fitted, left, top = self.content, 0, 0
        else:
            fitted = self._fitted(full)
            left, top = ((w - p) // 4 * 2 for w, p in zip(self.size, fitted, strict=True))
        sheet.paste(picture.yuv(None if fitted == full else fitted), left, top)
        if full == self.source:
            sheet.y[:, fitted[0] :] = sheet.y[:, fitted[0] - 1 : fitted[0]]
            sheet.y[fitted[1] :] = sheet.y[fitted[1] - 1]
        return Placed(sheet, (fitted[0] / full[0], fitted[1] / full[1]), (left, top))

    def _fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        scale = min(self.content[0] / size[0], self.content[1] / size[1])
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def even(length: float) -> int:
    """Return the even number of pixels at or just below a length, at least 2."""
    return max(2, int(length / 2 + 1e-6) * 2)
