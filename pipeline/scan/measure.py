"""What is measured on a face while its picture is at hand: sharpness, light and a thumbnail.

Sharpness compares how much of the finest detail a face has with how much of the next coarser one:
the energies of two neighbouring bands of spatial frequency. Contrast and light cancel out of the
ratio, and blur takes the finest band first. It is taken along rows and along columns, and the
lower one counts, because a face that moved is smeared in one direction only. Large faces are
brought to one size first: how much of the face is smeared counts, not how many pixels.

The scale was fixed on 54 crisp portraits, shrunk to faces of 32 to 140 pixels after a known blur
(its sigma as a part of the face's width), and looked at on 220 faces of real clips. Medians:

    sigma          0            0.01         0.02    0.03    0.05    smeared by 0.12
    sharpness      0.6 - 0.85   0.5 - 0.6    0.3     0.1     0       0.1 - 0.4

Faces of 20 to 30 pixels lose less by the same blur: they have no finer detail to lose.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Boxes, Image

Floats = NDArray[np.float32]

_SIDE: Final = 40
"""Pixels; larger faces are brought to this size: what is asked is whether one can see who it is."""
_OVERSAMPLING: Final = 4
"""Of faces larger than so many times that, rows and columns are left out before."""
_RIM: Final = 0.08
"""Part of the face's sides that may show what is behind it."""
_SIGMAS: Final = (0.8, 1.6)
"""Pixels; of the Gaussians whose differences are the bands."""
_FLOORS: Final = (0.3, 2.0)
"""Energies of the bands that noise alone has: they keep flat faces from looking crisp."""
_SMEARED, _CRISP = -1.75, -0.1
"""Logarithms of the ratio that become sharpness 0 and 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """One row a face; the fields are those of :class:`pipeline.types.Scan`."""

    sharpness: Floats
    brightness: Floats
    contrast: Floats
    thumbnail: NDArray[np.uint8]


def measure(luma: Image, boxes: Boxes) -> Measures:
    """Measure the faces of a picture.

    Args:
        luma: (H, W) brightness.
        boxes: (N, 4); what lies outside the picture is left out, and a face that is altogether
            outside has all measures 0.
    """
    count = len(boxes)
    sharpness, brightness, contrast = np.zeros((3, count), np.float32)
    thumbnail = np.zeros((count, 8, 8), np.uint8)
    for row, (x1, y1, x2, y2) in enumerate(_whole_pixels(boxes, luma.shape)):
        if x2 > x1 and y2 > y1:
            face = _reduced(luma[y1:y2, x1:x2])
            mean, deviation = cv2.meanStdDev(face)
            brightness[row], contrast[row] = mean.item() / 255, deviation.item() / 255
            sharpness[row] = measure_sharpness(face)
            thumbnail[row] = cv2.resize(face, (8, 8), interpolation=cv2.INTER_AREA)
    return Measures(sharpness, brightness, contrast, thumbnail)


def measure_sharpness(face: Image) -> float:
    """Return the sharpness, 0 to 1, of a face (S, S) of at most 40 pixels."""
    pixels, side = face.astype(np.float32), len(face)
    rim = max(1, round(_RIM * side))
    bands = _bands(side, rim)  # (2 I, S), I = S less the rim on both sides
    along_columns = bands @ pixels[:, rim : side - rim]  # (2 I, I)
    along_rows = bands @ pixels[rim : side - rim].T
    ratio = min(_band_ratio(along_rows), _band_ratio(along_columns))
    return min(max((ratio - _SMEARED) / (_CRISP - _SMEARED), 0.0), 1.0)


def _band_ratio(bands: Floats) -> float:
    """Return log of the energy in the finest band, the upper half, over that in the next one."""
    half = len(bands) // 2
    fine, coarse = (float(np.vdot(band, band)) for band in (bands[:half], bands[half:]))
    size = max(half**2, 1)
    return math.log((fine / size + _FLOORS[0]) / (coarse / size + _FLOORS[1]))


@lru_cache
def _bands(side: int, rim: int) -> Floats:
    """Return (2 I, S), which times a line of ``side`` pixels is its two bands without the rims.

    The bands are differences of Gaussians. Of so few pixels, a product of matrices is faster than
    a filter.
    """
    line = np.eye(side, dtype=np.float32)
    kernels = (cv2.getGaussianKernel(13, sigma, cv2.CV_32F) for sigma in _SIGMAS)
    fine, coarse = (cv2.filter2D(line, -1, kernel) for kernel in kernels)
    inner = slice(rim, side - rim)
    return np.concatenate([(line - fine)[inner], (fine - coarse)[inner]])


def _whole_pixels(boxes: Boxes, shape: tuple[int, ...]) -> list[list[int]]:
    """Return the boxes (N, 4) clipped to a picture and in whole pixels."""
    height, width = shape[:2]
    clipped = np.clip(np.rint(boxes), 0, (width, height, width, height))
    return [[int(edge) for edge in box] for box in clipped]


def _reduced(face: Image) -> Image:
    """Return the face (h, w) as a square of its own size, but of 40 pixels at most."""
    size = round(math.sqrt(face.size))
    step = max(1, min(face.shape) // (_OVERSAMPLING * _SIDE))
    side = min(max(size, 8), _SIDE)
    return cv2.resize(face[::step, ::step], (side, side), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
