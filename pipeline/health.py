"""How healthy the tracks of a video are, as far as that shows without labels.

None of these figures says that tracks are right; a change of one from run to run says that
something became different: a detector that flickers, a tracker that splits people, boxes that
tremble.
"""

from __future__ import annotations

from dataclasses import astuple
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.facts import Health
from pipeline.types import Kind, Scan, Tracks
from trackers.offline.pairs import batches, expand, pair_iou

_DUPLICATE: Final = 0.5
"""Overlap of two boxes of one frame that are one face found twice."""
_REACH: Final = 1.0
"""Face sizes, and seconds, within which a track that begins may be one that ended."""
_EVEN: Final = 0.25
"""Part by which two steps in time may differ and jitter is still measured over them."""


def examine(scan: Scan, tracks: Tracks) -> Health:
    """Return the health of a video's tracks."""
    if not len(tracks.track_id):
        return Health()
    seen = tracks.kind != Kind.INTERPOLATED
    minutes = max(float(scan.time[-1] - scan.time[0]), 1 / float(scan.info.frame_rate)) / 60
    health = Health(
        tracks_per_minute=len(tracks.ids) / minutes,
        fragmented=_fragmented(scan, tracks),
        one_frame=float(np.mean(np.unique(tracks.track_id[seen], return_counts=True)[1] == 1)),
        gaps=_gaps(scan, tracks, seen),
        filled=float(np.mean(~seen)),
        rescued=float(np.mean(tracks.kind == Kind.RESCUED)),
        jitter=jitter(tracks.track_id, tracks.frame, scan.time[tracks.frame], tracks.boxes),
        duplicates=_duplicates(tracks),
    )
    return Health(*(round(figure, 5) for figure in astuple(health)))


def jitter(
    ids: NDArray[np.integer],
    frame: NDArray[np.integer],
    time: NDArray[np.floating],
    boxes: NDArray[np.floating],
) -> float:
    """Return how much centres tremble: their mean second difference, in face sizes.

    Args:
        ids: (N,) whose box it is.
        frame: (N,)
        time: (N,) seconds; only three sightings at even steps are compared.
        boxes: (N, 4) xyxy.
    """
    order = np.lexsort((frame, ids))
    ids, time, boxes = ids[order], time[order], boxes[order].astype(np.float64)
    step = np.diff(time)
    even = np.abs(step[1:] - step[:-1]) <= _EVEN * np.minimum(step[1:], step[:-1])
    middle = np.flatnonzero((ids[2:] == ids[:-2]) & even) + 1
    if not len(middle):
        return 0.0
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    bend = centre[middle - 1] - 2 * centre[middle] + centre[middle + 1]
    return float(np.mean(np.hypot(bend[:, 0], bend[:, 1]) / _sizes(boxes[middle])))


def _sizes(boxes: NDArray[np.floating]) -> NDArray[np.float64]:
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 1e-3)
    return np.asarray(np.sqrt(sides[:, 0] * sides[:, 1]), np.float64)


def _ends(tracks: Tracks) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the first and the last row of each track."""
    edges = np.flatnonzero(np.diff(tracks.track_id, prepend=0, append=0))
    return edges[:-1], edges[1:] - 1


def _fragmented(scan: Scan, tracks: Tracks) -> float:
    first, last = _ends(tracks)
    shot = np.searchsorted(tracks.shots, tracks.frame, side="right")
    order = last[np.argsort(tracks.frame[last], kind="stable")]
    ended = scan.time[tracks.frame[order]]
    began = scan.time[tracks.frame[first]]
    low, high = np.searchsorted(ended, began - _REACH), np.searchsorted(ended, began)
    new, old = expand(low, high)
    a, b = first[new], order[old]
    centres = (tracks.boxes[:, :2] + tracks.boxes[:, 2:]) / 2
    away = np.hypot(*(centres[a] - centres[b]).T)
    size, other = _sizes(tracks.boxes[a]), _sizes(tracks.boxes[b])
    alike = (away < _REACH * np.minimum(size, other)) & (np.maximum(size / other, other / size) < 2)
    return len(np.unique(new[alike & (shot[a] == shot[b])])) / len(first)


def _gaps(scan: Scan, tracks: Tracks, seen: NDArray[np.bool_]) -> float:
    """Return the part of looks, within the tracks' lives, that found nothing."""
    look = np.cumsum(scan.looked, dtype=np.int64)[tracks.frame]
    first, last = _ends(tracks)
    lived = int(np.sum(look[last] - look[first] + 1))
    return 1 - int(seen.sum()) / lived


def _duplicates(tracks: Tracks) -> float:
    order = np.argsort(tracks.frame, kind="stable")
    frame = tracks.frame[order]
    begin, end = np.arange(len(order)) + 1, np.searchsorted(frame, frame, "right")
    boxes, twice = tracks.boxes.astype(np.float64), np.zeros(len(order), np.bool_)
    for some in batches(end - begin):
        one, other = expand(begin[some], end[some])
        a, b = order[one + some.start], order[other]
        same = pair_iou(boxes[a], boxes[b]) > _DUPLICATE
        twice[a[same]] = twice[b[same]] = True
    return float(twice.mean())
