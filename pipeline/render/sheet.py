"""The picture that is drawn on, in the form in which the encoder takes it."""

from __future__ import annotations

import cv2
import numpy as np
from av.video.frame import VideoFrame

from pipeline.decode.colour import planes_of
from pipeline.planes import Planes
from pipeline.types import Image

Ink = tuple[int, int, int]
"""Y, U and V of BT.709 with limited range."""
Rectangle = tuple[int, int, int, int]
"""x1, y1, x2, y2 in whole pixels, right and bottom exclusive."""

_NO_COLOUR = 128
_BLACK = 16


class Sheet:
    """A black picture of even sides, in yuv420p."""

    __slots__ = ("frame", "planes")

    def __init__(self, size: tuple[int, int]) -> None:
        # PyAV's frames over an array of ours are too low unless the height is a multiple of 4.
        self.frame = VideoFrame(*size, "yuv420p")
        """What the encoder is given."""
        self.planes = planes_of(self.frame)
        """The same, to be written to."""
        for plane, value in zip(self.planes.planes, (_BLACK, _NO_COLOUR, _NO_COLOUR), strict=True):
            plane[:] = value

    @property
    def y(self) -> Image:
        """Brightness, ``(height, width)``."""
        return self.planes.y

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.frame.width, self.frame.height

    def paste(self, picture: Planes, left: int = 0, top: int = 0) -> None:
        """Put in a picture that has room; its first pixel comes to an even place."""
        height, width = picture.y.shape
        place = self.planes.part(left, top, width, height)
        for whole, part in zip(place.planes, picture.planes, strict=True):
            whole[:] = part

    def parts(self, area: Rectangle) -> tuple[Image, Image, Image]:
        """Return what lies in an area, of each plane; colour comes in cells of 2 by 2 pixels."""
        x1, y1, x2, y2 = (max(edge, 0) for edge in area)
        return self.planes.part(x1, y1, x2 - x1, y2 - y1).planes

    def fill(self, area: Rectangle, ink: Ink) -> None:
        """Fill an area, as far as it lies in the picture."""
        for part, value in zip(self.parts(area), ink, strict=True):
            part[:] = value


def ink(blue: int, green: int, red: int) -> Ink:
    """Return a colour as BT.709 has it (ITU-R BT.709-6, 3.2 to 3.5), in 8 bits."""
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return (
        round(_BLACK + luma * 219 / 255),
        round(_NO_COLOUR + (blue - luma) / 1.8556 * 224 / 255),
        round(_NO_COLOUR + (red - luma) / 1.5748 * 224 / 255),
    )


def resized(picture: Planes, size: tuple[int, int]) -> Planes:
    """Return a picture at another size (width, height); averages where it becomes smaller."""
    width, height = size
    half = -(-width // 2), -(-height // 2)
    sizes = size, half, half
    scaled = (
        np.asarray(cv2.resize(plane, to, interpolation=cv2.INTER_AREA), np.uint8)
        for plane, to in zip(picture.planes, sizes, strict=True)
    )
    return Planes(*scaled)
