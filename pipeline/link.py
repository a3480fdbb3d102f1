"""Join the detections of a scan into tracks: no pixels, no files.

The video is cut into shots first; within a shot a tracker gives the ids, from a track's first
sighting on. Then, with all of the video seen, short tracks are dropped, the others numbered in the
order in which they appear, and what is missing between two sightings is filled in.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import SetUpError
from pipeline.region import parse_region
from pipeline.settings import LinkSettings
from pipeline.types import Kind, Scan, Tracks
from trackers import TRACKERS, Tracker

Ints = NDArray[np.int64]
_TICK = 1e-6  # seconds by which times may be off when they are compared with settings


def link(scan: Scan, settings: LinkSettings) -> Tracks:
    """Return the tracks of a video; the order of the faces within a frame does not matter.

    Raises:
        SetUpError: the settings make no sense (:func:`check_link_settings`).
        ValueError: ``settings.threshold`` is 0. That stands for what the weights say and must have
            been filled in before.
    """
    if not settings.threshold > 0:
        raise ValueError(f"{settings.threshold = } must have been filled in from the weights")
    check_link_settings(settings)
    shots = find_shots(scan, settings.cut_threshold)
    rows = _wanted(scan, settings)
    ids = _identify(scan, rows, shots, settings)
    sure = _vouched(scan, rows, ids, settings.threshold)
    rows, ids = rows[sure], ids[sure]
    kept = _long_enough(scan, rows, ids, shots, settings.min_track)
    dropped = len(np.unique(ids[~kept]))
    ids, rows = _renumber(ids[kept]), rows[kept]
    tracks = _assemble(scan, rows, ids, settings.threshold, shots, dropped)
    return _fill(scan, tracks, settings.max_gap)


def check_link_settings(settings: LinkSettings) -> None:
    """Raise SetUpError for a tracker that there is not, or a region that makes no sense."""
    if settings.tracker not in TRACKERS:
        raise SetUpError(
            f"Choose one of the trackers {', '.join(TRACKERS)}, not {settings.tracker!r}."
        )
    if settings.region:
        parse_region(settings.region)


def find_shots(scan: Scan, cut_threshold: float) -> NDArray[np.int32]:
    """Return the first frame (S,) of each shot: where the picture, or its size, is another."""
    begins = scan.cut_score >= cut_threshold
    begins[1:] |= (scan.size[1:] != scan.size[:-1]).any(axis=1)
    begins[:1] = True
    return np.flatnonzero(begins).astype(np.int32)


def _wanted(scan: Scan, settings: LinkSettings) -> Ints:
    """Return the rows (K,) of the faces to track, by frame and then by what they look like."""
    sides = np.maximum(scan.boxes[:, 2:] - scan.boxes[:, :2], 0)
    wanted = np.ones(len(sides), np.bool_)
    if settings.max_face > 0:
        wanted &= np.sqrt(sides.prod(axis=1)) <= settings.max_face
    if settings.region:
        centres = (scan.boxes[:, 2:] + scan.boxes[:, :2]) / 2
        wanted &= parse_region(settings.region).contains(centres, scan.size[scan.frame])
    order = np.lexsort((*scan.boxes.T, -scan.scores, scan.frame))
    return order[wanted[order]]


def _identify(scan: Scan, rows: Ints, shots: NDArray[np.int32], settings: LinkSettings) -> Ints:
    """Return whose face each of the rows is, (K,); -1 for nobody's. No id is in two shots."""
    ids = np.full(len(rows), -1, np.int64)
    looked = np.flatnonzero(scan.looked)
    begin, end = np.searchsorted(scan.frame[rows], [looked, looked + 1])
    boxes, scores = scan.boxes[rows], scan.scores[rows]
    highest = 0
    for shot in np.split(np.arange(len(looked)), np.searchsorted(looked, shots[1:])):
        tracker, before = _new_tracker(settings), highest
        for place in shot:
            here = slice(begin[place], end[place])
            found = tracker.update(boxes[here], scores[here], float(scan.time[looked[place]]))
            ids[here] = np.where(found >= 0, found + before, -1)
            highest = max(highest, int(ids[here].max(initial=0)))
    return ids


def _new_tracker(settings: LinkSettings) -> Tracker:
    return TRACKERS[settings.tracker](
        threshold=settings.threshold,
        min_iou=settings.min_iou,
        max_unseen=settings.max_unseen,
        min_seen=0,  # a track's first sightings carry its id; what stays short is dropped later
    )


def _vouched(scan: Scan, rows: Ints, ids: Ints, threshold: float) -> NDArray[np.bool_]:
    """Say which rows (K,) are somebody's face for certain.

    A weak detection counts where its track is sure of the face before and after it. At a track's
    end it is as likely the coat that the face has turned into.
    """
    frame, strong = scan.frame[rows], (scan.scores[rows] >= threshold) & (ids >= 0)
    last = np.full(ids.max(initial=0) + 1, -1)
    np.maximum.at(last, ids[strong], frame[strong])
    return (ids >= 0) & (frame <= last[ids])


def _long_enough(
    scan: Scan, rows: Ints, ids: Ints, shots: NDArray[np.int32], min_track: float
) -> NDArray[np.bool_]:
    """Say of each row (K,) whether its track lasts ``min_track`` seconds.

    A sighting stands for the time until the next look: a single one lasts 40 ms where each of 25
    frames a second is looked at, and a second where there is one look a second. A face that is
    there throughout a shot is long enough however short the shot is.
    """
    looked = np.flatnonzero(scan.looked)
    looks_apart = np.diff(scan.time[looked])
    step = np.median(looks_apart) if len(looks_apart) else 1 / float(scan.info.frame_rate)
    shot_spans = _spans(_shot_of(looked, shots), scan.time[looked])
    track_spans = _spans(ids, scan.time[scan.frame[rows]])
    needed = np.minimum(min_track, shot_spans[_shot_of(scan.frame[rows], shots)] + step)
    return np.asarray(track_spans[ids] + step >= needed - _TICK)


def _shot_of(frames: NDArray[np.integer], shots: NDArray[np.int32]) -> Ints:
    return np.searchsorted(shots, frames, side="right") - 1


def _spans(group: Ints, times: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the seconds (G,) from the first to the last of the times (K,) of each group."""
    count = group.max(initial=-1) + 1
    first, last = np.full(count, np.inf), np.full(count, -np.inf)
    np.minimum.at(first, group, times)
    np.maximum.at(last, group, times)
    return last - first


def _renumber(ids: Ints) -> Ints:
    """Return ids from 1 in the order in which they first appear in ``ids`` (K,)."""
    _, first, inverse = np.unique(ids, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[inverse] + 1


def _assemble(
    scan: Scan, rows: Ints, ids: Ints, threshold: float, shots: NDArray[np.int32], dropped: int
) -> Tracks:
    """Return the tracks as they were seen, without what lies in between."""
    order = np.lexsort((scan.frame[rows], ids))
    rows, scores = rows[order], scan.scores[rows[order]]
    return Tracks(
        track_id=ids[order].astype(np.int32),
        frame=scan.frame[rows],
        boxes=scan.boxes[rows],
        scores=scores,
        kind=np.where(scores >= threshold, Kind.DETECTED, Kind.RESCUED).astype(np.uint8),
        detection=rows.astype(np.int32),
        shots=shots,
        dropped=dropped,
    )


def _fill(scan: Scan, tracks: Tracks, max_gap: float) -> Tracks:
    """Return the tracks with boxes for the frames between two sightings, on a straight line.

    A gap is filled up to ``max_gap`` seconds, or where no look was missed: when only every Nth
    frame is looked at, the frames in between are no gap.
    """
    begin = _fillable(scan, tracks, max_gap)  # (G,) the row before each gap
    missing = tracks.frame[begin + 1] - tracks.frame[begin] - 1  # (G,)
    before = np.repeat(begin, missing)  # (I,)
    step = np.arange(len(before)) - np.repeat(np.cumsum(missing) - missing, missing) + 1
    frame = (tracks.frame[before] + step).astype(np.int32)
    earlier, later = scan.time[tracks.frame[before]], scan.time[tracks.frame[before + 1]]
    part = ((scan.time[frame] - earlier) / (later - earlier))[:, None]  # (I, 1)
    boxes = tracks.boxes[before] * (1 - part) + tracks.boxes[before + 1] * part
    filled = {
        "track_id": tracks.track_id[before],
        "frame": frame,
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


def _fillable(scan: Scan, tracks: Tracks, max_gap: float) -> Ints:
    """Return the rows (G,) after which boxes are missing that shall be filled in."""
    here, there = tracks.frame[:-1], tracks.frame[1:]
    looks = np.cumsum(scan.looked)
    seamless: NDArray[np.bool_] = looks[there] - looks[here] == 1
    short = scan.time[there] - scan.time[here] <= max_gap + _TICK
    same = tracks.track_id[1:] == tracks.track_id[:-1]
    return np.flatnonzero(same & (there - here > 1) & (seamless | short))
