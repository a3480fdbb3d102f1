"""Which clips are made, and how large, so that memory and time stay bounded in any crowd."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.render.canvas import LARGEST_SIDE, even
from pipeline.render.job import RenderJob
from pipeline.types import Boxes

MAX_PIXELS = 4 * 1280 * 720
"""Of the pictures of all clips that are open at once. An encoder takes about 60 bytes a pixel, and
its time is in the pixels too: where many people are seen at once, their clips are smaller."""

MAX_OPEN = 128
"""Clips open at once; each is an open file."""

_LEAST_SIDE = 160
"""Pixels of the window: a tiny face alone says less than what is around it."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip that is to be made."""

    track_id: int
    first: int
    """Frame."""
    last: int
    """Frame."""
    rows: slice
    """Of the table of tracks."""
    window: tuple[int, int]
    """Width and height of what is shown, in pixels of the full-size picture."""
    size: tuple[int, int]
    """Width and height of the video."""


@dataclass(frozen=True, slots=True)
class _Span:
    first: int
    last: int
    track_id: int
    rows: slice


def plan_clips(job: RenderJob) -> tuple[tuple[ClipPlan, ...], int]:
    """Return the clips by ascending first frame, and how many tracks must go without one."""
    spans = _spans(job)
    kept = _affordable(spans)
    open_clips = _open_at(kept, len(job.scan.time))
    return tuple(_plan(job, span, open_clips) for span in kept), len(spans) - len(kept)


def wanted_frames(plans: tuple[ClipPlan, ...], frames: int) -> NDArray[np.bool_]:
    """Return (frames,) whether a frame is part of any clip."""
    return _open_at(plans, frames) > 0


def _spans(job: RenderJob) -> list[_Span]:
    tracks = job.tracks
    ids, starts = np.unique(tracks.track_id, return_index=True)
    edges = [*starts.tolist(), len(tracks.track_id)]
    spans = [
        _Span(
            int(tracks.frame[start]), int(tracks.frame[end - 1]), int(track_id), slice(start, end)
        )
        for track_id, (start, end) in zip(ids, itertools.pairwise(edges), strict=True)
    ]
    return sorted(spans, key=lambda span: (span.first, span.track_id))


def _affordable(spans: list[_Span]) -> list[_Span]:
    """Return the spans of which never more than MAX_OPEN are open; who comes first is served."""
    kept: list[_Span] = []
    ends: list[int] = []
    for span in spans:
        while ends and ends[0] < span.first:
            heapq.heappop(ends)
        if len(ends) < MAX_OPEN:
            heapq.heappush(ends, span.last)
            kept.append(span)
    return kept


def _open_at(spans: Sequence[_Span | ClipPlan], frames: int) -> NDArray[np.int64]:
    """Return (frames,) how many spans a frame lies in."""
    change = np.zeros(frames + 1, np.int64)
    np.add.at(change, [span.first for span in spans], 1)
    np.add.at(change, [span.last + 1 for span in spans], -1)
    return np.cumsum(change)[:frames]


def _plan(job: RenderJob, span: _Span, open_clips: NDArray[np.int64]) -> ClipPlan:
    """Return a clip that is small enough for the fullest of its frames, so each has room."""
    window = _window(job.tracks.boxes[span.rows], job.settings.clip_margin, job.size_of(span.first))
    together = int(open_clips[span.first : span.last + 1].max())
    scale = min(
        1.0,
        job.settings.clip_size / window[1],
        LARGEST_SIDE / max(window),
        math.sqrt(MAX_PIXELS / together / (window[0] * window[1])),
    )
    size = even(window[0] * scale), even(window[1] * scale)
    return ClipPlan(span.track_id, span.first, span.last, span.rows, window, size)


def _window(boxes: Boxes, margin: float, picture: tuple[int, int]) -> tuple[int, int]:
    """Return width and height of a square around the largest of the boxes (N, 4).

    There is ``margin`` of the box on each side, as far as the picture (width, height) reaches.
    """
    largest = float((boxes[:, 2:] - boxes[:, :2]).max())
    side = max(math.ceil(largest * (1 + 2 * margin)), _LEAST_SIDE)
    return even(min(side, picture[0])), even(min(side, picture[1]))
