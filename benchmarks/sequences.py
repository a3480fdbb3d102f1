"""Labelled videos in the layout of the MOTChallenge, and ours, as records of arrays.

A sequence is a folder with ``seqinfo.ini``; the truth stands in ``gt.txt`` or ``gt/gt.txt``,
detections in ``det_<name>.txt`` or, where there is only one set, in ``det/det.txt``. Ours also has
``shots.txt`` (the first frame of each shot) and ``clip.mp4``. To add a data set, bring it into this
layout: there is nothing to register.
"""

from __future__ import annotations

import configparser
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.decode import open_video
from pipeline.facts import DecodeAudit, VideoInfo
from pipeline.scan.camera import CameraMeter
from pipeline.scan.measure import measure
from pipeline.settings import DecodeSettings
from pipeline.types import Scan, Tracks

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Boxes with ids: one row a box."""

    frame: NDArray[np.int64]
    """(N,) from 0."""
    ids: NDArray[np.int64]
    """(N,)"""
    boxes: Floats
    """(N, 4) xyxy."""
    scores: Floats
    """(N,) the detector's score; in a truth 0 where a box is to be ignored."""

    def where(self, mask: NDArray[np.bool_]) -> Rows:
        """Return some of the rows."""
        return Rows(self.frame[mask], self.ids[mask], self.boxes[mask], self.scores[mask])


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """One labelled video."""

    folder: Path
    frames: int
    frame_rate: Fraction
    size: tuple[int, int]
    truth: Rows
    shots: NDArray[np.int64]
    """(S,) first frame of each shot."""

    @property
    def name(self) -> str:
        """The name of its folder."""
        return self.folder.name

    def detections(self, name: str) -> Rows:
        """Return the given detections, best score first within a frame.

        Raises:
            FileNotFoundError: there are none of that name.
        """
        path = self.folder / f"det_{name}.txt"
        rows = read_rows(path if path.exists() else self.folder / "det" / "det.txt")
        order = np.lexsort((-rows.scores, rows.frame))
        return Rows(rows.frame[order], rows.ids[order], rows.boxes[order], rows.scores[order])


def find_sequences(root: Path) -> list[Sequence]:
    """Return the sequences in ``root``, or the one that it is."""
    places = sorted(
        {path.parent for path in (*root.glob("seqinfo.ini"), *root.glob("*/seqinfo.ini"))}
    )
    return [_read(place) for place in places]


def read_rows(path: Path) -> Rows:
    """Read a file of the MOTChallenge: ``frame,id,x,y,w,h,conf,...``, frames from 1."""
    text = path.read_text("ascii")
    table = (
        np.loadtxt(text.splitlines(), delimiter=",", ndmin=2) if text.strip() else np.zeros((0, 7))
    )
    corner, sides = table[:, 2:4], table[:, 4:6]
    boxes = np.hstack([corner, corner + sides])
    return Rows(table[:, 0].astype(np.int64) - 1, table[:, 1].astype(np.int64), boxes, table[:, 6])


def rows_of(tracks: Tracks) -> Rows:
    """Return our tracks as rows."""
    frame, ids = tracks.frame.astype(np.int64), tracks.track_id.astype(np.int64)
    return Rows(frame, ids, tracks.boxes.astype(np.float64), tracks.scores.astype(np.float64))


def scan_of(sequence: Sequence, found: Rows) -> Scan:
    """Return detections as a scan in which the true cuts are certain.

    What the faces look like, and how the camera moves, is taken from ``clip.mp4``, where there is
    one.
    """
    frames, count = sequence.frames, len(found.frame)
    blank = np.zeros(count, np.float32)
    thumbnails, camera = _seen(sequence, found)
    scan = Scan(
        info=plain_info(sequence.size, sequence.frame_rate, sequence.frames),
        audit=DecodeAudit(frames, 0, frames, truncated=False, times_mended=0, size_changes=0),
        detector="given",
        pts=np.arange(frames, dtype=np.int64),
        time=np.arange(frames) / float(sequence.frame_rate),
        size=np.tile(np.array(sequence.size, np.int32), (frames, 1)),
        cut_score=np.zeros(frames, np.float32),
        camera=camera,
        looked=np.ones(frames, np.bool_),
        frame=found.frame.astype(np.int32),
        boxes=found.boxes.astype(np.float32),
        scores=found.scores.astype(np.float32),
        sharpness=blank,
        brightness=blank,
        contrast=blank,
        thumbnail=thumbnails,
    )
    return with_true_cuts(scan, sequence)


def with_true_cuts(scan: Scan, sequence: Sequence) -> Scan:
    """Return the scan with the labelled cuts in place of what it saw of them."""
    cut_score = np.zeros(len(scan.pts), np.float32)
    cut_score[sequence.shots] = 1
    return replace(scan, cut_score=cut_score)


def _seen(sequence: Sequence, found: Rows) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the thumbnails (N, 8, 8) and the camera's steps (F, 2)."""
    thumbnails = np.zeros((len(found.frame), 8, 8), np.uint8)
    clip, camera = sequence.folder / "clip.mp4", CameraMeter()
    if not clip.exists():
        return thumbnails, np.zeros((sequence.frames, 2), np.float32)
    with open_video(clip, DecodeSettings()) as video:
        for frame in video.frames():
            luma, here = frame.picture.luma(), np.flatnonzero(found.frame == frame.index)
            thumbnails[here] = measure(luma, found.boxes[here].astype(np.float32)).thumbnail
            camera.add(luma)
    return thumbnails, camera.steps()


def plain_info(size: tuple[int, int], frame_rate: Fraction, frames: int) -> VideoInfo:
    """Return what is known of a video of which there may be no file."""
    return VideoInfo(
        width=size[0],
        height=size[1],
        frame_rate=frame_rate,
        time_base=1 / frame_rate,
        duration=frames / float(frame_rate),
        container="",
        codec="",
        pixel_format="",
        rotation=0,
        mirrored=False,
        transfer="sdr",
        stream=0,
        video_streams=1,
        has_audio=False,
    )


def _read(folder: Path) -> Sequence:
    parser = configparser.ConfigParser()
    parser.read(folder / "seqinfo.ini")
    about = parser["Sequence"]
    truth = folder / "gt.txt"
    shots = folder / "shots.txt"
    return Sequence(
        folder=folder,
        frames=int(about["seqLength"]),
        frame_rate=Fraction(about["frameRate"]).limit_denominator(1001),
        size=(int(about["imWidth"]), int(about["imHeight"])),
        truth=read_rows(truth if truth.exists() else folder / "gt" / "gt.txt"),
        shots=np.loadtxt(shots, np.int64, ndmin=1) if shots.exists() else np.zeros(1, np.int64),
    )
