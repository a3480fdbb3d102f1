"""Decoded frames to BGR: the right matrix, no transparency, and HDR brought to SDR.

FFmpeg's scaler applies the matrix and the range that a frame is marked with; unmarked frames it
takes for BT.601, whereas HD video without a mark is BT.709. It knows no tone mapping through
PyAV, so PQ and HLG are mapped here by tables.

Reference:
    Recommendation ITU-R BT.2100-2 (PQ, HLG), BT.2087-0 (BT.2020 to BT.709), Reports ITU-R
    BT.2390 section 5.4 (the curve that rolls highlights off) and BT.2408 (white at 203 cd/m2).
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import cv2
import numpy as np
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from av.video.reformatter import Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from pipeline.types import Image

Floats = NDArray[np.float32]
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

_PEAK = 1000.0
"""Brightest light that is told apart in HDR, cd/m2: what nearly all of it is graded for."""

_WHITE = 203.0
"""Light that becomes SDR white, cd/m2."""

_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
"""Linear BT.2020 RGB to linear BT.709 RGB (BT.2087)."""

_SCALING = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
"""Averages when it scales down. Without the second, pictures grow darker with the scale."""

_ROWS = 64
"""Rows of an HDR picture that are mapped at a time: so many fit into a processor's cache."""


def transfer(frame: VideoFrame) -> str:
    """Return ``sdr``, ``pq`` or ``hlg``."""
    return TRANSFERS.get(frame.color_trc, "sdr")


class Converter:
    """Turns decoded frames into arrays; keeps FFmpeg's scalers from one frame to the next."""

    def __init__(self) -> None:
        self._scalers: dict[tuple[str, tuple[int, int]], VideoReformatter] = {}

    def bgr(self, frame: VideoFrame, size: tuple[int, int]) -> Image:
        """Return ``(height, width, 3)`` uint8 BGR at ``size`` (width, height).

        Transparent parts are shown before black.
        """
        if transfer(frame) != "sdr":
            return to_sdr(self._scaled(frame, size, "rgb48le"), transfer(frame))
        if any(component.is_alpha for component in frame.format.components):
            return _before_black(self._scaled(frame, size, "bgra"))
        return self._scaled(frame, size, "bgr24")

    def luma(self, frame: VideoFrame) -> Image:
        """Return the stored ``(height, width)`` brightness as uint8, without a copy if possible."""
        luma = _luma_plane(frame)
        if luma is None:
            luma = self._scaled(frame, (frame.width, frame.height), "gray")
        if transfer(frame) != "sdr":
            luma = cv2.LUT(luma, _sdr_luma(transfer(frame)))  # type: ignore[assignment]
        return luma

    def _scaled(self, frame: VideoFrame, size: tuple[int, int], pixel_format: str) -> NDArray[Any]:
        """Return ``frame`` as an array at ``size`` in another pixel format."""
        scaler = self._scalers.setdefault((pixel_format, size), VideoReformatter())
        as_stored = size == (frame.width, frame.height)
        scaled = scaler.reformat(
            frame,
            *size,
            pixel_format,
            src_colorspace=_matrix(frame),
            interpolation=Interpolation.BILINEAR if as_stored else _SCALING,
            threads=1,
        )
        return np.asarray(scaled.to_ndarray())


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


def _rows(plane: VideoPlane, kind: type[Sample]) -> NDArray[Sample]:
    """Return a plane as an array, with the padding at the end of each row."""
    samples = np.frombuffer(memoryview(plane), kind)
    return samples.reshape(-1, plane.line_size // samples.itemsize)


def to_sdr(rgb: NDArray[np.uint16], kind: str) -> Image:
    """Map ``(H, W, 3)`` full-range BT.2020 RGB signal in PQ or HLG to BGR for BT.709 displays.

    Light up to about half of SDR white stays as it is; above, it is rolled off, so that what is
    brighter than white keeps its shape and its hue.
    """
    bands = range(0, len(rgb), _ROWS)
    return np.concatenate([_band_to_sdr(rgb[top : top + _ROWS], kind) for top in bands])


def _band_to_sdr(rgb: NDArray[np.uint16], kind: str) -> Image:
    """Map some rows as ``to_sdr`` does."""
    light = _LIGHT[kind](rgb)  # (H, W, 3) RGB, 0 to 1 of _PEAK
    bt709 = np.asarray(cv2.transform(light, _TO_709[::-1]), np.float32)  # (H, W, 3) BGR
    brightest = np.maximum(np.maximum(bt709[..., 0], bt709[..., 1]), bt709[..., 2])  # (H, W)
    bt709 *= _roll_off()[_steps(np.sqrt(np.maximum(brightest, 0)))][..., None]  # 1 is white
    return _display_code()[_steps(bt709)]


def _pq_light(rgb: NDArray[np.uint16]) -> Floats:
    """Return the light of PQ signal as a part of the peak."""
    return _pq_table()[rgb]


def _hlg_light(rgb: NDArray[np.uint16]) -> Floats:
    """Return the light of HLG signal on a display with the peak: scene light to the power 1.2."""
    scene = _hlg_table()[rgb]  # (H, W, 3)
    luminance = cv2.transform(scene, np.array([[0.2627, 0.6780, 0.0593]], np.float32))  # (H, W)
    return np.asarray(scene * np.power(luminance, 0.2)[..., None], np.float32)


_LIGHT: dict[str, Callable[[NDArray[np.uint16]], Floats]] = {"pq": _pq_light, "hlg": _hlg_light}


def _steps(values: Floats) -> NDArray[np.uint16]:
    """Return 0 to 1 as 0 to 65535, clipped: the index into a table."""
    steps = cv2.addWeighted(values, 65535, values, 0, 0, dtype=cv2.CV_16U)  # saturates
    return np.asarray(steps, np.uint16)


def _ramp() -> NDArray[np.float64]:
    """Return what the entries of a table stand for."""
    return np.arange(65536) / 65535


def _pq_to_nits(signal: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ's EOTF: Y = 10000 (max(E^(1/m2) - c1, 0) / (c2 - c3 E^(1/m2)))^(1/m1)."""
    root = signal ** (32 / 2523)
    return np.asarray(
        10000 * (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (16384 / 2610)
    )


def _nits_to_pq(nits: NDArray[np.float64]) -> NDArray[np.float64]:
    """PQ's inverse EOTF."""
    power = (nits / 10000) ** (2610 / 16384)
    return np.asarray(((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** (2523 / 32))


@functools.cache
def _pq_table() -> Floats:
    """(65536,) signal to light as a part of the peak."""
    return np.minimum(_pq_to_nits(_ramp()) / _PEAK, 1).astype(np.float32)


@functools.cache
def _hlg_table() -> Floats:
    """(65536,) signal to scene light, 0 to 1: HLG's inverse OETF."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    signal = _ramp()
    return np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12).astype(
        np.float32
    )


@functools.cache
def _roll_off() -> Floats:
    """(65536,) root of the brightest channel's light to the factor that makes white 1.

    BT.2390's Hermite spline in the PQ domain: E2 = E1 below the knee KS = 1.5 max - 0.5.
    """
    peak, white = _nits_to_pq(np.array([_PEAK, _WHITE]))
    light = np.maximum(_ramp() ** 2, 1e-9)
    source = _nits_to_pq(light * _PEAK) / peak  # E1
    largest = white / peak
    knee = 1.5 * largest - 0.5
    t = np.maximum(source - knee, 0) / (1 - knee)
    spline = (
        (2 * t**3 - 3 * t**2 + 1) * knee
        + (t**3 - 2 * t**2 + t) * (1 - knee)
        + (-2 * t**3 + 3 * t**2) * largest
    )
    mapped = _pq_to_nits(np.where(source < knee, source, spline) * peak)
    return (mapped / _WHITE / light).astype(np.float32)


@functools.cache
def _display_code() -> Image:
    """(65536,) linear light to the 8-bit signal of a BT.1886 display."""
    return np.round(255 * _ramp() ** (1 / 2.4)).astype(np.uint8)


@functools.cache
def _sdr_luma(kind: str) -> Image:
    """(256,) limited-range HDR luma to what the same grey has in SDR."""
    signal = np.clip((np.arange(256) - 16) / 219, 0, 1)
    grey = np.repeat((signal * 65535).astype(np.uint16)[None, :, None], 3, axis=2)  # (1, 256, 3)
    return to_sdr(grey, kind)[0, :, 1]
