"""Fill in what a track misses between two sightings.

A face that is hidden has no box, and none is invented: a gap during which another track's face
covers the place stays open. What is filled in is what the detector missed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from pipeline.settings import TICK
from pipeline.types import Kind, Scan, Tracks
from trackers.offline.pairs import batches, expand, highest, pair_cover

Ints = NDArray[np.int64]

_HIDDEN: Final = 0.3
"""Part of a face that another one covers when it counts as hidden."""


def fill(scan: Scan, tracks: Tracks, max_gap: float) -> Tracks:
    """Return the tracks with boxes for the frames between two sightings, on a straight line.

    A gap is filled up to ``max_gap`` seconds where nobody hides the face, or where no look was
    missed: when only every Nth frame is looked at, the frames in between are no gap.
    """
    before, frame = _missing(scan, tracks, max_gap)  # (I,)
    earlier, later = scan.time[tracks.frame[before]], scan.time[tracks.frame[before + 1]]
    part = ((scan.time[frame] - earlier) / (later - earlier))[:, None]  # (I, 1)
    boxes = tracks.boxes[before] * (1 - part) + tracks.boxes[before + 1] * part
    hidden = _hidden(tracks, before, frame, boxes) & ~_seamless(scan, tracks)[before]
    gone = np.isin(before, before[hidden])  # all of the gap
    return _insert(tracks, before[~gone], frame[~gone], boxes[~gone])


def _missing(scan: Scan, tracks: Tracks, max_gap: float) -> tuple[Ints, Ints]:
    """Return the frames (I,) that may be filled in, each with the row before its gap."""
    here, there = tracks.frame[:-1], tracks.frame[1:]
    short = scan.time[there] - scan.time[here] <= max_gap + TICK
    same = tracks.track_id[1:] == tracks.track_id[:-1]
    begin = np.flatnonzero(same & (there - here > 1) & (_seamless(scan, tracks) | short))
    gap, frame = expand(here[begin].astype(np.int64) + 1, there[begin].astype(np.int64))
    return begin[gap], frame


def _seamless(scan: Scan, tracks: Tracks) -> NDArray[np.bool_]:
    """Say of each row but the last whether the next one is of the very next look."""
    looks = np.cumsum(scan.looked)[tracks.frame]
    return np.asarray(looks[1:] - looks[:-1] == 1)


def _hidden(
    tracks: Tracks, before: Ints, frame: Ints, boxes: NDArray[np.floating]
) -> NDArray[np.bool_]:
    """Say which of the boxes (I, 4) other tracks cover."""
    order = np.argsort(tracks.frame, kind="stable")
    begin = np.searchsorted(tracks.frame[order], frame, "left")
    end = np.searchsorted(tracks.frame[order], frame, "right")
    hidden = np.zeros(len(frame), np.bool_)
    for some in batches(end - begin):
        which, other = expand(begin[some], end[some])
        other = order[other]
        foreign = tracks.track_id[other] != tracks.track_id[before[some]][which]
        which, other = which[foreign], other[foreign]
        cover = pair_cover(boxes[some][which], tracks.boxes[other])
        hidden[some] = highest(which, cover, some.stop - some.start) > _HIDDEN
    return hidden


def _insert(tracks: Tracks, before: Ints, frame: Ints, boxes: NDArray[np.floating]) -> Tracks:
    """Return the tracks with interpolated boxes (I, 4) in their places."""
    filled = {
        "track_id": tracks.track_id[before],
        "frame": frame.astype(np.int32),
        "boxes": boxes.astype(np.float32),
        "scores": np.zeros(len(frame), np.float32),
        "kind": np.full(len(frame), Kind.INTERPOLATED, np.uint8),
        "detection": np.full(len(frame), -1, np.int32),
    }
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(tracks, name), new]) for name, new in filled.items()
    }
    order = np.lexsort((columns["frame"], columns["track_id"]))
    return replace(tracks, **{name: column[order] for name, column in columns.items()})
