"""HDR pictures brought to SDR, so that faces in them look as they should.

Light up to about half of SDR white stays the light that it is; what is brighter is rolled off
towards the peak, all three channels by the same factor, so that it keeps its shape and its hue.

Reference:
    Recommendation ITU-R BT.2100-2 (PQ, HLG), BT.2087-0 (BT.2020 to BT.709), Reports ITU-R
    BT.2390 section 5.4 (the curve that rolls highlights off) and BT.2408 (white at 203 cd/m2).
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Image

Floats = NDArray[np.float32]

_PEAK = 1000.0
"""Brightest light that is told apart in HDR, cd/m2: what nearly all of it is graded for."""

_WHITE = 203.0
"""Light that becomes SDR white, cd/m2."""

_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]],
    np.float32,
)
"""Linear BT.2020 RGB to linear BT.709 RGB (BT.2087)."""

_ROWS = 64
"""Rows of an HDR picture that are mapped at a time: so many fit into a processor's cache."""


def to_sdr(rgb: NDArray[np.uint16], kind: str) -> Image:
    """Map ``(H, W, 3)`` full-range BT.2020 RGB signal, ``pq`` or ``hlg``, to BT.709 BGR."""
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
def sdr_luma(kind: str) -> Image:
    """(256,) limited-range HDR luma to what the same grey has in SDR."""
    signal = np.clip((np.arange(256) - 16) / 219, 0, 1)
    grey = np.repeat((signal * 65535).astype(np.uint16)[None, :, None], 3, axis=2)  # (1, 256, 3)
    return to_sdr(grey, kind)[0, :, 1]
