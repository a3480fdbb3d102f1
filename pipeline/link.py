"""Join the detections of a scan into tracks: no pixels, no files.

The video is cut into shots first, and the camera's motion taken out; within a shot, ids are given
with all of it seen, or by one of the online trackers. Then tracks that are short or doubtful are
dropped, the others numbered in the order in which they appear, jitter is taken off the boxes, and
what the detector missed between two sightings is filled in.
"""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from pipeline.gaps import fill
from pipeline.link_settings import OFFLINE, check_link_settings
from pipeline.region import parse_region
from pipeline.settings import TICK, LinkSettings
from pipeline.types import Kind, Scan, Tell, Tracks, to_nobody
from trackers import TRACKERS, Tracker
from trackers.offline import Faces, link_faces, link_in_windows, smooth

Ints = NDArray[np.int64]

_SURE_PART: Final = 0.3
"""Part of the looks, from a track's first to its last, that must be sure of the face."""
_CLEAR: Final = 0.25
"""Part of the way from the threshold to certainty from which a sighting is clear."""

_FAST: Final = 0.08
"""Part of a face's size by which a fast camera moves in a frame."""

_WINDOW: Final = 50_000
"""Detections that are linked at a time; a shot with more is linked in windows."""
_SHARED: Final = 4
"""What two windows have in common: so many times as long as a person may be out of sight."""


def link(scan: Scan, settings: LinkSettings, tell: Tell = to_nobody) -> Tracks:
    """Return the tracks of a video; the order of the faces within a frame does not matter.

    Args:
        scan: What was seen.
        settings: All of them count.
        tell: Told how many frames are linked.

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
    way = _camera_way(scan, shots, settings.threshold)
    scan = replace(scan, boxes=scan.boxes - way[scan.frame])
    ids = _identify(scan, rows, shots, settings, tell)
    rows, ids = rows[ids >= 0], ids[ids >= 0]
    kept = _proven(scan, rows, ids, shots, settings)
    dropped = len(np.unique(ids[~kept]))
    ids, rows = _renumber(ids[kept]), rows[kept]
    tracks = _assemble(scan, rows, ids, settings.threshold, shots, dropped)
    frames = len(scan.time)
    if settings.smooth:
        tell(frames, frames)
        tracks = _smooth(scan, tracks)
    tell(frames, frames)
    tracks = fill(scan, tracks, settings.max_gap)
    tell(frames, frames)
    return replace(tracks, boxes=tracks.boxes + way[tracks.frame])


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


def _camera_way(scan: Scan, shots: NDArray[np.int32], threshold: float) -> NDArray[np.float32]:
    """Return (F, 4) how far the camera has moved the scene since the shot began, for two corners.

    Boxes less that lie as if the camera stood still.
    """
    way = np.zeros((len(scan.time), 2))
    edges = np.append(shots, len(scan.time))
    sure = scan.scores >= threshold
    frame, sides = scan.frame[sure], np.maximum(scan.boxes[sure, 2:] - scan.boxes[sure, :2], 0)
    sizes = np.sqrt(sides.prod(axis=1))
    window = max(2, round(float(scan.info.frame_rate)))  # a second
    for begin, end in itertools.pairwise(edges):
        first, last = np.searchsorted(frame, (begin, end))
        if first < last:
            least = _FAST * float(np.median(sizes[first:last]))
            way[begin:end] = np.cumsum(_fast(scan.camera[begin:end], least, window), axis=0)
    return np.tile(way, 2).astype(np.float32)


def _fast(steps: NDArray[np.float32], least: float, window: int) -> NDArray[np.float64]:
    """Return the camera's steps (F, 2), 0 where it moves less than ``least`` px a frame.

    That is the mean over ``window`` frames. A slow camera does no harm, and what is measured of it
    would bring jitter into the boxes.
    """
    sums = np.append(0, np.cumsum(np.hypot(*steps[1:].T.astype(np.float64))))
    middle = np.arange(len(steps))
    begin, end = (
        np.maximum(middle - window // 2, 0),
        np.minimum(middle + window // 2, len(sums) - 1),
    )
    speed = (sums[end] - sums[begin]) / np.maximum(end - begin, 1)
    fast = (speed >= least) & (middle > 0)  # the first step leads here from another shot
    return np.where(fast[:, None], steps, 0)


def _identify(
    scan: Scan, rows: Ints, shots: NDArray[np.int32], settings: LinkSettings, tell: Tell
) -> Ints:
    """Return whose face each of the rows is, (K,); -1 for nobody's. No id is in two shots."""
    ids = np.full(len(rows), -1, np.int64)
    edges = np.searchsorted(scan.frame[rows], np.append(shots, len(scan.time)))
    in_shot = _link_offline if settings.tracker == OFFLINE else _link_online
    looked = np.flatnonzero(scan.looked)
    highest = 0
    for begin, end in itertools.pairwise(edges):
        if end > begin:
            found = in_shot(scan, rows[begin:end], looked, settings, tell)
            ids[begin:end] = np.where(found >= 0, found + highest, -1)
            highest += int(found.max()) + 1
    return ids


def _link_offline(scan: Scan, rows: Ints, looked: Ints, settings: LinkSettings, tell: Tell) -> Ints:
    """Return ids (K,) from 0 for the faces of one shot, all of it seen.

    ``looked`` are all frames (L,) that were looked at.
    """
    look = np.searchsorted(looked, scan.frame[rows])
    time = scan.time[scan.frame[rows]]

    def linked(window: slice) -> Ints:
        here = rows[window]
        tell(int(scan.frame[here[0]]), len(scan.time))
        faces = Faces(
            look=look[window] - look[window.start],
            time=time[window],
            boxes=scan.boxes[here].astype(np.float64),
            scores=scan.scores[here],
            thumbnails=scan.thumbnail[here].reshape(len(here), -1),
        )
        return link_faces(faces, settings.threshold, settings.max_unseen)

    return link_in_windows(look, time, linked, _SHARED * settings.max_unseen, _WINDOW)


def _link_online(scan: Scan, rows: Ints, looked: Ints, settings: LinkSettings, tell: Tell) -> Ints:
    """Return ids (K,) for the faces of one shot, given look by look; ``looked`` as above."""
    frame, tracker = scan.frame[rows], _new_tracker(settings)
    ids = np.full(len(rows), -1, np.int64)
    first, last = np.searchsorted(looked, frame[[0, -1]])
    looks = looked[first : last + 1]
    edges = np.searchsorted(frame, np.append(looks, frame[-1] + 1))
    for look, begin, end in zip(looks, edges[:-1], edges[1:], strict=True):
        here = rows[begin:end]
        tell(int(look), len(scan.time))
        ids[begin:end] = tracker.update(scan.boxes[here], scan.scores[here], float(scan.time[look]))
    return np.where(_vouched(scan, rows, ids, settings.threshold), ids, -1)


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


def _proven(
    scan: Scan, rows: Ints, ids: Ints, shots: NDArray[np.int32], settings: LinkSettings
) -> NDArray[np.bool_]:
    """Say of each row (K,) whether enough sure sightings speak for its track, some of them clear.

    Weak ones come with any track, also with a coat of arms that was taken for a face now and then;
    what only ever just passes the threshold is a lamp or a fist more often than a face.
    """
    sure = scan.scores[rows] >= settings.threshold
    clear = scan.scores[rows] >= settings.threshold + _CLEAR * (1 - settings.threshold)
    looks: Ints = np.cumsum(scan.looked, dtype=np.int64)[scan.frame[rows]]
    lived = _spans(ids, looks.astype(np.float64)) + 1
    often = np.bincount(ids, sure, len(lived)) >= _SURE_PART * lived
    lasts = np.zeros(len(lived), np.bool_)
    lasts[ids[clear]] = _long_enough(scan, rows[clear], ids[clear], shots, settings.min_track)
    return np.asarray((often & lasts)[ids])


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
    return np.asarray(track_spans[ids] + step >= needed - TICK)


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


def _smooth(scan: Scan, tracks: Tracks) -> Tracks:
    """Return the tracks (as they were seen) without the jitter of the detections."""
    times = scan.time[tracks.frame]
    return replace(tracks, boxes=smooth(tracks.track_id, times, tracks.boxes))
