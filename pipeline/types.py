"""The records that flow from stage to stage, and the conventions that hold in all of them.

- Boxes are ``[x1, y1, x2, y2]``, float32 pixels of the full-size upright picture with square
  pixels, right and bottom exclusive. Nothing found is zero rows, never ``None``.
- Images are ``(height, width, 3)`` uint8 BGR.
- Times are seconds: the source's own presentation time. Frame numbers count from 0.
- Sizes of pictures are ``(width, height)``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.facts import DecodeAudit, VideoInfo
from pipeline.planes import Planes

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Window = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of a picture, whole pixels; right and bottom exclusive."""
Tell = Callable[[int, int], None]
"""Told how many of how many steps are done: what stays silent for long is taken for dead."""


def to_nobody(done: int, steps: int) -> None:
    """Be told, and do nothing."""


class Picture(Protocol):
    """One decoded picture, upright, with square pixels. Converts only what is asked for."""

    @property
    def width(self) -> int:
        """Pixels."""

    @property
    def height(self) -> int:
        """Pixels."""

    def bgr(self, size: tuple[int, int] | None = None) -> Image:
        """Return ``(height, width, 3)`` uint8 BGR, at ``size`` (width, height) or at full size."""

    def yuv(self, size: tuple[int, int] | None = None) -> Planes:
        """Return what a video holds of it, at ``size`` (width, height) or at full size."""

    def luma(self) -> Image:
        """Return the ``(height, width)`` uint8 brightness at full size; not to be written to."""

    def part(self, window: Window) -> Image | None:
        """Return what ``bgr`` has at full size in a window; ``None``: only the whole tells."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a video in presentation order."""

    index: int
    """Counts the decoded frames from 0."""
    pts: int
    """The container's presentation time in ticks of ``VideoInfo.time_base``."""
    time: float
    """The same in seconds; strictly increasing."""
    picture: Picture


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """What pass 1 saw: everything that linking and selecting need, without a picture."""

    info: VideoInfo
    audit: DecodeAudit
    detector: str
    """What looked for faces, how exactly and where: ``faceboxes, OpenVINO bf16, 1 thread``."""

    pts: NDArray[np.int64]
    """(F,) one row a decoded frame: ticks of ``info.time_base``."""
    time: NDArray[np.float64]
    """(F,) seconds."""
    size: NDArray[np.int32]
    """(F, 2) width and height of the upright picture."""
    cut_score: NDArray[np.float32]
    """(F,) how sure it is that a new shot begins here, 0 to 1; 0 for the first frame."""
    camera: NDArray[np.float32]
    """(F, 2) x and y in pixels by which the camera moved the scene since the frame before."""
    looked: NDArray[np.bool_]
    """(F,) whether the detector looked at the frame."""

    frame: NDArray[np.int32]
    """(N,) one row a detected face, frames ascending, best score first within a frame."""
    boxes: Boxes
    """(N, 4) not clipped to the picture."""
    scores: NDArray[np.float32]
    """(N,) 0 to 1."""
    sharpness: NDArray[np.float32]
    """(N,) 0 (smeared) to 1 (crisp), comparable between face sizes."""
    brightness: NDArray[np.float32]
    """(N,) mean luma, 0 to 1."""
    contrast: NDArray[np.float32]
    """(N,) standard deviation of luma, 0 to 0.5."""
    thumbnail: NDArray[np.uint8]
    """(N, 8, 8) luma of the face: tells near-identical looks, and is too little to know anyone."""

    def __post_init__(self) -> None:
        """Check the shapes against each other."""
        frames, faces = len(self.pts), len(self.frame)
        _check(self, frames, pts=(), time=(), size=(2,), cut_score=(), camera=(2,), looked=())
        _check(self, faces, frame=(), boxes=(4,), scores=(), sharpness=(), brightness=())
        _check(self, faces, contrast=(), thumbnail=(8, 8))


class Kind(IntEnum):
    """How a box of a track came about."""

    DETECTED = 0
    RESCUED = 1
    """A detection below the threshold, which its track vouches for."""
    INTERPOLATED = 2
    """No detection: filled in between two others."""


@dataclass(frozen=True, slots=True, eq=False)
class Tracks:
    """One row a track and frame, sorted by track, then frame."""

    track_id: NDArray[np.int32]
    """(M,) from 1, in order of first appearance."""
    frame: NDArray[np.int32]
    """(M,)"""
    boxes: Boxes
    """(M, 4)"""
    scores: NDArray[np.float32]
    """(M,) the detection's; 0 for interpolated boxes."""
    kind: NDArray[np.uint8]
    """(M,) values of :class:`Kind`."""
    detection: NDArray[np.int32]
    """(M,) row of the face in the scan; -1 for interpolated boxes."""
    shots: NDArray[np.int32]
    """(S,) first frame of each shot; the first is 0."""
    dropped: int = 0
    """Tracks left out because they were too short."""

    def __post_init__(self) -> None:
        """Check the shapes against each other."""
        _check(self, len(self.track_id), frame=(), boxes=(4,), scores=(), kind=(), detection=())

    @property
    def ids(self) -> NDArray[np.int32]:
        """(T,) every track's id once, ascending."""
        return np.unique(self.track_id)


class Reason(IntEnum):
    """What speaks against keeping a look at a face."""

    NONE = 0
    INTERPOLATED = 1
    """No detection stands behind the box."""
    LOW_SCORE = 2
    SMALL = 3
    TRUNCATED = 4
    """Cut off by the edge of the picture."""
    BLURRED = 5
    EXPOSURE = 6
    """Too dark, too bright or without contrast."""
    NEAR_IDENTICAL = 7
    """A better look at nearly the same moment or of nearly the same appearance is kept."""
    OUTRANKED = 8
    """Good, but others are better and only so many are kept."""


QUALITY_TERMS = ("size", "sharpness", "score", "inside", "exposure")
"""The columns of ``Selection.terms``; each 0 (bad) to 1 (good)."""


@dataclass(frozen=True, slots=True, eq=False)
class Selection:
    """Which looks are kept and why the others are not: row for row beside ``Tracks``."""

    terms: NDArray[np.float32]
    """(M, 5) columns as in QUALITY_TERMS; 0 for interpolated boxes."""
    quality: NDArray[np.float32]
    """(M,) the terms as one number, 0 to 1."""
    reason: NDArray[np.uint8]
    """(M,) values of :class:`Reason`. A kept look with a reason is the best there was: poor."""
    rank: NDArray[np.int32]
    """(M,) 1 for the best look of its track, 2 for the next; 0 for looks that are not kept."""

    def __post_init__(self) -> None:
        """Check the shapes against each other."""
        _check(self, len(self.rank), terms=(len(QUALITY_TERMS),), quality=(), reason=())


@dataclass(frozen=True, slots=True)
class Look:
    """One kept look at a face: what a crop is made from."""

    track_id: int
    rank: int
    frame: int
    time: float
    """Seconds, the source's presentation time."""
    box: tuple[float, float, float, float]
    score: float
    quality: float
    terms: tuple[float, ...]
    """As QUALITY_TERMS."""
    reason: Reason
    """NONE, or why this look is poor though it is the best there was."""


def _check(record: Any, rows: int, **shapes: tuple[int, ...]) -> None:
    """Raise ValueError unless each named array has ``rows`` rows of the given shape."""
    for name, shape in shapes.items():
        actual = getattr(record, name).shape
        if actual != (rows, *shape):
            raise ValueError(f"{type(record).__name__}.{name}: {actual = }, not {(rows, *shape)}")
