"""The program as it is run by night, and what must hold of its results at every moment."""

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from pipeline.manifest import FILE_NAME, Manifest
from tests.test_flow import ROOT, tree

__all__ = ["assert_whole", "command", "last_processes", "run", "tree"]

BOOKS = (".facepics", ".catalog", "catalog.sqlite", ".index.html", "index.html", "pages/", "runs/")
"""Names, or beginnings of them, of what is not of one result."""

MARK = "FACEPICS_TRIAL"


def command(archive: Path, out: Path, *options: str) -> list[str | Path]:
    common = ("--min-free", "0", "--preset", "ultrafast", *options)
    return [sys.executable, ROOT / "start.py", archive, "-o", out, *common]


def run(
    archive: Path,
    out: Path,
    *options: str,
    limits: Callable[[], None] | None = None,
    timeout: float = 300,
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command(archive, out, *options),
        capture_output=True,
        text=True,
        timeout=timeout,
        preexec_fn=limits,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def assert_whole(out: Path) -> int:
    """Check that every visible result is what its manifest says; return how many there are."""
    results = [file for file in out.rglob(FILE_NAME) if ".facepics" not in file.parts]
    accounted: set[Path] = set(results)
    for file in results:
        there = {name: digest for name, digest in tree(file.parent).items() if name != FILE_NAME}
        outputs = Manifest.read(file.parent).outputs
        assert there == {name: output.sha256 for name, output in outputs.items()}, file
        accounted |= {file.parent / name for name in there}
    loose = {path for path in out.rglob("*") if path.is_file()} - accounted
    assert {p for p in loose if not str(p.relative_to(out)).startswith(BOOKS)} == set()
    return len(results)


def last_processes(mark: str, patience: float = 10.0) -> list[int]:
    """Return which processes that carry ``mark`` in their environment are left in the end."""
    deadline = time.monotonic() + patience
    while (left := _marked(f"{MARK}={mark}".encode())) and time.monotonic() < deadline:
        time.sleep(0.02)
    return left


def _marked(mark: bytes) -> list[int]:
    found = []
    for process in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            is_other = process.name.isdigit() and int(process.name) != os.getpid()
            if is_other and mark in (process / "environ").read_bytes().split(b"\0"):
                found.append(int(process.name))
    return found
