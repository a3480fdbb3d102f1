"""What this machine lets a run use: processors and memory, as a container may bound them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

_MEMORY_OF_A_WORKER: Final = 1.2e9
"""Bytes that one takes at most with videos in 4K (``benchmarks/results/speed.json``)."""

_GROUP: Final = Path("/sys/fs/cgroup")
_MEMORY: Final = Path("/proc/meminfo")


def count_workers(asked: str | int) -> int:
    """Return how many videos to work on side by side: a number, or ``auto``, as many as fit.

    Raises:
        ValueError: It is neither.
    """
    if asked == "auto":
        by_memory = int(memory() / _MEMORY_OF_A_WORKER)
        return max(1, min(processors(), by_memory))
    text = str(asked)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 256):
        raise ValueError("write auto, or a number from 1 to 256")
    return int(text)


def processors(group: Path = _GROUP) -> int:
    """Return how many this process may use: those it is bound to, or a share of their time."""
    bound = len(os.sched_getaffinity(0))
    quota, _, period = _read(group / "cpu.max").partition(" ")
    if not (quota.isdigit() and period.isdigit()):
        return bound
    return max(1, min(bound, round(int(quota) / int(period))))


def memory(group: Path = _GROUP, system: Path = _MEMORY) -> float:
    """Return the bytes that are free for use."""
    lines = dict(line.split(":", 1) for line in _read(system).splitlines() if ":" in line)
    free = 1024.0 * int(lines.get("MemAvailable", "0 kB").split()[0]) or float("inf")
    limit, used = _read(group / "memory.max"), _read(group / "memory.current")
    if limit.isdigit() and used.isdigit():
        free = min(free, max(0, int(limit) - int(used)))
    return free


def _read(path: Path) -> str:
    """Return what a file of the kernel says; nothing where there is none."""
    try:
        return path.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
