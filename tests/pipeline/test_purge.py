"""Results purged: gone from everywhere, and not made again."""

import csv
import dataclasses
import hashlib
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet
import pytest
from click.testing import CliRunner

from pipeline import tombstones
from pipeline.catalog import Catalog
from pipeline.cli import cli
from pipeline.errors import Locked, SetUpError
from pipeline.facts import Status
from pipeline.manifest import Manifest
from pipeline.publish import OutputFolder
from pipeline.purge import OfSource, OfTrack, OlderThan, purge_output
from pipeline.report.index import write_index_page
from pipeline.scan import scanfile
from pipeline.sources import Content, Fingerprint, SourceIndex
from pipeline.types import Kind
from pipeline.verify import verify_output
from tests.pipeline.records import manifest_of, publish, scan_of, seal, tracks_of

NAME, OTHER = "holiday/day 1.mp4", "holiday/other.mp4"
TRACKS = 6
"""Track n lasts from frame n - 1 to n + 2."""


def add_videos_and_scan(place: Path, manifest: Manifest) -> None:
    """Add what the tests' results lack: what the detector saw, and the videos."""
    tracks = tracks_of(TRACKS)
    rows = np.flatnonzero(tracks.kind != Kind.INTERPOLATED)
    rows = rows[np.argsort(tracks.frame[rows], kind="stable")]
    size = len(rows)
    faces = dataclasses.replace(
        scan_of(TRACKS + 4),
        frame=tracks.frame[rows],
        boxes=tracks.boxes[rows] + np.float32(0.5),
        scores=tracks.scores[rows],
        sharpness=tracks.track_id[rows].astype(np.float32),  # tells them apart below
        brightness=np.zeros(size, np.float32),
        contrast=np.zeros(size, np.float32),
        thumbnail=np.zeros((size, 8, 8), np.uint8),
    )
    scanfile.save(faces, place / "scan.npz")
    for name in ("annotated.mp4", *(f"track_{n:04d}/clip.mp4" for n in range(1, TRACKS + 1))):
        (place / name).write_text(name)
    seal(place, manifest)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Two results with everything, one of them with a copy, and one failure."""
    with OutputFolder(tmp_path) as out, SourceIndex(out.index_file) as index:
        for name in (NAME, OTHER):
            folder, manifest = publish(tmp_path, name, TRACKS, keys={"render": "k"})
            add_videos_and_scan(tmp_path / folder, manifest)
            index.put(Path("/in", name), content(manifest), folder)
        copy = manifest_of("z-copy.mp4", status=Status.DUPLICATE, duplicate_of=NAME)
        (tmp_path / "z-copy.mp4").mkdir()
        seal(tmp_path / "z-copy.mp4", dataclasses.replace(copy, sha256=sha256_of(NAME)))
        (tmp_path / "broken.mp4").mkdir()
        seal(tmp_path / "broken.mp4", manifest_of("broken.mp4", status=Status.FAILED))
        with Catalog.open(tmp_path) as books:
            write_index_page(tmp_path, books)
    return tmp_path


def content(manifest: Manifest) -> Content:
    return Content(Fingerprint(1, 2, 3, 4, 5), manifest.sha256)


def sha256_of(name: str) -> str:
    return manifest_of(name).sha256


def folders(output: Path) -> set[str]:
    return {path.parent.relative_to(output).as_posix() for path in output.rglob("video.json")}


def rows(output: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(output / "catalog.sqlite")) as db:
        return db.execute(query).fetchall()


def age(output: Path, name: str, days: float) -> None:
    moment = time.time() - days * 86_400
    os.utime(output / name / "video.json", (moment, moment))


@pytest.mark.parametrize("given", [NAME, f"/in/{NAME}", "z-copy.mp4"])
def test_a_source_goes_with_its_copies_rows_and_pages(output: Path, given: str) -> None:
    found = purge_output(output, OfSource(given))
    assert {one.folder for one in found.removed} == {NAME, "z-copy.mp4"}
    assert folders(output) == {OTHER, "broken.mp4"}
    assert not (output / NAME).exists()
    assert rows(output, "SELECT folder FROM videos ORDER BY 1") == [("broken.mp4",), (OTHER,)]
    assert "day 1" not in (output / "index.html").read_text()
    assert list((output / ".facepics" / "staging").iterdir()) == []
    assert verify_output(output).problems == ()
    with SourceIndex(output / ".facepics" / "index.sqlite") as index:
        assert index.folders_with(sha256_of(NAME)) == []


def test_nothing_of_it_is_left_in_the_free_pages_of_the_catalog(output: Path) -> None:
    assert b"day 1.mp4" in (output / "catalog.sqlite").read_bytes()
    purge_output(output, OfSource(NAME))
    assert b"day 1.mp4" not in (output / "catalog.sqlite").read_bytes()


def test_folders_that_are_left_empty_go_too(output: Path) -> None:
    purge_output(output, OfSource(NAME))
    assert (output / "holiday").exists()
    purge_output(output, OfSource(OTHER))
    assert not (output / "holiday").exists()


def test_a_whole_source_leaves_a_tombstone_that_forgetting_drops(output: Path) -> None:
    purge_output(output, OfSource(NAME))
    assert tombstones.read(output) == {sha256_of(NAME): tombstones.Tombstone(NAME)}
    found = purge_output(output, OfSource(NAME), forget=True)
    assert (found.removed, found.forgotten) == ((), (NAME,))
    assert tombstones.read(output) == {}


def test_a_file_means_its_content_whatever_else_has_the_name_now(output: Path) -> None:
    file = output.parent / "c.mp4"
    file.write_bytes(b"what was purged")
    sha256 = hashlib.sha256(b"what was purged").hexdigest()
    tombstones.write(output, {sha256: tombstones.Tombstone(NAME)})
    found = purge_output(output, OfSource(str(file)), forget=True)
    assert (found.removed, found.forgotten) == ((), (NAME,))
    assert tombstones.read(output) == {}


def test_to_forget_at_once_leaves_no_tombstone(output: Path) -> None:
    assert len(purge_output(output, OfSource(NAME), forget=True).removed) == 2
    assert tombstones.read(output) == {}
    assert NAME not in folders(output)


def test_old_results_go_and_failures_stay(output: Path) -> None:
    for name in (NAME, "broken.mp4"):
        age(output, name, 91)
    age(output, OTHER, 89)
    found = purge_output(output, OlderThan(90))
    assert {one.name for one in found.removed} == {NAME, "z-copy.mp4"}
    assert folders(output) == {OTHER, "broken.mp4"}
    assert purge_output(output, OlderThan(90)).removed == ()


def test_a_purge_that_was_cut_short_is_finished_by_the_next(output: Path) -> None:
    tombstones.write(output, {sha256_of(NAME): tombstones.Tombstone(NAME)})
    purge_output(output, OlderThan(90))
    assert folders(output) == {OTHER, "broken.mp4"}


def test_a_track_goes_from_every_file(output: Path) -> None:
    before = Manifest.read(output / NAME)
    age(output, NAME, 30)
    stamp = (output / NAME / "video.json").stat().st_mtime_ns
    purge_output(output, OfTrack(NAME, 2))
    place = output / NAME
    with (place / "tracks.csv").open() as file:
        assert [row["track_id"] for row in csv.DictReader(file)] == ["1", "3", "4", "5", "6"]
    assert set(parquet.read_table(place / "boxes.parquet")["track_id"].to_pylist()) == {
        1,
        3,
        4,
        5,
        6,
    }
    assert {line.split(",")[1] for line in (place / "mot.txt").read_text().splitlines()} == set(
        "13456"
    )
    assert not (place / "track_0002").exists()
    assert set(scanfile.load(place / "scan.npz").sharpness) == {1, 3, 4, 5, 6}
    assert "track-3" in (place / "index.html").read_text()
    assert "track-2" not in (place / "index.html").read_text()
    after = Manifest.read(place)
    assert (after.counts.tracks, after.counts.crops, after.counts.faces) == (5, 10, 15)
    assert after.keys == before.keys
    assert "Track 2 was purged" in after.warnings[-1]
    assert (place / "video.json").stat().st_mtime_ns == stamp
    assert rows(output, f"SELECT count(*) FROM tracks WHERE folder = '{NAME}'") == [(5,)]
    assert verify_output(output).problems == ()


def test_videos_that_show_the_person_go_and_others_stay(output: Path) -> None:
    found = purge_output(output, OfTrack(NAME, 2))
    gone = {path for path in found.removed[0].files if path.endswith(".mp4")}
    seen_with = {f"track_{n:04d}/clip.mp4" for n in (1, 2, 3, 4, 5)}
    assert gone == {"annotated.mp4", *seen_with}
    left = {p.relative_to(output / NAME).as_posix() for p in (output / NAME).rglob("*.mp4")}
    assert left == {"track_0006/clip.mp4"}


def test_what_stays_of_a_result_keeps_its_bytes(output: Path) -> None:
    """Tables made anew from what was read back are those that the first run wrote."""
    before = {
        name: (output / NAME / name).read_text().splitlines(keepends=True)
        for name in ("tracks.csv", "mot.txt")
    }
    table = parquet.read_table(output / NAME / "boxes.parquet")
    purge_output(output, OfTrack(NAME, 6))
    place = output / NAME
    assert (place / "tracks.csv").read_text().splitlines(keepends=True) == before["tracks.csv"][:-1]
    kept = [line for line in before["mot.txt"] if line.split(",")[1] != "6"]
    assert (place / "mot.txt").read_text().splitlines(keepends=True) == kept
    assert parquet.read_table(place / "boxes.parquet").equals(table.slice(0, 20), True)


def test_tracks_go_one_after_the_other_until_none_is_left(output: Path) -> None:
    for track_id in range(1, TRACKS + 1):
        purge_output(output, OfTrack(NAME, track_id))
    manifest = Manifest.read(output / NAME)
    assert (manifest.status, manifest.counts.tracks) == (Status.EMPTY, 0)
    assert len(scanfile.load(output / NAME / "scan.npz").frame) == 0
    stone = tombstones.read(output)[sha256_of(NAME)]
    assert [track.track_id for track in stone.tracks] == [1, 2, 3, 4, 5, 6]
    assert stone.tracks[1].first_s == 2.04
    assert stone.tracks[1].last_s == 2.16
    assert stone.tracks[1].box == (10, 5.5, 18.75, 15.5)
    assert verify_output(output).problems == ()


def test_to_forget_a_track_lets_the_video_be_done_again(output: Path) -> None:
    purge_output(output, OfTrack(NAME, 2))
    purge_output(output, OfTrack(NAME, 2), forget=True)
    assert tombstones.read(output) == {}
    assert Manifest.read(output / NAME).keys == {}
    assert verify_output(output).problems == ()


def test_a_face_on_a_better_box_of_someone_else_stays() -> None:
    from pipeline.purge_track import _belong

    faces = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [40, 0, 50, 10]], np.float32)
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10]], np.float32)
    assert _belong(faces, boxes, np.array([True, False])).tolist() == [True, False, False]


@pytest.mark.parametrize("target", [OfSource(NAME), OfTrack(NAME, 2), OlderThan(0)])
def test_a_dry_run_changes_nothing(output: Path, target: OfSource) -> None:
    def state() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in output.rglob("*")}

    before = state()
    assert purge_output(output, target, dry_run=True).removed
    assert state() == before


@pytest.mark.parametrize("target", [OfSource("nobody"), OfTrack(NAME, 99), OfTrack("copy", 1)])
def test_what_is_not_there_is_said(output: Path, target: OfSource) -> None:
    with pytest.raises(SetUpError):
        purge_output(output, target)


def test_it_needs_the_lock_and_results(
    output: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with OutputFolder(output), pytest.raises(Locked):
        purge_output(output, OfSource(NAME))
    with pytest.raises(SetUpError):
        purge_output(tmp_path_factory.mktemp("empty"), OfSource(NAME))


def test_damaged_tombstones_stop_everything(output: Path) -> None:
    (output / ".facepics" / "purged.json").write_text("{")
    with pytest.raises(SetUpError, match="is damaged"):
        purge_output(output, OfSource(NAME))


def test_tombstones_are_read_as_written(tmp_path: Path) -> None:
    (tmp_path / ".facepics").mkdir()
    track = tombstones.PurgedTrack(3, 0.25, 1.5, (1.0, 2.0, 3.5, 4.0))
    stones = {"ab": tombstones.Tombstone("odd\udcff.mp4", (track,))}
    tombstones.write(tmp_path, stones)
    assert tombstones.read(tmp_path) == stones


def test_the_command_says_what_it_removes(output: Path) -> None:
    def purge(*args: str) -> list[str]:
        done = CliRunner().invoke(cli, ["purge", str(output), *args], standalone_mode=False)
        assert done.exception is None
        assert done.return_value == 0
        return done.output.splitlines()

    assert purge("--older-than", "2w") == ["nothing to purge"]
    (line,) = purge("--track", f"{NAME}:2", "--dry-run")
    assert line.startswith(f"would remove track 2 of {NAME} (8 files, 0.0 MB): annotated.mp4, ")
    lines = purge("--source", NAME)
    assert [line.split(" (")[0] for line in lines] == [f"removed {NAME}", "removed z-copy.mp4"]
    assert purge("--source", NAME, "--forget") == [f"forgot the purge of {NAME}"]


@pytest.mark.parametrize(
    "args", [(), ("--older-than", "90"), ("--track", "a.mp4"), ("--source", "a", "--track", "a:1")]
)
def test_wrong_usage_is_refused(output: Path, args: tuple[str, ...]) -> None:
    assert CliRunner().invoke(cli, ["purge", str(output), *args]).exit_code == 2
