"""The catalog over all results."""

import csv
import dataclasses
import os
import shutil
import sqlite3
import stat
import unicodedata
from contextlib import closing

import pytest

from pipeline import catalog
from pipeline.catalog import Catalog
from pipeline.errors import OutputError
from pipeline.facts import Status
from pipeline.manifest import FILE_NAME, Counts
from pipeline.names import decoded, slug
from tests.pipeline.records import crops_of, manifest_of, publish, seal

NAME = "holiday/day 1.mp4"


def build(output):
    with Catalog.open(output):
        pass


def query(output, sql):
    with closing(sqlite3.connect(output / catalog.FILE_NAME)) as db:
        return db.execute(sql).fetchall()


def everything(output):
    tables = ("videos", "tracks", "crops", "best_crops", "problems")
    return {table: query(output, f"SELECT * FROM {table}") for table in tables}


def state(output):
    """All files of the output folder itself with their bytes and times."""
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in output.iterdir()
        if path.is_file()
    }


def failed(output, name, reason, status=Status.FAILED):
    place = output / name
    place.mkdir(parents=True)
    bare = dataclasses.replace(
        manifest_of(name, status=status, phase="open", reason=reason),
        video=None,
        audit=None,
        counts=Counts(),
    )
    return name, seal(place, bare)


def test_a_result_is_taken_in(tmp_path):
    folder, manifest = publish(tmp_path, NAME)
    with Catalog.open(tmp_path) as books:
        assert not books.update(folder, manifest)  # building the catalog has found it already
    ((*row,),) = query(
        tmp_path,
        "SELECT folder, name, status, present, width, height, duration_s, frame_rate, codec, "
        "frames, faces, tracks, crops, dropped_tracks, page, annotated FROM videos",
    )
    assert row[:8] == [NAME, NAME, "done", 1, 64, 48, 0.4, 25.0]
    assert row[8:] == ["h264", 6, 6, 2, 4, 2, "index.html", None]


def test_a_new_result_is_news_once(tmp_path):
    with Catalog.open(tmp_path) as books:
        folder, manifest = publish(tmp_path, NAME)
        assert books.update(folder, manifest)
        assert not books.update(folder, manifest)
        assert [video.name for video in books.videos()] == [NAME]


def test_another_result_replaces_all_rows_of_its_folder(tmp_path):
    with Catalog.open(tmp_path) as books:
        books.update(*publish(tmp_path, NAME, tracks=3))
        books.update(*publish(tmp_path, "other.mp4", tracks=1))
        shutil.rmtree(tmp_path / NAME)
        assert books.update(*publish(tmp_path, NAME, tracks=2))
    assert query(tmp_path, "SELECT folder, count(*) FROM tracks GROUP BY folder") == [
        (NAME, 2),
        ("other.mp4", 1),
    ]
    assert query(tmp_path, "SELECT count(*) FROM crops WHERE folder = 'holiday/day 1.mp4'") == [
        (4,)
    ]


def test_tracks_are_those_of_the_table_and_numbers_are_numbers(tmp_path):
    folder, _ = publish(tmp_path, NAME)
    build(tmp_path)
    with (tmp_path / folder / "tracks.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    with closing(sqlite3.connect(tmp_path / catalog.FILE_NAME)) as db:
        db.row_factory = sqlite3.Row
        rows = [dict(row) for row in db.execute("SELECT * FROM tracks ORDER BY track_id")]
    assert len(rows) == len(written) == 2
    for row, text in zip(rows, written, strict=True):
        assert row.pop("folder") == folder
        assert text.pop("schema") == "1"
        assert row.keys() == text.keys()
        for column, value in row.items():
            known = type(value)(text[column])
            assert value == known, column
    assert isinstance(rows[0]["best_time_s"], float)
    assert isinstance(rows[0]["frames"], int)


def test_views_give_paths_that_exist_and_problems(tmp_path):
    publish(tmp_path, NAME)
    failed(tmp_path, "broken.avi", "its index is missing")
    failed(tmp_path, "nothing.mp4", "", Status.EMPTY)
    build(tmp_path)
    paths = query(tmp_path, "SELECT path, track_id, on_screen_s FROM best_crops ORDER BY track_id")
    assert [track_id for _, track_id, _ in paths] == [1, 2]
    assert all((tmp_path / path).is_file() for path, _, _ in paths)
    assert paths[0][2] == pytest.approx(0.12)
    assert query(tmp_path, "SELECT * FROM problems") == [
        ("broken.avi", "failed", "open", "its index is missing", "broken.avi")
    ]


def test_crops_hold_their_look(tmp_path):
    publish(tmp_path, NAME)
    build(tmp_path)
    rows = query(
        tmp_path,
        "SELECT track_id, rank, crop, frame, time_s, x1, y2, kind, quality, reason FROM crops",
    )
    assert rows == [
        (1, 1, crops_of(2)[1, 1], 3, 2.12, 0.75, 15.5, "detected", 0.75, None),
        (1, 2, crops_of(2)[1, 2], 0, 2.0, 0.0, 15.5, "detected", 0.5, None),
        (2, 1, crops_of(2)[2, 1], 4, 2.16, 10.75, 15.5, "detected", 0.75, "blurred"),
        (2, 2, crops_of(2)[2, 2], 1, 2.04, 10.0, 15.5, "detected", 0.5, None),
    ]


def test_a_result_that_is_gone_is_forgotten_with_its_tracks(tmp_path):
    folder, _ = publish(tmp_path, NAME)
    with Catalog.open(tmp_path) as books:
        assert books.remove(folder)
        assert not books.remove(folder)
    assert not any(everything(tmp_path).values())


def test_a_source_that_is_gone_is_marked(tmp_path):
    publish(tmp_path, "a.mp4")
    publish(tmp_path, "b.mp4")
    with Catalog.open(tmp_path) as books:
        assert books.mark({"a.mp4": False, "unknown.mp4": False})
        assert not books.mark({"a.mp4": False, "b.mp4": True})
        assert [video.present for video in books.videos()] == [False, True]
        assert books.mark({"a.mp4": True})


def test_without_news_no_byte_and_no_time_changes(tmp_path):
    folder, manifest = publish(tmp_path, NAME)
    build(tmp_path)
    os.utime(tmp_path / catalog.FILE_NAME, ns=(1, 1))
    before = state(tmp_path)
    with Catalog.open(tmp_path) as books:
        books.update(folder, manifest)
        books.mark({folder: True})
        books.remove("unknown")
        books.videos()
        books.best_crops(folder, 3)
        assert state(tmp_path) == before
    assert state(tmp_path) == before
    assert list(before) == [catalog.FILE_NAME]


def test_only_the_owner_may_read_it_and_nothing_lies_beside_it(tmp_path):
    before = os.umask(0)
    try:
        with Catalog.open(tmp_path) as books:
            books.update(*publish(tmp_path, NAME))
    finally:
        os.umask(before)
    mode = (tmp_path / catalog.FILE_NAME).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [catalog.FILE_NAME]


def test_rebuilding_gives_the_same_rows(tmp_path):
    with Catalog.open(tmp_path) as books:
        books.update(*publish(tmp_path, "z.mp4", tracks=1))
        books.update(*publish(tmp_path, NAME, tracks=3, warnings=("one", "two")))
        books.update(*failed(tmp_path, "broken.avi", "its index is missing"))
        books.update(*publish(tmp_path, NAME, tracks=2))
    before = everything(tmp_path)
    catalog.rebuild(tmp_path)
    assert everything(tmp_path) == before
    assert len(before["videos"]) == 3


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(lambda file: file.unlink(), id="missing"),
        pytest.param(lambda file: file.write_bytes(b""), id="empty"),
        pytest.param(lambda file: file.write_bytes(b"no database at all" * 99), id="foreign"),
        pytest.param(lambda file: file.write_bytes(file.read_bytes()[:5000]), id="cut short"),
        pytest.param(
            lambda file: file.write_bytes(file.read_bytes()[:4096] + os.urandom(1 << 16)),
            id="overwritten",
        ),
    ],
)
def test_a_damaged_catalog_is_rebuilt_by_itself(tmp_path, harm):
    folder, manifest = publish(tmp_path, NAME)
    with Catalog.open(tmp_path) as books:
        (known,) = books.videos()
    before = everything(tmp_path)
    harm(tmp_path / catalog.FILE_NAME)
    with Catalog.open(tmp_path) as books:
        books.update(folder, manifest)
        assert books.videos() == [known]
    assert everything(tmp_path) == before


def test_a_catalog_of_another_schema_is_rebuilt(tmp_path):
    publish(tmp_path, NAME)
    with closing(sqlite3.connect(tmp_path / catalog.FILE_NAME)) as db:
        db.executescript("CREATE TABLE videos (old); PRAGMA user_version = 99")
    with Catalog.open(tmp_path) as books:
        assert len(books.videos()) == 1


def test_a_journal_left_by_a_killed_run_does_not_harm_a_rebuilt_catalog(tmp_path):
    publish(tmp_path, NAME)
    (tmp_path / f"{catalog.FILE_NAME}-journal").write_bytes(b"\xd9\xd5\x05\xf9 \xa1c\xd7" * 99)
    with Catalog.open(tmp_path) as books:
        assert len(books.videos()) == 1
    assert not (tmp_path / f"{catalog.FILE_NAME}-journal").exists()


def test_torn_manifests_are_left_out_with_a_warning(tmp_path, caplog):
    publish(tmp_path, "whole.mp4")
    publish(tmp_path, "torn.mp4")
    text = (tmp_path / "torn.mp4" / FILE_NAME).read_text()
    (tmp_path / "torn.mp4" / FILE_NAME).write_text(text[: len(text) // 2])
    with Catalog.open(tmp_path) as books:
        assert [video.name for video in books.videos()] == ["whole.mp4"]
    assert "torn.mp4: left out of the catalog" in caplog.text


@pytest.mark.parametrize("table", ["tracks.csv", "boxes.parquet"])
def test_a_damaged_table_costs_its_rows_and_a_warning(tmp_path, caplog, table):
    publish(tmp_path, NAME)
    (tmp_path / NAME / table).write_bytes(b"nothing,of,use\r\n1,2,3\r\n")
    with Catalog.open(tmp_path) as books:
        assert [video.name for video in books.videos()] == [NAME]
    assert "its tables are damaged" in caplog.text
    assert "--force" in caplog.text


def test_hidden_folders_hold_no_results(tmp_path):
    publish(tmp_path / ".facepics" / "staging", "12345678")
    with Catalog.open(tmp_path) as books:
        assert books.videos() == []


@pytest.mark.parametrize(
    "name",
    [
        "100%.mp4",
        "n\udcffot utf-8.mp4",
        "line\nbreak.mp4",
        "'; DROP TABLE videos; --.mp4",
        unicodedata.normalize("NFD", "é") + ".mp4",
        "\u202egpm.4pm",
    ],
)
def test_any_name_can_be_kept(tmp_path, name):
    folder, manifest = publish(tmp_path, name)
    with Catalog.open(tmp_path) as books:
        (video,) = books.videos()
        assert not books.update(folder, manifest)
    assert (tmp_path / video.folder / FILE_NAME).is_file()
    assert video.folder in (name, slug(name))
    assert decoded(video.name) == name


def test_problems_come_first_then_names(tmp_path):
    failed(tmp_path, "z.avi", "broken")
    publish(tmp_path, "b.mp4")
    publish(tmp_path, "a.mp4", status=Status.PARTIAL)
    publish(tmp_path, "c.mp4")
    with Catalog.open(tmp_path) as books:
        assert [video.name for video in books.videos()] == ["a.mp4", "z.avi", "b.mp4", "c.mp4"]


def test_best_crops_put_poor_ones_last(tmp_path):
    publish(tmp_path, NAME, tracks=3)
    with Catalog.open(tmp_path) as books:
        assert [crop.track_id for crop in books.best_crops(NAME, 3)] == [1, 3, 2]
        assert len(books.best_crops(NAME, 2)) == 2


def test_an_output_folder_that_cannot_be_written_to_is_an_output_error(tmp_path):
    (tmp_path / catalog.FILE_NAME).mkdir()
    with pytest.raises(OutputError, match="the catalog in"):
        Catalog.open(tmp_path)


def test_a_table_with_half_a_line_is_left_out(tmp_path, caplog):
    folder, _ = publish(tmp_path, NAME)
    table = tmp_path / folder / "tracks.csv"
    table.write_bytes(table.read_bytes()[:-40])
    build(tmp_path)
    assert query(tmp_path, "SELECT folder FROM videos") == [(NAME,)]
    assert "its tables are damaged" in caplog.text
