"""One decoded frame as an upright picture with square pixels.

Nothing is converted before it is asked for, and then straight to the size that is wanted.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame

from pipeline.decode.colour import Converter
from pipeline.decode.playback import Playback
from pipeline.planes import Planes
from pipeline.types import Frame, Image, Window

_TURNS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}

_WIDEST_PIXEL = 4
"""Pixels that claim to be more oblong than this are taken as square."""


@dataclass(frozen=True, slots=True)
class Orientation:
    """How a stored picture is brought upright: turned, then flipped."""

    rotation: int = 0
    """Degrees clockwise: 0, 90, 180 or 270."""
    mirrored: bool = False
    """Whether it is then flipped left to right."""

    @classmethod
    def of(cls, frame: VideoFrame) -> Orientation:
        """Read a frame's display matrix, to the nearest quarter turn.

        The matrix maps a stored point to the shown one, x' = a x + c y and y' = b x + d y. PyAV's
        own ``frame.rotation`` cannot tell a mirrored picture from a turned one.
        """
        data = frame.side_data.get(Type.DISPLAYMATRIX)  # type: ignore[call-overload]
        if data is None:
            return cls()
        a, b, _, c, d = (int(value) for value in np.frombuffer(data, np.int32, 5))
        if abs(a) + abs(d) >= abs(b) + abs(c):
            return cls(180 if d < 0 else 0, mirrored=a * d < 0)
        return cls(90 if b > 0 else 270, mirrored=b * c > 0)

    @property
    def swaps_sides(self) -> bool:
        """Whether the upright picture is as wide as the stored one is high."""
        return self.rotation in (90, 270)

    def upright(self, image: Image) -> Image:
        """Return the stored ``image`` upright; the same array where nothing needs to be done."""
        if self.rotation:
            image = cv2.rotate(image, _TURNS[self.rotation])  # type: ignore[assignment]
        return cv2.flip(image, 1) if self.mirrored else image  # type: ignore[return-value]


class OrientationReader:
    """Reads how the frames of a video are turned: once for each rotation that they have.

    A frame of PyAV and its side data hold each other. Were every frame asked for its matrix,
    hundreds of them, of 3 MB each in 1080p, would pile up until Python notices.
    """

    def __init__(self) -> None:
        self._known: dict[float, Orientation] = {}

    def __call__(self, frame: VideoFrame) -> Orientation:
        """Return the orientation of a frame."""
        rotation = frame.rotation
        if rotation not in self._known:
            self._known[rotation] = Orientation.of(frame)
        return self._known[rotation]


class FrameMaker:
    """Makes upright frames of what a playback decodes; for one thread."""

    def __init__(self) -> None:
        self._converter = Converter()
        self._orientation = OrientationReader()

    def __call__(self, playback: Playback, index: int, frame: VideoFrame) -> Frame:
        """Return a decoded frame as number ``index``."""
        pts = frame.pts or 0
        return Frame(index, pts, float(pts * playback.time_base), self.picture(playback, frame))

    def picture(self, playback: Playback, frame: VideoFrame) -> DecodedPicture:
        """Return what a decoded frame shows."""
        aspect = playback.pixel_aspect(frame)
        return DecodedPicture(frame, aspect, self._converter, self._orientation(frame))


def square_size(width: int, height: int, pixel_aspect: Fraction | None) -> tuple[int, int]:
    """Return the size (width, height) that a stored picture has with square pixels.

    The side that is too short is stretched, so that nothing is lost.
    """
    aspect = pixel_aspect or Fraction(1)
    if not Fraction(1, _WIDEST_PIXEL) <= aspect <= _WIDEST_PIXEL:
        aspect = Fraction(1)
    if aspect >= 1:
        return round(width * aspect), height
    return width, round(height / aspect)


class DecodedPicture:
    """A frame of the decoder, seen upright and with square pixels."""

    __slots__ = ("_converter", "_frame", "_stored", "height", "orientation", "width")

    def __init__(
        self,
        frame: VideoFrame,
        pixel_aspect: Fraction | None,
        converter: Converter,
        orientation: Orientation,
    ) -> None:
        self._frame = frame
        self._converter = converter
        self.orientation = orientation
        self._stored = square_size(frame.width, frame.height, pixel_aspect)
        self.width, self.height = self._swapped(self._stored)

    def bgr(self, size: tuple[int, int] | None = None) -> Image:
        """Return ``(height, width, 3)`` uint8 BGR, at ``size`` (width, height) or at full size."""
        stored = self._stored if size is None else self._swapped(size)
        return self.orientation.upright(self._converter.bgr(self._frame, stored))

    def yuv(self, size: tuple[int, int] | None = None) -> Planes:
        """Return what a video holds of it, at ``size`` (width, height) or at full size."""
        stored = self._stored if size is None else self._swapped(size)
        upright = self.orientation.upright
        return Planes(*map(upright, self._converter.yuv(self._frame, stored).planes))

    def luma(self) -> Image:
        """Return the ``(height, width)`` uint8 brightness at full size; not to be written to.

        As stored: limited-range video has black at 16 and white at 235.
        """
        luma = self._converter.luma(self._frame)
        if (self._frame.width, self._frame.height) != self._stored:
            luma = cv2.resize(luma, self._stored, interpolation=cv2.INTER_LINEAR)  # type: ignore[assignment]
        return self.orientation.upright(luma)

    def part(self, window: Window) -> Image | None:
        """Return what ``bgr`` has at full size in a window; ``None``: only the whole tells."""
        as_stored = self._stored == (self._frame.width, self._frame.height)
        if as_stored and self.orientation == Orientation():
            return self._converter.bgr_part(self._frame, window)
        return None

    def _swapped(self, size: tuple[int, int]) -> tuple[int, int]:
        return size[::-1] if self.orientation.swaps_sides else size
