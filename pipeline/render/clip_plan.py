"""Which clips are made, and how large, so that memory and time stay bounded in any crowd."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.render.canvas import Canvas
from pipeline.render.job import RenderJob

MAX_PIXELS = 4 * 1280 * 720
"""Of the pictures of all clips that are open at once. An encoder takes about 60 bytes a pixel, and
its time is in the pixels too: where many people are seen at once, their clips are smaller."""

MAX_OPEN = 128
"""Clips open at once; each is an open file."""

_SMALLER = 0.5**0.25
"""Step by which clips get smaller. Clips of one size share the scaled picture, so steps are few."""


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """A clip that is to be made."""

    track_id: int
    first: int
    """Frame."""
    last: int
    """Frame."""
    canvas: Canvas


@dataclass(frozen=True, slots=True)
class _Span:
    first: int
    last: int
    track_id: int


def plan_clips(job: RenderJob) -> tuple[tuple[ClipPlan, ...], int]:
    """Return the clips by ascending first frame, and how many tracks must go without one."""
    spans = _spans(job)
    kept = _affordable(spans)
    open_clips = _open_at(kept, len(job.scan.time))
    plans = tuple(
        ClipPlan(
            span.track_id,
            span.first,
            span.last,
            # Every clip is small enough for the fullest of its frames, so each frame has room.
            _canvas(job, span.first, int(open_clips[span.first : span.last + 1].max())),
        )
        for span in kept
    )
    return plans, len(spans) - len(kept)


def wanted_frames(plans: tuple[ClipPlan, ...], frames: int) -> NDArray[np.bool_]:
    """Return (frames,) whether a frame is part of any clip."""
    return _open_at([_Span(plan.first, plan.last, 0) for plan in plans], frames) > 0


def _spans(job: RenderJob) -> list[_Span]:
    tracks = job.tracks
    ids, starts = np.unique(tracks.track_id, return_index=True)
    ends = [*(starts[1:] - 1), -1][: len(ids)]
    rows = zip(tracks.frame[starts], tracks.frame[ends], ids, strict=True)
    return sorted(
        (_Span(int(first), int(last), int(track_id)) for first, last, track_id in rows),
        key=lambda span: (span.first, span.track_id),
    )


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


def _open_at(spans: list[_Span], frames: int) -> NDArray[np.int64]:
    """Return (frames,) how many spans a frame lies in."""
    change = np.zeros(frames + 1, np.int64)
    np.add.at(change, [span.first for span in spans], 1)
    np.add.at(change, [span.last + 1 for span in spans], -1)
    return np.cumsum(change)[:frames]


def _canvas(job: RenderJob, frame: int, together: int) -> Canvas:
    """Return the largest canvas of which ``together`` ones are affordable."""
    source = job.size_of(frame)
    height = float(min(job.settings.clip_size, source[1]))
    canvas = Canvas.of(source, int(height))
    while canvas.size[0] * canvas.size[1] * together > MAX_PIXELS and canvas.size[1] > 2:
        height *= _SMALLER
        canvas = Canvas.of(source, int(height))
    return canvas
