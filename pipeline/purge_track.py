"""One track taken out of a result: everything that shows or names the person is made anew.

The video itself is not needed, and need not be there. What cannot be made without it is dropped:
the annotated video, in which the person is boxed, and the clips of others who are seen at the same
time, for a clip shows the whole picture.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import tables
from pipeline.facts import Status
from pipeline.health import examine
from pipeline.layout import ANNOTATED, BOXES, CLIP, INDEX_PAGE, MOT, SCAN, TRACKS, track_folder
from pipeline.manifest import FILE_NAME, Manifest, Output
from pipeline.read_tables import BoxRecords, read_boxes
from pipeline.report.video import write_video_page
from pipeline.scan import scanfile
from pipeline.tombstones import PurgedTrack
from pipeline.types import Boxes, Kind, Scan, Tracks
from trackers.assignment import iou

_WRITTEN = (TRACKS, BOXES, MOT, SCAN, INDEX_PAGE)
"""Files that are made anew."""
_NEAR = 0.1
"""Overlap with the person's box from which a detection is taken for that person."""


@dataclass(frozen=True, slots=True, eq=False)
class ResultWithTrack:
    """A whole result from which a track is to be taken."""

    place: Path
    """Its folder."""
    folder: str
    """The same, below the output folder."""
    video: Manifest
    records: BoxRecords
    track_id: int

    @classmethod
    def read(cls, output: Path, folder: str, video: Manifest, track_id: int) -> ResultWithTrack:
        """Read its tables; raises OSError, ValueError or KeyError where they are damaged."""
        records = read_boxes(output / folder, video.counts.dropped_tracks)
        return cls(output / folder, folder, video, records, track_id)

    @property
    def ids(self) -> list[int]:
        """All tracks of the result."""
        return [int(n) for n in self.records.tracks.ids]

    def tombstone(self) -> PurgedTrack:
        """Say where and when the person was."""
        tracks = self.records.tracks
        own = tracks.track_id == self.track_id
        time = scanfile.load(self.place / SCAN).time[tracks.frame[own]]
        low, high = tracks.boxes[own, :2].min(0), tracks.boxes[own, 2:].max(0)
        box = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
        return PurgedTrack(self.track_id, float(time[0]), float(time[-1]), box)

    def removed(self) -> list[str]:
        """Return the outputs that have no place in the result without the track."""
        if self.track_id not in self.ids:
            return []
        home = f"{self._home(self.track_id)}/"
        clips = {f"{self._home(other)}/{CLIP}" for other in _seen_with(self.records, self.track_id)}
        gone = {ANNOTATED, *clips}
        return [path for path in self.video.outputs if path in gone or path.startswith(home)]

    def build_without(self, stage: Path, *, redo: bool) -> Manifest:
        """Build the result without the track in ``stage``; return its manifest.

        With ``redo`` the next run takes it for done with other settings, and does it again.
        """
        gone = {*self.removed(), *_WRITTEN}
        kept = {path: out for path, out in self.video.outputs.items() if path not in gone}
        for path in kept:
            _copy(self.place / path, stage / path)
        seen = scanfile.load(self.place / SCAN)
        rest = self.records.without(self.track_id)
        scan = _without_faces(seen, self.records.tracks, self.track_id)
        video = replace(self._manifest(scan, rest), keys={} if redo else self.video.keys)
        scanfile.save(scan, stage / SCAN)
        tables.write_tables(stage, scan, rest.tracks, rest.selection, rest.crop_files)
        write_video_page(
            stage, video, scan, rest.tracks, rest.selection, rest.crop_files, self.folder
        )
        written = {path: _output(stage / path) for path in _WRITTEN}
        whole = replace(video, outputs=dict(sorted((kept | written).items())))
        _write_manifest(stage / FILE_NAME, whole, as_old_as=self.place / FILE_NAME)
        return whole

    def _home(self, track_id: int) -> str:
        return track_folder(track_id, max(self.ids))

    def _manifest(self, scan: Scan, rest: BoxRecords) -> Manifest:
        tracks = rest.tracks
        counts = replace(
            self.video.counts,
            faces=int((tracks.kind != Kind.INTERPOLATED).sum()),
            tracks=len(tracks.ids),
            crops=len(rest.crop_files),
        )
        empty = self.video.status is Status.DONE and not counts.tracks
        note = f"Track {self.track_id} was purged, and the videos that showed this person."
        return replace(
            self.video,
            status=Status.EMPTY if empty else self.video.status,
            counts=counts,
            health=examine(scan, tracks),
            warnings=tuple(dict.fromkeys((*self.video.warnings, note))),
        )


def _seen_with(records: BoxRecords, track_id: int) -> list[int]:
    """Return the other tracks that last while this one does."""
    frames = {n: records.tracks.frame[rows] for n, rows in tables.rows_by_track(records.tracks)}
    first, last = frames[track_id][0], frames[track_id][-1]
    together = (n for n, own in frames.items() if own[0] <= last and first <= own[-1])
    return [n for n in together if n != track_id]


def _without_faces(scan: Scan, tracks: Tracks, track_id: int) -> Scan:
    """Leave out the detections that are, or may be, sightings of a track."""
    keep = np.ones(len(scan.frame), np.bool_)
    for frame in tracks.frame[tracks.track_id == track_id]:
        faces = np.flatnonzero(scan.frame == frame)
        rows = np.flatnonzero(tracks.frame == frame)
        own = tracks.track_id[rows] == track_id
        keep[faces] = ~_belong(scan.boxes[faces], tracks.boxes[rows], own)
    columns = ("frame", "boxes", "scores", "sharpness", "brightness", "contrast", "thumbnail")
    return replace(scan, **{name: getattr(scan, name)[keep] for name in columns})


def _belong(faces: Boxes, boxes: Boxes, own: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Tell of each face whether it lies on a box that is ``own``, and on no other one better."""
    overlap = iou(faces, boxes)
    mine = overlap[:, own].max(axis=1, initial=0)
    others = overlap[:, ~own].max(axis=1, initial=0)
    return np.asarray((mine > _NEAR) & (mine >= others))


def _copy(source: Path, target: Path) -> None:
    """Give a file a second name; where the file system knows no such thing, copy it."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def _output(path: Path) -> Output:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Output(path.stat().st_size, digest.hexdigest())


def _write_manifest(path: Path, video: Manifest, as_old_as: Path) -> None:
    """Write a manifest that is as old as the one it replaces: results age by their manifests."""
    times = as_old_as.stat()
    path.write_text(video.to_json(), "utf-8")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
