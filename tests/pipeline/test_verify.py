"""An output folder against its manifests."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from pipeline import catalog
from pipeline.catalog import Catalog
from pipeline.cli import cli
from pipeline.errors import ExitCode, Locked, SetUpError
from pipeline.publish import OutputFolder
from pipeline.verify import verify_output
from tests.pipeline.records import publish

NAME = "holiday/day 1.mp4"


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Two results, as a run leaves them."""
    with OutputFolder(tmp_path):
        publish(tmp_path, NAME)
        publish(tmp_path, "other.mp4", tracks=0)
        with Catalog.open(tmp_path):
            pass
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "one.json").write_text("{}")
    (tmp_path / "index.html").write_text("")
    return tmp_path


def found(output: Path) -> list[str]:
    return [str(problem) for problem in verify_output(output).problems]


def change(output: Path, sql: str) -> None:
    with closing(sqlite3.connect(output / catalog.FILE_NAME)) as db, db:
        db.execute("PRAGMA foreign_keys = ON")
        assert db.execute(sql).rowcount


def test_what_a_run_leaves_is_whole_and_checking_changes_nothing(output: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    (output / ".index.html.part").write_text("left by a killed run")
    report = verify_output(output)
    assert report.problems == ()
    assert report.exit_code is ExitCode.OK
    assert (report.results, report.files) == (2, 12)
    (output / ".index.html.part").unlink()
    assert {p: p.stat().st_mtime_ns for p in output.rglob("*") if p != output} == {
        p: t for p, t in before.items() if p != output
    }


def test_missing_changed_and_extra_files_are_named(output: Path) -> None:
    folder = output / NAME
    (folder / "mot.txt").unlink()
    table = (folder / "tracks.csv").read_bytes()
    (folder / "tracks.csv").write_bytes(table[:-1] + b"x")
    (folder / "track_0001" / "more.jpg").write_text("")
    (output / "holiday" / "note\x1b.txt").write_text("")
    (output / "linked").symlink_to(output / "holiday")
    (folder / "track_0002" / "best.jpg").unlink()
    (folder / "track_0002" / "best.jpg").symlink_to("../track_0001/best.jpg")
    assert found(output) == [
        f"{NAME}/mot.txt: missing",
        f"{NAME}/track_0001/more.jpg: extra",
        f"{NAME}/track_0002/best.jpg: cannot be read: Too many levels of symbolic links",
        f"{NAME}/tracks.csv: changed",
        "holiday/note\\x1b.txt: extra",
        "linked: extra",
    ]


def test_other_sizes_are_seen_without_reading(output: Path) -> None:
    os.truncate(output / NAME / "boxes.parquet", 10)
    assert f"{NAME}/boxes.parquet: changed" in found(output)


@pytest.mark.parametrize("length", [0, 1, 400])
def test_torn_manifests_are_named(output: Path, length: int) -> None:
    os.truncate(output / NAME / "video.json", length)
    problems = found(output)
    assert problems[1].startswith(f"{NAME}/video.json: torn: ")
    assert problems[0] == (
        f"catalog.sqlite: has rows of {NAME}, where there is no whole result: "
        "make it anew with `facepics catalog`"
    )


def test_a_manifest_can_name_no_file_elsewhere(output: Path) -> None:
    manifest = output / NAME / "video.json"
    manifest.write_text(manifest.read_text().replace('"mot.txt"', '"../../mot.txt"'))
    assert f"{NAME}/video.json: names what facepics never writes" in found(output)


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("DELETE FROM videos WHERE folder = 'other.mp4'", "has no rows of other.mp4"),
        ("UPDATE videos SET tracks = 7 WHERE tracks = 2", f"videos of {NAME} are not"),
        ("DELETE FROM crops WHERE rank = 2", f"crops of {NAME} are not"),
        ("UPDATE tracks SET best_quality = 0", f"tracks of {NAME} are not"),
    ],
)
def test_a_catalog_that_says_something_else_is_told(output: Path, sql: str, what: str) -> None:
    change(output, sql)
    (problem,) = found(output)
    assert problem.startswith(f"catalog.sqlite: {what}")


def test_whether_a_source_is_still_there_is_no_matter(output: Path) -> None:
    change(output, "UPDATE videos SET present = 0")
    assert found(output) == []


def test_a_missing_or_damaged_catalog_is_told(output: Path) -> None:
    (output / catalog.FILE_NAME).write_bytes(b"no database, and longer than a header" * 9)
    assert "catalog.sqlite: damaged" in found(output)[0]
    (output / catalog.FILE_NAME).unlink()
    assert "catalog.sqlite: missing" in found(output)[0]


def test_progress_ends_with_all_bytes(output: Path) -> None:
    told: list[tuple[int, int]] = []
    verify_output(output, lambda done, total: told.append((done, total)))
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] > 0


def test_it_needs_results_and_no_run(output: Path, tmp_path: Path) -> None:
    with OutputFolder(output), pytest.raises(Locked):
        verify_output(output)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SetUpError):
        verify_output(tmp_path / "empty")


def test_the_command_prints_each_problem_and_ends_with_3(output: Path) -> None:
    done = CliRunner().invoke(cli, ["verify", str(output)], standalone_mode=False)
    assert (done.return_value, done.output) == (0, "2 results, 12 files: all whole\n")
    (output / NAME / "mot.txt").unlink()
    done = CliRunner().invoke(cli, ["verify", str(output)], standalone_mode=False)
    assert done.return_value == 3
    assert done.output.splitlines() == [
        f"{NAME}/mot.txt: missing",
        "2 results, 12 files: 1 not as they should be",
        "to make results anew: run again over their sources, with --force; those of which "
        "tracks were purged stay as they are until purge --forget",
    ]
