"""Decoded frames to BGR or BT.709: the right matrix, no transparency, and HDR brought to SDR.

FFmpeg's scaler applies the matrix and the range that a frame is marked with; unmarked frames it
takes for BT.601, whereas HD video without a mark is BT.709. It knows no tone mapping through
PyAV, so PQ and HLG are mapped by our own tables (:mod:`pipeline.decode.hdr`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, TypeVar

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from pipeline.decode.hdr import sdr_luma, to_sdr
from pipeline.planes import Planes
from pipeline.types import Image, Window

Sample = TypeVar("Sample", np.uint8, np.uint16)

TRANSFERS = {16: "pq", 18: "hlg"}
"""FFmpeg's numbers of the HDR transfer functions; all others are SDR."""

_MATRICES = {
    1: Colorspace.ITU709,
    4: Colorspace.FCC,
    5: Colorspace.ITU601,
    6: Colorspace.ITU601,
    7: Colorspace.SMPTE240M,
    9: Colorspace.BT2020,
    10: Colorspace.BT2020,
}
"""FFmpeg's numbers of the matrices that its scaler knows."""

_HD_HEIGHT = 576
"""Unmarked video with more lines than this (or more columns than 1024) is BT.709."""

_PLANAR = ("yuv420p", "yuvj420p")
"""Eight bits, nothing transparent."""

_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
"""Averages when it scales down. Without the second, pictures grow darker with the scale."""

_MOST_SCALERS = 8
"""Kept: each takes memory, and a file may change its size with every frame."""


def transfer(frame: VideoFrame) -> str:
    """Return ``sdr``, ``pq`` or ``hlg``."""
    return TRANSFERS.get(frame.color_trc, "sdr")


class Converter:
    """Turns decoded frames into arrays; keeps FFmpeg's scalers from one frame to the next."""

    def __init__(self) -> None:
        self._scaler_for = lru_cache(_MOST_SCALERS)(lambda *_: VideoReformatter())

    def bgr(self, frame: VideoFrame, size: tuple[int, int]) -> Image:
        """Return ``(height, width, 3)`` uint8 BGR at ``size`` (width, height).

        Transparent parts are shown before black.
        """
        if transfer(frame) != "sdr":
            return to_sdr(self._scaled(frame, size, "rgb48le"), transfer(frame))
        if _has_alpha(frame):
            return _before_black(self._scaled(frame, size, "bgra"))
        return self._scaled(frame, size, "bgr24")

    def yuv(self, frame: VideoFrame, size: tuple[int, int]) -> Planes:
        """Return the frame in yuv420p, BT.709, limited range; without a copy if it is that."""
        if transfer(frame) != "sdr" or _has_alpha(frame):
            frame = VideoFrame.from_ndarray(self.bgr(frame, size), format="bgr24")
        elif size == (frame.width, frame.height) and _is_bt709(frame):
            return planes_of(frame)
        return planes_of(self._converted(frame, size, "yuv420p"))

    def bgr_part(self, frame: VideoFrame, window: Window) -> Image | None:
        """Return what ``bgr`` at the stored size has in a window; ``None``: only the whole tells.

        FFmpeg makes BGR of two rows at a time and looks at none beside them, unless their number
        is odd.
        """
        if frame.format.name not in _PLANAR or transfer(frame) != "sdr" or frame.height % 2:
            return None
        left, top, right, bottom = window
        x, y = left // 2 * 2, top // 2 * 2  # where cells of colour begin
        part = VideoFrame(right - x, -(-bottom // 2) * 2 - y, frame.format.name)
        part.color_range = frame.color_range
        source = planes_of(frame).part(x, y, part.width, part.height)
        for to, plane in zip(planes_of(part).planes, source.planes, strict=True):
            to[:] = plane
        bgr = VideoReformatter().reformat(
            part,
            format="bgr24",
            src_colorspace=_matrix(frame),
            interpolation=Interpolation.BILINEAR,
            threads=1,
        )
        return np.asarray(bgr.to_ndarray()[top - y : bottom - y, left - x :])

    def luma(self, frame: VideoFrame) -> Image:
        """Return the stored ``(height, width)`` brightness as uint8, without a copy if possible."""
        luma = _luma_plane(frame)
        if luma is None:
            luma = self._scaled(frame, (frame.width, frame.height), "gray")
        if transfer(frame) != "sdr":
            luma = cv2.LUT(luma, sdr_luma(transfer(frame)))  # type: ignore[assignment]
        return luma

    def _scaled(self, frame: VideoFrame, size: tuple[int, int], pixel_format: str) -> NDArray[Any]:
        """Return ``frame`` as an array at ``size`` in another pixel format."""
        return np.asarray(self._converted(frame, size, pixel_format).to_ndarray())

    def _converted(self, frame: VideoFrame, size: tuple[int, int], pixel_format: str) -> VideoFrame:
        """Return ``frame`` at ``size`` in another pixel format; of YUV in BT.709, limited range."""
        scaler = self._scaler_for(pixel_format, size)
        matrix = _matrix(frame)
        if size != (frame.width, frame.height) and frame.format.name in _PLANAR:
            frame = _resized(frame, size)
        as_stored = size == (frame.width, frame.height)
        return scaler.reformat(
            frame,
            *size,
            pixel_format,
            src_colorspace=matrix,
            dst_colorspace=Colorspace.ITU709 if pixel_format == "yuv420p" else None,
            dst_color_range=ColorRange.MPEG if pixel_format == "yuv420p" else None,
            interpolation=Interpolation.BILINEAR if as_stored else _SCALING,
            threads=1,
        )


def _has_alpha(frame: VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _is_bt709(frame: VideoFrame) -> bool:
    """Tell whether a frame is in yuv420p, BT.709 and limited range already."""
    limited = frame.color_range != ColorRange.JPEG
    return frame.format.name == "yuv420p" and limited and _matrix(frame) == Colorspace.ITU709


def _matrix(frame: VideoFrame) -> Colorspace:
    """Return the matrix that made a frame's YUV, by its mark or else by its kind and size."""
    if frame.colorspace in _MATRICES:
        return _MATRICES[frame.colorspace]
    if transfer(frame) != "sdr":
        return Colorspace.BT2020
    hd = frame.height > _HD_HEIGHT or frame.width > 1024
    return Colorspace.ITU709 if hd else Colorspace.ITU601


def _before_black(bgra: Image) -> Image:
    """Flatten ``(H, W, 4)`` with straight alpha."""
    alpha = cv2.cvtColor(bgra[:, :, 3], cv2.COLOR_GRAY2BGR)  # (H, W, 3)
    return np.asarray(cv2.multiply(bgra[:, :, :3], alpha, scale=1 / 255), np.uint8)


def _luma_plane(frame: VideoFrame) -> Image | None:
    """Return the brightness as uint8 where it has a plane of its own, else ``None``."""
    kind = frame.format
    bits = kind.components[0].bits
    if not kind.name.startswith(("yuv", "gray", "nv")) or kind.is_big_endian or bits > 16:
        return None
    plane = frame.planes[0]
    if bits == 8:
        return _rows(plane, np.uint8)[: frame.height, : frame.width]  # (H, W)
    luma = _rows(plane, np.uint16)[: frame.height, : frame.width]
    return np.asarray(luma >> (bits - 8), np.uint8)


def _resized(frame: VideoFrame, size: tuple[int, int]) -> VideoFrame:
    """Bring a frame's planes to another size: OpenCV needs a fifth of what FFmpeg's scaler does."""
    small = VideoFrame(*size, frame.format.name)
    small.color_range = frame.color_range
    # Down to a half, two samples a side make an average; below, all must count.
    halved = 2 * size[0] >= frame.width and 2 * size[1] >= frame.height
    method = cv2.INTER_LINEAR if halved else cv2.INTER_AREA
    for plane, to in zip(planes_of(frame).planes, planes_of(small).planes, strict=True):
        to[:] = cv2.resize(plane, to.shape[::-1], interpolation=method)
    return small


def planes_of(frame: VideoFrame) -> Planes:
    """Return the planes of a frame in yuv420p, without a copy."""
    half = -(-frame.height // 2), -(-frame.width // 2)
    sizes = (frame.height, frame.width), half, half
    arrays = (
        _rows(plane, np.uint8)[:height, :width]
        for plane, (height, width) in zip(frame.planes, sizes, strict=True)
    )
    return Planes(*arrays)


def _rows(plane: VideoPlane, kind: type[Sample]) -> NDArray[Sample]:
    """Return a plane as an array, with the padding at the end of each row."""
    samples = np.frombuffer(memoryview(plane), kind)
    return samples.reshape(-1, plane.line_size // samples.itemsize)
