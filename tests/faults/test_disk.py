"""A disk that is full, or an output that goes away, stops the run and harms no result."""

import os
import re
import resource
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.program import assert_whole, command, run, tree

pytestmark = pytest.mark.slow


def used(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[None]:
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_4_and_the_run_finishes_when_there_is_room(
    archive: Path, undisturbed: dict[str, str], tmp_path: Path, sizes: int
) -> None:
    run(archive, tmp_path / "measured")
    whole = used(tmp_path / "measured")
    codes, disk = [], tmp_path / "disk"
    for step in range(sizes):
        size = int(whole * (0.02 + 2.5 * step / sizes))
        with small_disk(disk, size):
            done = run(archive, disk / "out")
            codes.append(done.returncode)
            assert done.returncode in (3, 4), done.stderr
            assert done.returncode == 3 or re.search("no room|full", done.stderr)
            assert_whole(disk / "out")
            subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
            assert run(archive, disk / "out").returncode == 3
            assert tree(disk / "out") == undisturbed
        disk.rmdir()
    assert 4 in codes
    print(f"\n{whole} bytes are needed; exit codes by growing disk: {codes}")


def test_a_limit_of_file_size_is_4_and_harms_no_result(
    archive: Path, undisturbed: dict[str, str], tmp_path: Path, sizes: int
) -> None:
    out, codes = tmp_path / "out", []
    run(archive, tmp_path / "measured")
    largest = max(p.stat().st_size for p in (tmp_path / "measured").rglob("*") if p.is_file())
    for step in range(sizes):
        limit = int(500 + largest * 1.5 * step / sizes)

        def limits(limit: int = limit) -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        done = run(archive, out, limits=limits)
        codes.append(done.returncode)
        assert done.returncode in (3, 4), done.stderr
        assert_whole(out)
    assert 4 in codes
    assert run(archive, out).returncode == 3
    assert tree(out) == undisturbed
    print(f"\nthe largest file has {largest} bytes; exit codes by growing limit: {codes}")


def test_too_little_room_left_is_said_before_a_video_is_begun(
    archive: Path, tmp_path: Path
) -> None:
    done = run(archive, tmp_path / "out", "--min-free", "1000000")
    assert done.returncode == 4
    assert "--min-free" in done.stderr
    assert assert_whole(tmp_path / "out") == 0


@pytest.mark.parametrize("moment", [0.2, 0.4, 0.6, 0.8])
def test_an_output_that_is_removed_meanwhile_is_4(
    archive: Path, undisturbed: dict[str, str], tmp_path: Path, moment: float
) -> None:
    out = tmp_path / "out"
    start = time.monotonic()
    run(archive, tmp_path / "measured")
    lasts = time.monotonic() - start
    with subprocess.Popen(
        command(archive, out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        time.sleep(lasts * moment)
        shutil.rmtree(out, ignore_errors=True)
        _, errors = process.communicate(timeout=120)
    assert process.returncode in (3, 4), errors
    assert "Traceback" not in errors
    assert_whole(out)
    assert run(archive, out).returncode == 3
    assert tree(out) == undisturbed


def test_of_two_runs_at_once_the_second_is_11_and_changes_nothing(
    archive: Path, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with subprocess.Popen(
        command(archive, out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        while not (out / ".facepics" / "lock").exists():
            time.sleep(0.01)
        time.sleep(0.2)
        second = run(archive, out)
        assert process.wait(300) == 3
    assert second.returncode == 11
    assert tree(out) == undisturbed
