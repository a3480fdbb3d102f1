"""Killed at any moment, the program leaves whole results and finishes the next time."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.faults.program import MARK, assert_whole, command, last_processes, run, tree

pytestmark = pytest.mark.slow

POINTS = ("after-stage", "before-rename", "after-rename", "after-publish")


def test_every_kill_leaves_whole_results_and_the_last_run_finishes(
    archive: Path, undisturbed: dict[str, str], tmp_path: Path, kills: int, seed: int
) -> None:
    dice, out = random.Random(seed), tmp_path / "out"
    counts = {"random": 0, "named": 0, "runs": 0, "finished": 0}
    longest = _duration(archive, tmp_path / "timed")
    while counts["random"] + counts["named"] < kills:
        named = counts["runs"] % 2 == 1
        killed = _run_and_kill(archive, out, dice, longest, named=named)
        counts["runs"] += 1
        assert_whole(out)
        if killed:
            counts["named" if named else "random"] += 1
            print(".", end="", flush=True)
        else:
            assert tree(out) == undisturbed
            shutil.rmtree(out)
            counts["finished"] += 1
    assert run(archive, out).returncode == 3
    assert tree(out) == undisturbed
    assert list((out / ".facepics" / "staging").iterdir()) == []
    print(f"\nseed {seed}: {counts}, the longest run {longest:.1f} s")


def _duration(archive: Path, out: Path) -> float:
    start = time.monotonic()
    run(archive, out)
    return time.monotonic() - start


def _run_and_kill(
    archive: Path, out: Path, dice: random.Random, longest: float, *, named: bool
) -> bool:
    """Run the program; return whether it was killed, at a named point or after a random time."""
    mark = str(dice.random())
    environment = {**os.environ, MARK: mark}
    if named:
        environment["FACEPICS_FAULT"] = f"{dice.choice(POINTS)}:{dice.randint(1, 3)}"
    wait = None if named else dice.uniform(0, longest)
    with subprocess.Popen(
        command(archive, out),
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.kill()
    assert last_processes(mark) == []
    assert process.returncode in (3, -signal.SIGKILL)
    return process.returncode == -signal.SIGKILL
