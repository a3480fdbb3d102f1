"""The output folder: locked, and whole at every moment."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import ExitCode, Locked, OutputError
from pipeline.publish import OutputFolder, output_error, remove_tree, write_whole


def build(out: OutputFolder, folder: str, text: str) -> Path:
    stage = out.stage(folder)
    (stage / "sub").mkdir()
    (stage / "sub" / "file").write_text(text)
    (stage / "video.json").write_text("{}")
    return stage


def test_a_result_appears_whole_under_its_name(tmp_path: Path) -> None:
    with OutputFolder(tmp_path / "out") as out:
        stage = build(out, "day/one.mp4", "hello")
        target = out.publish(stage, "day/one.mp4")
        assert (target / "sub" / "file").read_text() == "hello"
        assert not stage.exists()


def test_a_result_is_replaced_in_one_step(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as out:
        out.publish(build(out, "a", "old"), "a")
        (tmp_path / "a" / "left-over").write_text("old")
        out.publish(build(out, "a", "new"), "a")
        assert (tmp_path / "a" / "sub" / "file").read_text() == "new"
        assert not (tmp_path / "a" / "left-over").exists()
        assert list(out.staging.iterdir()) == []


def test_a_result_is_replaced_where_the_system_cannot_exchange(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OldSystem:
        @staticmethod
        def renameat2(*_: object) -> int:
            return -1

    monkeypatch.setattr("pipeline.publish.ctypes.CDLL", lambda *_, **__: OldSystem)
    monkeypatch.setattr("pipeline.publish.ctypes.get_errno", lambda: errno.EINVAL)
    with OutputFolder(tmp_path) as out:
        out.publish(build(out, "a", "old"), "a")
        out.publish(build(out, "a", "new"), "a")
        assert (tmp_path / "a" / "sub" / "file").read_text() == "new"
        assert list(out.staging.iterdir()) == []


def test_a_second_run_is_locked_out_and_changes_nothing(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as out:
        stage = build(out, "a", "x")
        with pytest.raises(Locked), OutputFolder(tmp_path):
            pass
        assert stage.exists()
    with OutputFolder(tmp_path):
        pass


@pytest.mark.parametrize("depth", [3, 1500])
def test_what_a_worker_has_built_deep_and_closed_is_removed(tmp_path: Path, depth: int) -> None:
    place = os.open(tmp_path, os.O_RDONLY)
    for name in ("tree", *["x"] * depth):
        os.mkdir(name, dir_fd=place)  # a path to it would be too long
        inner = os.open(name, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    (tmp_path / "tree" / "x").chmod(0)
    remove_tree(tmp_path / "tree")
    assert not (tmp_path / "tree").exists()
    remove_tree(tmp_path / "tree")


def test_the_lock_falls_with_its_holder(tmp_path: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from pipeline.publish import OutputFolder\n"
        "with OutputFolder(Path(sys.argv[1])): os._exit(9)"
    )
    assert subprocess.run([sys.executable, "-c", program, tmp_path]).returncode == 9
    with OutputFolder(tmp_path):
        pass


def test_what_an_interrupted_run_left_in_staging_is_swept(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as out:
        build(out, "a", "half")
    assert list(out.staging.iterdir()) == []
    build(out, "a", "half, and killed")
    with OutputFolder(tmp_path) as out:
        assert list(out.staging.iterdir()) == []


def test_a_result_never_lies_inside_or_around_another(tmp_path: Path) -> None:
    with OutputFolder(tmp_path) as out:
        out.publish(build(out, "a.mp4", "x"), "a.mp4")
        (tmp_path / "b").mkdir()
        (tmp_path / "file").write_text("")
        assert out.may_hold_result("a.mp4")
        assert out.may_hold_result("new.mp4")
        assert out.may_hold_result("b/c.mp4")
        assert not out.may_hold_result("a.mp4/c.mp4")
        assert not out.may_hold_result("b")
        assert not out.may_hold_result("file/c.mp4")
        for ours in (".facepics", "runs/x.mp4", "index.html", "catalog.sqlite"):
            assert not out.may_hold_result(ours)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_output_that_cannot_be_written_is_said_so(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError), OutputFolder(tmp_path / "out"):
        pass


def test_an_output_that_is_a_file_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(OutputError), OutputFolder(tmp_path / "out"):
        pass


def test_a_full_disk_has_its_own_words() -> None:
    error = output_error(OSError(errno.ENOSPC, "No space left on device"), Path("/out"))
    assert "no room left" in str(error)
    assert error.exit_code is ExitCode.OUTPUT


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    write_whole(tmp_path / "f", b"one")
    write_whole(tmp_path / "f", b"two")
    assert (tmp_path / "f").read_bytes() == b"two"
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
