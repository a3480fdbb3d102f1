"""The tables of a video."""

import csv
import dataclasses
import subprocess
import sys

import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline import tables
from pipeline.tables import TrackSummary, summarise, write_tables
from pipeline.types import QUALITY_TERMS
from tests.pipeline.records import crops_of, scan_of, selection_of, tracks_of


@pytest.fixture(params=[0, 1, 3])
def count(request) -> int:
    return request.param


def write(folder, count):
    folder.mkdir(exist_ok=True)
    write_tables(folder, scan_of(count + 4), tracks_of(count), selection_of(count), crops_of(count))
    return folder


def test_tracks_hold_one_row_a_track(tmp_path, count):
    with (write(tmp_path, count) / "tracks.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["track_id"] for row in rows] == [str(n) for n in range(1, count + 1)]
    assert all(row["schema"] == "1" for row in rows)


def test_boxes_are_the_same_in_one_group_and_in_many(tmp_path, monkeypatch, count):
    whole = pq.read_table(write(tmp_path / "whole", count) / "boxes.parquet")
    monkeypatch.setattr(tables, "_ROW_GROUP", 2)
    path = write(tmp_path / "parts", count) / "boxes.parquet"
    assert pq.ParquetFile(path).num_row_groups == max(1, -(-whole.num_rows // 2))
    parts = pq.read_table(path)
    assert parts.equals(whole)
    assert parts.schema.metadata == whole.schema.metadata


def test_a_track_in_numbers(tmp_path):
    with (write(tmp_path, 3) / "tracks.csv").open(newline="", encoding="utf-8") as file:
        row = list(csv.DictReader(file))[1]
    assert row == {
        "schema": "1",
        "track_id": "2",
        "shot": "2",
        "first_frame": "1",
        "last_frame": "4",
        "first_time_s": "2.040000",
        "last_time_s": "2.160000",
        "first_from_start_s": "0.040000",
        "last_from_start_s": "0.160000",
        "frames": "4",
        "detected_frames": "2",
        "rescued_frames": "1",
        "interpolated_frames": "1",
        "min_width_px": "8.00",
        "max_width_px": "8.00",
        "min_height_px": "10.00",
        "max_height_px": "10.00",
        "mean_score": "0.5667",
        "crops": "2",
        "best_crop": "track_0002/best.jpg",
        "best_frame": "4",
        "best_time_s": "2.160000",
        "best_from_start_s": "0.160000",
        "best_quality": "0.7500",
        "best_reason": "blurred",
    }


def test_tracks_csv_is_rfc_4180(tmp_path):
    data = (write(tmp_path, 3) / "tracks.csv").read_bytes()
    assert data.count(b"\r\n") == data.count(b"\n") == 4
    assert data.endswith(b"\r\n")


def test_boxes_hold_one_row_a_face_and_frame(tmp_path, count):
    table = pq.read_table(write(tmp_path, count) / "boxes.parquet")
    assert table.num_rows == 4 * count
    assert table.column_names == [
        *("track_id", "frame", "pts", "time_s", "from_start_s", "x1", "y1", "x2", "y2", "score"),
        *("kind", "quality", *(f"quality_{term}" for term in QUALITY_TERMS)),
        *("reason", "rank", "crop"),
    ]


def test_boxes_have_the_same_types_with_and_without_rows(tmp_path):
    none, some = (pq.read_schema(write(tmp_path / str(n), n) / "boxes.parquet") for n in (0, 3))
    assert none == some
    assert {str(some.field(edge).type) for edge in ("x1", "y1", "x2", "y2")} == {"float"}
    assert str(some.field("pts").type) == "int64"
    assert str(some.field("time_s").type) == "double"


def test_a_box_in_full(tmp_path):
    rows = pq.read_table(write(tmp_path, 3) / "boxes.parquet").to_pylist()
    assert rows[6] == {
        "track_id": 2,
        "frame": 3,
        "pts": 2120,
        "time_s": 2.12,
        "from_start_s": pytest.approx(0.12),
        "x1": 10.5,
        "y1": 5.5,
        "x2": 18.5,
        "y2": 15.5,
        "score": 0,
        "kind": "interpolated",
        "quality": 0,
        **{f"quality_{term}": 0 for term in QUALITY_TERMS},
        "reason": "interpolated",
        "rank": 0,
        "crop": None,
    }
    assert rows[7]["reason"] == "blurred"
    assert rows[7]["crop"] == "track_0002/best.jpg"
    assert rows[3]["reason"] is None


def test_boxes_say_what_they_hold(tmp_path):
    metadata = pq.read_schema(write(tmp_path, 1) / "boxes.parquet").metadata
    assert metadata[b"facepics.schema"] == b"1"
    assert metadata[b"facepics.time_base"] == b"1/1000"
    assert metadata[b"facepics.first_frames_of_shots"] == b"[0, 1]"
    assert b"right and bottom exclusive" in metadata[b"facepics.conventions"]


def test_mot_counts_frames_from_one_and_fills_scores(tmp_path):
    lines = (write(tmp_path, 2) / "mot.txt").read_text().splitlines()
    assert lines[:3] == [
        "1,1,0.00,5.50,8.00,10.00,0.9000,-1,-1,-1",
        "2,1,0.25,5.50,8.00,10.00,0.3000,-1,-1,-1",
        "2,2,10.00,5.50,8.00,10.00,0.9000,-1,-1,-1",
    ]
    assert lines[3] == "3,1,0.50,5.50,8.00,10.00,0.4000,-1,-1,-1"
    assert len(lines) == 8


def test_mot_of_an_empty_video_is_empty(tmp_path):
    assert (write(tmp_path, 0) / "mot.txt").read_bytes() == b""


def test_equal_records_give_equal_bytes(tmp_path, count):
    first, second = write(tmp_path / "a", count), write(tmp_path / "b", count)
    for name in ("tracks.csv", "boxes.parquet", "mot.txt"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_track_without_a_best_look_is_a_defect():
    nothing = dataclasses.replace(selection_of(1), rank=np.zeros(4, np.int32))
    with pytest.raises(ValueError, match="track 1 has 0 looks of rank 1"):
        summarise(scan_of(5), tracks_of(1), nothing, {})


def test_a_crop_that_could_not_be_made_leaves_its_place_empty():
    (track,) = summarise(scan_of(5), tracks_of(1), selection_of(1), {})
    assert isinstance(track, TrackSummary)
    assert (track.best_crop, track.crops, track.best_frame) == ("", 0, 3)


def test_a_video_without_a_frame_has_tables(tmp_path):
    write_tables(tmp_path, scan_of(0), tracks_of(0), selection_of(0), {})
    assert pq.read_table(tmp_path / "boxes.parquet").num_rows == 0


@pytest.mark.shared
def test_the_true_tracks_written_as_mot_score_full(tmp_path, shared_dir):
    gt = np.loadtxt(shared_dir / "data/tracks/chaplin/gt.txt", delimiter=",")
    gt = gt[gt[:, 6] > 0]
    gt = gt[np.lexsort((gt[:, 0], gt[:, 1]))]
    n = len(gt)
    corners = np.concatenate([gt[:, 2:4], gt[:, 2:4] + gt[:, 4:6]], 1).astype(np.float32)
    tracks = dataclasses.replace(
        tracks_of(0),
        track_id=gt[:, 1].astype(np.int32),
        frame=gt[:, 0].astype(np.int32) - 1,
        boxes=corners,
        scores=np.full(n, 0.5, np.float32),
        kind=np.zeros(n, np.uint8),
        detection=np.arange(n, dtype=np.int32),
    )
    rank = np.zeros(n, np.int32)
    rank[np.unique(tracks.track_id, return_index=True)[1]] = 1
    zeros = np.zeros(n, np.float32)
    selection = dataclasses.replace(
        selection_of(0),
        terms=np.zeros((n, 5), np.float32),
        quality=zeros,
        reason=np.zeros(n, np.uint8),
        rank=rank,
    )
    write_tables(tmp_path, scan_of(241), tracks, selection, {})
    (tmp_path / "mot.txt").rename(tmp_path / "chaplin.txt")
    tool = shared_dir / "tools/score_tracks.py"
    scored = subprocess.run(
        [sys.executable, tool, shared_dir / "data/tracks", tmp_path, "chaplin"],
        capture_output=True,
        text=True,
        check=True,
    )
    names, *lines = (line.split() for line in scored.stdout.splitlines())
    row = dict(zip(names, next(line for line in lines if line[0] == "chaplin"), strict=True))
    assert float(row["HOTA"]) > 99
    assert row["IDSW"] == row["FP"] == row["FN"] == "0"
