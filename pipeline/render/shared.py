"""A frame whose picture is converted once for all outputs."""

from __future__ import annotations

from dataclasses import replace

from pipeline.planes import Planes
from pipeline.types import Frame, Image, Picture, Window


class SharedPicture:
    """Remembers every conversion; what it returns is not to be written to."""

    def __init__(self, picture: Picture) -> None:
        self._picture = picture
        self._images: dict[tuple[int, int] | None, Image] = {}
        self._planes: dict[tuple[int, int] | None, Planes] = {}
        self.width = picture.width
        self.height = picture.height

    def bgr(self, size: tuple[int, int] | None = None) -> Image:
        """Return ``(height, width, 3)`` uint8 BGR, at ``size`` (width, height) or at full size."""
        if size not in self._images:
            image = self._picture.bgr(size).view()
            image.flags.writeable = False
            self._images[size] = image
        return self._images[size]

    def yuv(self, size: tuple[int, int] | None = None) -> Planes:
        """Return what a video holds of it, at ``size`` (width, height) or at full size."""
        if size not in self._planes:
            self._planes[size] = self._picture.yuv(size)
        return self._planes[size]

    def luma(self) -> Image:
        """Return the ``(height, width)`` uint8 brightness at full size; not to be written to."""
        return self._picture.luma()

    def part(self, window: Window) -> Image | None:
        """Return what ``bgr`` has at full size in a window; ``None``: only the whole tells."""
        return self._picture.part(window)


def shared(frame: Frame) -> Frame:
    """Return ``frame`` with a picture that several outputs can use at the cost of one."""
    return replace(frame, picture=SharedPicture(frame.picture))
