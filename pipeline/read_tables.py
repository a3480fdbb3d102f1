"""The tables of a result, read back."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from pipeline.layout import BOXES, TRACKS
from pipeline.tables import CropFiles, TrackSummary, reason_name
from pipeline.types import QUALITY_TERMS, Kind, Reason, Selection, Tracks

_SHOTS = b"facepics.first_frames_of_shots"


@dataclass(frozen=True, slots=True, eq=False)
class BoxRecords:
    """What :func:`pipeline.tables.write_tables` was given beside the scan: ``boxes.parquet``."""

    tracks: Tracks
    """Which detection stands behind a box is not written: ``detection`` is -1 throughout."""
    selection: Selection
    crop_files: CropFiles

    def without(self, track_id: int) -> BoxRecords:
        """Return the records of all other tracks."""
        keep = self.tracks.track_id != track_id
        tracks, selection = self.tracks, self.selection
        return BoxRecords(
            Tracks(
                track_id=tracks.track_id[keep],
                frame=tracks.frame[keep],
                boxes=tracks.boxes[keep],
                scores=tracks.scores[keep],
                kind=tracks.kind[keep],
                detection=tracks.detection[keep],
                shots=tracks.shots,
                dropped=tracks.dropped,
            ),
            Selection(
                terms=selection.terms[keep],
                quality=selection.quality[keep],
                reason=selection.reason[keep],
                rank=selection.rank[keep],
            ),
            {key: path for key, path in self.crop_files.items() if key[0] != track_id},
        )


def read_boxes(folder: Path, dropped: int) -> BoxRecords:
    """Read the records of the result in ``folder``; ``dropped`` tracks stand in its manifest only.

    Raises:
        OSError: The table cannot be read.
        ValueError, KeyError: It is damaged.
    """
    with (folder / BOXES).open("rb") as raw, pq.ParquetFile(raw) as file:
        table = file.read(use_threads=False)
    words = table.select(["track_id", "rank", "kind", "reason", "crop"]).to_pydict()

    def column(name: str, kind: Any) -> NDArray[Any]:
        return np.asarray(table[name].to_numpy(), kind)

    def columns(names: list[str]) -> NDArray[np.float32]:
        return np.stack([column(name, np.float32) for name in names], axis=1)  # (M, len(names))

    kinds = {kind.name.lower(): kind for kind in Kind}
    reasons = {reason_name(reason) or None: reason for reason in Reason}
    tracks = Tracks(
        track_id=column("track_id", np.int32),
        frame=column("frame", np.int32),
        boxes=columns(["x1", "y1", "x2", "y2"]),
        scores=column("score", np.float32),
        kind=np.array([kinds[word] for word in words["kind"]], np.uint8),
        detection=np.full(table.num_rows, -1, np.int32),
        shots=np.array(json.loads(table.schema.metadata[_SHOTS]), np.int32),
        dropped=dropped,
    )
    selection = Selection(
        terms=columns([f"quality_{term}" for term in QUALITY_TERMS]),
        quality=column("quality", np.float32),
        reason=np.array([reasons[word] for word in words["reason"]], np.uint8),
        rank=column("rank", np.int32),
    )
    looks = zip(words["track_id"], words["rank"], words["crop"], strict=True)
    return BoxRecords(tracks, selection, {(t, rank): crop for t, rank, crop in looks if crop})


def read_tracks(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of ``tracks.csv``: column -> text.

    Raises:
        OSError: The table cannot be read.
        ValueError, KeyError: It is damaged.
    """
    columns = [field.name for field in fields(TrackSummary)]
    with (folder / TRACKS).open(encoding="utf-8", newline="") as file:
        return [{column: row[column] for column in columns} for row in csv.DictReader(file)]


def read_looks(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of ``boxes.parquet`` that are kept looks.

    Raises:
        OSError: The table cannot be read.
        ValueError, KeyError: It is damaged.
    """
    with (folder / BOXES).open("rb") as raw, pq.ParquetFile(raw) as file:
        boxes = file.read(use_threads=False).drop_columns(["pts"])
    kept = boxes.filter(pa.array(boxes["rank"].to_numpy() > 0))
    rows: list[dict[str, Any]] = kept.to_pylist()
    return rows
