"""The picture that is drawn on: a frame brought to the size of a video."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.types import Boxes, Image, Picture

LARGEST_SIDE = 16_384
"""Pixels; x264 takes no more."""


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A frame on its canvas."""

    image: Image
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
        full = picture.width, picture.height
        if full == self.source:
            fitted, border = self.content, cv2.BORDER_REPLICATE
            left, top = 0, 0
        else:
            fitted, border = self._fitted(full), cv2.BORDER_CONSTANT
            left, top = ((whole - part) // 2 for whole, part in zip(self.size, fitted, strict=True))
        image = picture.bgr(None if fitted == full else fitted)
        right, bottom = self.size[0] - left - fitted[0], self.size[1] - top - fitted[1]
        padded = cv2.copyMakeBorder(image, top, bottom, left, right, border)
        scale = fitted[0] / full[0], fitted[1] / full[1]
        return Placed(padded.astype(np.uint8, copy=False), scale, (left, top))

    def _fitted(self, size: tuple[int, int]) -> tuple[int, int]:
        scale = min(self.content[0] / size[0], self.content[1] / size[1])
        return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def even(length: float) -> int:
    """Return the even number of pixels at or just below a length, at least 2."""
    return max(2, int(length / 2 + 1e-6) * 2)
