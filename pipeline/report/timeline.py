"""When each track is on screen, laid out to be drawn: lanes, bars, cuts and marks of time.

Positions and lengths are percent of the video's length, so that the drawing fits any width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.tables import rows_by_track
from pipeline.types import Kind, Scan, Tracks

_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Seconds between marks, the smallest first."""
_FEWEST, _MOST, _MARK_ROOM = 10, 150, 60
"""Marks on short and on long timelines, and the seconds that each mark of a long one stands for."""
_ROOM = 0.3
"""Least distance of two bars in a lane, in percent."""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of the video, in percent of its length."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One track."""

    track_id: int
    lane: int
    """From 0, top down. Tracks that are on screen at different times may share a lane."""
    span: Span
    filled: tuple[Span, ...]
    """Where its boxes are interpolated."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment."""

    left: float
    """Percent."""
    seconds: float
    """From the first frame."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """All tracks of a video."""

    seconds: float
    """From the first frame to the end of the last."""
    lanes: int
    bars: tuple[Bar, ...]
    cuts: tuple[Mark, ...]
    marks: tuple[Mark, ...]


def timeline(scan: Scan, tracks: Tracks) -> Timeline:
    """Lay out the tracks of a video."""
    edges = _edges(scan)
    seconds = float(edges[-1])
    percent = edges * (100 / seconds if seconds else 0)
    spans = [
        (track_id, tracks.frame[rows], tracks.kind[rows] == Kind.INTERPOLATED)
        for track_id, rows in rows_by_track(tracks)
    ]
    lanes = _lanes([(float(percent[f[0]]), float(percent[f[-1] + 1])) for _, f, _ in spans])
    bars = tuple(
        Bar(track_id, lane, _span(percent, frames[0], frames[-1]), _filled(percent, frames, gaps))
        for lane, (track_id, frames, gaps) in zip(lanes, spans, strict=True)
    )
    cuts = tuple(Mark(float(percent[first]), float(edges[first])) for first in tracks.shots[1:])
    return Timeline(seconds, max(lanes, default=-1) + 1, bars, cuts, _marks(seconds))


def _edges(scan: Scan) -> NDArray[np.float64]:
    """Return when each frame begins, from the first one's time, and when the last one ends."""
    if not len(scan.time):
        return np.zeros(1)
    start = scan.time - scan.time[0]
    return np.append(start, start[-1] + float(1 / scan.info.frame_rate))


def _span(percent: NDArray[np.float64], first: int, last: int) -> Span:
    return Span(float(percent[first]), float(percent[last + 1] - percent[first]))


def _filled(
    percent: NDArray[np.float64], frames: NDArray[np.int32], gaps: NDArray[np.bool_]
) -> tuple[Span, ...]:
    steps = np.diff(gaps.astype(np.int8), prepend=0, append=0)
    begins, ends = np.flatnonzero(steps == 1), np.flatnonzero(steps == -1) - 1
    return tuple(_span(percent, frames[a], frames[b]) for a, b in zip(begins, ends, strict=True))


def _lanes(spans: list[tuple[float, float]]) -> list[int]:
    """Give each span, sorted by its left end, the topmost lane that is free."""
    free_from: list[float] = []
    lanes = []
    for left, right in spans:
        lane = next((n for n, free in enumerate(free_from) if free <= left), len(free_from))
        free_from[lane : lane + 1] = [right + _ROOM]
        lanes.append(lane)
    return lanes


def _marks(seconds: float) -> tuple[Mark, ...]:
    most = min(max(_FEWEST, seconds / _MARK_ROOM), _MOST)
    step = next((step for step in _STEPS if seconds / step <= most), _STEPS[-1])
    count = int(seconds / step) + 1 if seconds else 0
    return tuple(Mark(100 * n * step / seconds, n * step) for n in range(count))
