"""How sure it is that a new shot begins with a frame.

Frames are compared as tiny pictures by their structure: the form of SSIM over the whole picture,
without its term for the mean, so that a change of light alone counts little. Where one picture,
moved a little, explains the other, that is camera motion and not a cut. Three frames before are
compared with three from the frame on, and the most similar pair counts: after a flash, or
something that passes close to the camera, the same picture comes back, and after a cut it does
not. What the picture changes anyway from frame to frame, on either side, is taken off.

Reference:
    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural
    similarity. IEEE Transactions on Image Processing 13 (4), 2004.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Self

import cv2
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from pipeline.scan.rows import Rows
from pipeline.types import Image

Floats = NDArray[np.float32]

_SIZE: Final = (32, 18)
"""Width and height of the tiny pictures."""
_SHIFT: Final = (3, 2)
"""Furthest motion that is explained, in their pixels: a tenth of the picture."""
_WINDOW: Final = (_SIZE[1] - 2 * _SHIFT[1], _SIZE[0] - 2 * _SHIFT[0])
"""Rows and columns of the part that is looked for where it may have moved to."""
_AREA: Final = _WINDOW[0] * _WINDOW[1]
_SHIFT_COST: Final = 1.6
"""A moved match weighs so much: the best of many is good by chance already."""
_FLAT: Final = 20.0
"""Variance that tells nothing: noise of a dark or empty picture."""
_BEFORE, _AFTER = 3, 3
"""Frames that are compared, up to the last of the old shot and from the first of the new one."""
LAGS: Final = _BEFORE + _AFTER - 1
"""Frames before it that a frame is compared with."""
_SAMPLED_ROWS: Final = 144
"""Of a large picture, about so many rows are read."""


class CutMeter:
    """Takes the frames of a video in order; then tells how they differ from those before."""

    def __init__(self) -> None:
        self._recent: deque[_Tiny] = deque(maxlen=LAGS)
        self._distances = Rows(np.dtype([("lags", np.float32, LAGS)]))

    def add(self, luma: Image) -> None:
        """Take the next frame's (H, W) brightness."""
        tiny = _Tiny.of(luma)
        row = np.full(LAGS, np.nan, np.float32)
        for lag, earlier in enumerate(reversed(self._recent)):
            row[lag] = _distance(earlier, tiny)
        self._recent.append(tiny)
        self._distances.append([(row,)])

    def distances(self) -> Floats:
        """Return (F, LAGS): to the frames before each, NaN where there is none; once."""
        return self._distances.take()["lags"]


def cut_scores(distances: Floats) -> Floats:
    """Return (F,): 0 to 1 for each frame of which :class:`CutMeter` told; 0 for the first."""
    lags = distances.T  # (L, F)
    step = np.nan_to_num(lags[0])
    crossing = np.full(len(step), np.inf, np.float32)
    for before in range(1, _BEFORE + 1):
        for after in range(_AFTER):
            crossing = np.fmin(crossing, _ahead(lags[before + after - 1], after, np.nan))
    usual = np.maximum(_ahead(step, -1, 0), _ahead(step, 1, 0))
    scores = np.clip(crossing - usual, 0, 1)
    scores[:1] = 0
    return scores.astype(np.float32)


def _ahead(values: Floats, frames: int, fill: float) -> Floats:
    """Return the values (F,) of so many frames later; ``fill`` where there is no such frame."""
    moved = np.full_like(values, fill)
    if frames >= 0:
        moved[: max(len(values) - frames, 0)] = values[frames:]
    else:
        moved[-frames:] = values[:frames]
    return moved


@dataclass(frozen=True, slots=True, eq=False)
class _Tiny:
    """A frame as a tiny picture, with what is needed of it again and again."""

    picture: Floats
    """(576,) less its mean."""
    variance: float
    windows: Floats
    """(35, 364) each part that the middle of another picture may lie on, less its own mean."""
    window_variance: Floats
    """(35,)"""

    @classmethod
    def of(cls, luma: Image) -> Self:
        """Shrink (H, W) brightness."""
        step = max(1, luma.shape[0] // _SAMPLED_ROWS)
        small = cv2.resize(luma[::step, ::step], _SIZE, interpolation=cv2.INTER_AREA)
        picture = small.astype(np.float32)
        windows = sliding_window_view(picture, _WINDOW).reshape(-1, _AREA)
        windows = windows - windows.mean(axis=1, keepdims=True)
        picture = picture.ravel() - picture.mean()
        variance = float(np.vdot(picture, picture)) / picture.size
        return cls(picture, variance, windows, np.einsum("ij,ij->i", windows, windows) / _AREA)


def _distance(earlier: _Tiny, later: _Tiny) -> float:
    """Return how different two frames are: 0 alike, 1 unrelated."""
    covariance = float(np.vdot(earlier.picture, later.picture)) / later.picture.size
    in_place = 1 - (2 * covariance + _FLAT) / (earlier.variance + later.variance + _FLAT)
    return min(in_place, _SHIFT_COST * _moved_distance(earlier, later))


def _moved_distance(earlier: _Tiny, later: _Tiny) -> float:
    """Return 1 less the best correlation of the later middle with a part of the earlier one."""
    middle = len(later.windows) // 2
    covariances = earlier.windows @ later.windows[middle] / _AREA  # (35,)
    deviation = np.sqrt(earlier.window_variance * later.window_variance[middle])
    return 1 - float(((covariances + _FLAT) / (deviation + _FLAT)).max())
