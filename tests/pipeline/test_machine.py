"""What a run takes of its machine."""

import os
from pathlib import Path

import pytest

from pipeline import machine
from pipeline.machine import count_workers, memory, processors

MEMINFO = "MemTotal:       24000000 kB\nMemAvailable:    8000000 kB\nHugePages_Total:       0\n"


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A control group without limits."""
    (tmp_path / "cpu.max").write_text("max 100000\n")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("1000000\n")
    (tmp_path / "meminfo").write_text(MEMINFO)
    return tmp_path


@pytest.mark.parametrize(("asked", "count"), [("1", 1), ("7", 7), ("256", 256), (3, 3)])
def test_a_number_is_taken_as_it_is(asked: str | int, count: int) -> None:
    assert count_workers(asked) == count


@pytest.mark.parametrize("asked", ["0", "257", "-1", "1.5", "", "many", "²"])
def test_all_else_is_refused(asked: str) -> None:
    with pytest.raises(ValueError, match="auto"):
        count_workers(asked)


@pytest.mark.parametrize(("cores", "gigabytes", "count"), [(8, 100.0, 8), (8, 3.0, 2), (8, 0.1, 1)])
def test_auto_is_what_fits(
    monkeypatch: pytest.MonkeyPatch, cores: int, gigabytes: float, count: int
) -> None:
    monkeypatch.setattr(machine, "processors", lambda: cores)
    monkeypatch.setattr(machine, "memory", lambda: gigabytes * 1e9)
    assert count_workers("auto") == count


def test_a_container_bounds_the_processors(group: Path) -> None:
    everything = len(os.sched_getaffinity(0))
    assert processors(group) == everything
    (group / "cpu.max").write_text("50000 100000\n")
    assert processors(group) == 1
    (group / "cpu.max").write_text(f"{everything * 1000_000} 100000\n")
    assert processors(group) == everything


def test_a_container_bounds_the_memory(group: Path) -> None:
    assert memory(group, group / "meminfo") == 8_192_000_000
    (group / "memory.max").write_text("3000000\n")
    assert memory(group, group / "meminfo") == 2_000_000


def test_what_the_kernel_does_not_say_is_no_limit(tmp_path: Path) -> None:
    assert processors(tmp_path) == len(os.sched_getaffinity(0))
    assert memory(tmp_path, tmp_path / "meminfo") == float("inf")


def test_this_machine_has_something() -> None:
    assert processors() >= 1
    assert memory() > 1e6
