"""The tables of one video: ``tracks.csv``, ``boxes.parquet`` and ``mot.txt``.

- Track ids and shots count from 1, frames from 0. Only in ``mot.txt`` frames count from 1, as the
  MOTChallenge form has it.
- Every time stands twice: ``time_s`` is the source's own presentation time, ``from_start_s`` the
  seconds since the first frame. ``pts`` is the former in ticks, exact.
- Boxes are pixels of the full-size upright picture, right and bottom exclusive, not clipped.
- A crop is a path below the folder of the result.

Equal records give equal bytes.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.layout import BOXES, MOT, TRACKS
from pipeline.types import (
    QUALITY_TERMS,
    Kind,
    Reason,
    Scan,
    Selection,
    Tell,
    Tracks,
    to_nobody,
)

SCHEMA = 1

_ROW_GROUP = 50_000
"""Boxes that are written at a time."""

CropFiles = Mapping[tuple[int, int], str]
"""(track id, rank) -> path of the crop below the folder of the result."""


@dataclass(frozen=True, slots=True)
class TrackSummary:
    """One track in numbers; the fields are the columns of ``tracks.csv``."""

    track_id: int
    shot: int
    first_frame: int
    last_frame: int
    first_time_s: float
    last_time_s: float
    first_from_start_s: float
    last_from_start_s: float
    frames: int
    detected_frames: int
    rescued_frames: int
    interpolated_frames: int
    min_width_px: float
    max_width_px: float
    min_height_px: float
    max_height_px: float
    mean_score: float
    """Of the boxes that are not interpolated."""
    crops: int
    best_crop: str
    best_frame: int
    best_time_s: float
    best_from_start_s: float
    best_quality: float
    best_reason: str
    """Why the best look is poor; empty where it is good."""


def write_tables(
    folder: Path,
    scan: Scan,
    tracks: Tracks,
    selection: Selection,
    crop_files: CropFiles,
    tell: Tell = to_nobody,
) -> None:
    """Write the three tables of a video into ``folder``, and tell how many are written."""
    tell(0, 3)
    _write_tracks(folder / TRACKS, summarise(scan, tracks, selection, crop_files))
    tell(1, 3)
    _write_boxes(folder / BOXES, scan, tracks, selection, crop_files)
    tell(2, 3)
    _write_mot(folder / MOT, tracks)
    tell(3, 3)


def summarise(
    scan: Scan, tracks: Tracks, selection: Selection, crop_files: CropFiles
) -> tuple[TrackSummary, ...]:
    """Return every track in numbers, ids ascending.

    Raises:
        ValueError: If a track has no look of rank 1.
    """
    crops = np.zeros(int(tracks.ids.max(initial=0)) + 1, np.int64)
    for track_id, _ in crop_files:
        crops[track_id] += 1
    return tuple(
        _summary(scan, tracks, selection, rows, int(crops[track_id]), crop_files)
        for track_id, rows in rows_by_track(tracks)
    )


def rows_by_track(tracks: Tracks) -> Iterable[tuple[int, slice]]:
    """Return each track's id with the rows of ``tracks`` that belong to it, ids ascending."""
    ids, starts = np.unique(tracks.track_id, return_index=True)
    edges = [*map(int, starts), len(tracks.track_id)]
    return ((int(n), slice(*edge)) for n, edge in zip(ids, pairwise(edges), strict=True))


def reason_name(reason: int) -> str:
    """Return a reason as it stands in the tables: ``blurred``; empty for NONE."""
    return Reason(reason).name.lower() if reason else ""


def _summary(
    scan: Scan,
    tracks: Tracks,
    selection: Selection,
    rows: slice,
    crops: int,
    crop_files: CropFiles,
) -> TrackSummary:
    track_id = int(tracks.track_id[rows.start])
    first, last = int(tracks.frame[rows.start]), int(tracks.frame[rows.stop - 1])
    kinds = np.bincount(tracks.kind[rows], minlength=len(Kind))
    width, height = (tracks.boxes[rows, 2:] - tracks.boxes[rows, :2]).T
    seen = tracks.kind[rows] != Kind.INTERPOLATED
    best = rows.start + _only_best(selection.rank[rows], track_id)
    at_best = int(tracks.frame[best])
    start = scan.time[0]
    return TrackSummary(
        track_id=track_id,
        shot=int(np.searchsorted(tracks.shots, first, side="right")),
        first_frame=first,
        last_frame=last,
        first_time_s=float(scan.time[first]),
        last_time_s=float(scan.time[last]),
        first_from_start_s=float(scan.time[first] - start),
        last_from_start_s=float(scan.time[last] - start),
        frames=rows.stop - rows.start,
        detected_frames=int(kinds[Kind.DETECTED]),
        rescued_frames=int(kinds[Kind.RESCUED]),
        interpolated_frames=int(kinds[Kind.INTERPOLATED]),
        min_width_px=float(width.min()),
        max_width_px=float(width.max()),
        min_height_px=float(height.min()),
        max_height_px=float(height.max()),
        mean_score=float(tracks.scores[rows][seen].mean(dtype=np.float64)),
        crops=crops,
        best_crop=crop_files.get((track_id, 1), ""),
        best_frame=at_best,
        best_time_s=float(scan.time[at_best]),
        best_from_start_s=float(scan.time[at_best] - start),
        best_quality=float(selection.quality[best]),
        best_reason=reason_name(int(selection.reason[best])),
    )


def _only_best(rank: NDArray[np.int32], track_id: int) -> int:
    best = np.flatnonzero(rank == 1)
    if len(best) != 1:
        raise ValueError(f"track {track_id} has {len(best)} looks of rank 1, not one")
    return int(best[0])


def _write_tracks(path: Path, summaries: tuple[TrackSummary, ...]) -> None:
    """Write RFC 4180: lines end in CR LF, the first one names the columns."""
    names = [field.name for field in fields(TrackSummary)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["schema", *names])
        for summary in summaries:
            cells = zip(names, astuple(summary), strict=True)
            writer.writerow([SCHEMA, *(_cell(name, value) for name, value in cells)])


def _cell(name: str, value: float | str) -> str:
    if not isinstance(value, float):
        return str(value)
    decimals = 6 if name.endswith("_s") else 2 if name.endswith("_px") else 4
    return f"{value:.{decimals}f}"


def _write_boxes(
    path: Path, scan: Scan, tracks: Tracks, selection: Selection, crop_files: CropFiles
) -> None:
    """Write the boxes in groups of rows, so that no copy of the whole table is made."""
    metadata = _metadata(scan, tracks)
    schema = _boxes(scan, tracks, selection, crop_files, slice(0)).schema.with_metadata(metadata)
    words = ["kind", "reason", "crop"]
    with (
        path.open("wb") as file,  # Arrow takes no path that is not UTF-8
        pq.ParquetWriter(file, schema, compression="zstd", use_dictionary=words) as writer,
    ):
        for first in range(0, max(len(tracks.frame), 1), _ROW_GROUP):
            rows = slice(first, first + _ROW_GROUP)
            table = _boxes(scan, tracks, selection, crop_files, rows)
            writer.write_table(table.replace_schema_metadata(metadata))


def _boxes(
    scan: Scan, tracks: Tracks, selection: Selection, crop_files: CropFiles, rows: slice
) -> pa.Table:
    """Return some rows of the table of boxes."""
    frame, track_id, rank = tracks.frame[rows], tracks.track_id[rows], selection.rank[rows]
    time = scan.time[frame]
    start = scan.time[0] if len(scan.time) else 0.0
    terms = zip(QUALITY_TERMS, selection.terms[rows].T, strict=True)
    crops = [
        crop_files.get((int(one), int(place))) if place else None
        for one, place in zip(track_id, rank, strict=True)
    ]
    return pa.table(
        {
            "track_id": track_id,
            "frame": frame,
            "pts": scan.pts[frame],
            "time_s": time,
            "from_start_s": time - start,
            **dict(zip(("x1", "y1", "x2", "y2"), tracks.boxes[rows].T, strict=True)),
            "score": tracks.scores[rows],
            "kind": _named(tracks.kind[rows], [kind.name.lower() for kind in Kind]),
            "quality": selection.quality[rows],
            **{f"quality_{name}": column for name, column in terms},
            "reason": _named(selection.reason[rows], [reason_name(r) or None for r in Reason]),
            "rank": rank,
            "crop": pa.array(crops, pa.string()),
        }
    )


def _named(codes: NDArray[np.uint8], names: list[str | None] | list[str]) -> Any:
    """Return codes as a column of words; a code whose word is None becomes null."""
    missing = np.isin(codes, [code for code, name in enumerate(names) if name is None])
    words = pa.array([name or "" for name in names], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.uint8(), mask=missing), words)


def _metadata(scan: Scan, tracks: Tracks) -> dict[str, str]:
    return {
        "facepics.schema": str(SCHEMA),
        "facepics.time_base": str(scan.info.time_base),
        "facepics.first_frames_of_shots": json.dumps(tracks.shots.tolist()),
        "facepics.conventions": (
            "One row a face and frame. Track ids count from 1, frames from 0. Boxes are pixels of "
            "the upright full-size picture, right and bottom exclusive, not clipped. pts is the "
            "presentation time in ticks of time_base, time_s the same in seconds, from_start_s the "
            "seconds since the first frame. Interpolated boxes have score and quality 0. Rank 1 is "
            "a track's best look, 0 a look that was not kept; reason says what speaks against it."
        ),
    }


def _write_mot(path: Path, tracks: Tracks) -> None:
    """Write every box as ``frame,id,left,top,width,height,score,-1,-1,-1``; frames from 1.

    Interpolated boxes take their score, too, from the detections around them: readers of this
    form understand a score of 0 as "to be ignored".
    """
    seen = tracks.kind != Kind.INTERPOLATED
    scores = tracks.scores.astype(np.float64)
    for _, rows in rows_by_track(tracks):
        known = seen[rows]
        frames = tracks.frame[rows]
        scores[rows] = np.interp(frames, frames[known], tracks.scores[rows][known])
    with path.open("w", encoding="ascii", newline="") as file:
        for row in np.lexsort((tracks.track_id, tracks.frame)):
            x1, y1, x2, y2 = (float(edge) for edge in tracks.boxes[row])
            file.write(
                f"{tracks.frame[row] + 1},{tracks.track_id[row]},{x1:.2f},{y1:.2f},"
                f"{x2 - x1:.2f},{y2 - y1:.2f},{scores[row]:.4f},-1,-1,-1\n"
            )
