"""What linking costs: hours of made-up faces in a single shot, each length in a process of its own.

The faces drift about as people do, are missed now and then, leave after a while, and others come.
"""

from __future__ import annotations

import multiprocessing
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.sequences import plain_info
from pipeline.facts import DecodeAudit
from pipeline.link import link
from pipeline.scan import scanfile
from pipeline.settings import LinkSettings
from pipeline.types import Scan

RATE: Final = 30  # frames a second
WIDTH, HEIGHT = 1920, 1080
MISSED: Final = 0.03  # part of the looks at a face
STAY: Final = (5.0, 60.0)  # seconds
THRESHOLD: Final = 0.5


@dataclass(frozen=True, slots=True)
class LinkCost:
    """What linking a video needs.

    Attributes:
        cpu, wall: Seconds.
        base: Resident memory when the scan was loaded, MB.
        peak: The most while it was linked, MB.
    """

    minutes: float
    faces_per_frame: int
    faces: int
    tracks: int
    cpu: float
    wall: float
    base: float
    peak: float


def run(lengths: Sequence[float], faces_per_frame: int) -> Iterator[LinkCost]:
    """Link a video of each length, in minutes."""
    fresh = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        for minutes in lengths:
            file = Path(folder) / "scan.npz"
            scanfile.save(make_scan(minutes, faces_per_frame), file)
            with fresh.Pool(1) as pool:
                yield pool.apply(_measure, (file, minutes, faces_per_frame))


def make_scan(minutes: float, faces_per_frame: int, seed: int = 1) -> Scan:
    """Make the scan of a video with so many faces in each frame, in one shot."""
    frames, dice = round(60 * RATE * minutes), np.random.default_rng(seed)
    people = [_person(frames, dice) for _ in range(faces_per_frame)]
    frame = np.concatenate([seen for seen, _, _ in people])
    order = np.argsort(frame, kind="stable")
    boxes = np.concatenate([boxes for _, boxes, _ in people])[order]
    thumbnails = np.concatenate([looks for _, _, looks in people])[order]
    scores = dice.uniform(0.6, 1, len(order)).astype(np.float32)
    plain = np.full(len(order), 0.5, np.float32)
    times = np.arange(frames)
    return Scan(
        info=plain_info((WIDTH, HEIGHT), Fraction(RATE), frames),
        audit=DecodeAudit(frames, 0, frames, False, 0, 0),
        detector="made up",
        pts=times,
        time=times / RATE,
        size=np.tile(np.array([WIDTH, HEIGHT], np.int32), (frames, 1)),
        cut_score=np.zeros(frames, np.float32),
        camera=np.zeros((frames, 2), np.float32),
        looked=np.ones(frames, np.bool_),
        frame=frame[order].astype(np.int32),
        boxes=boxes,
        scores=scores,
        sharpness=plain,
        brightness=plain,
        contrast=plain,
        thumbnail=thumbnails,
    )


def _person(
    frames: int, dice: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.uint8]]:
    """Return frames (K,), boxes (K, 4), thumbnails (K, 8, 8) of one face after the other."""
    seen = np.flatnonzero(dice.random(frames) >= MISSED)
    stays = dice.uniform(*STAY, frames // RATE + 1) * RATE
    who = np.searchsorted(np.cumsum(stays), seen)  # (K,)
    size = dice.uniform(40, 160, len(stays))[who]
    sway = dice.uniform(3, 15, (len(stays), 2))[who]  # seconds there and back
    middle = dice.uniform((300, 200), (WIDTH - 300, HEIGHT - 200), (len(stays), 2))[who]
    angle = 2 * np.pi * (seen[:, None] / RATE / sway + dice.random((len(stays), 2))[who])
    centre = (
        middle + (200, 80) * np.sin(angle) + dice.normal(0, 0.03, (len(seen), 2)) * size[:, None]
    )
    half = size[:, None] * (0.5, 0.6)
    looks = dice.integers(0, 256, (len(stays), 8, 8))[who]
    noisy = np.clip(looks + dice.integers(-16, 17, looks.shape), 0, 255).astype(np.uint8)
    return seen, np.hstack([centre - half, centre + half]).astype(np.float32), noisy


def _measure(file: Path, minutes: float, faces_per_frame: int) -> LinkCost:
    scan = scanfile.load(file)
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak, that of loading
    base, cpu, wall = _resident("VmRSS"), time.process_time(), time.perf_counter()
    tracks = link(scan, LinkSettings(threshold=THRESHOLD))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    count = len(tracks.ids)
    return LinkCost(
        minutes, faces_per_frame, len(scan.frame), count, cpu, wall, base, _resident("VmHWM")
    )


def _resident(which: str) -> float:
    """Return the memory (MB) that this process holds now, ``VmRSS``, or has held, ``VmHWM``."""
    lines = Path("/proc/self/status").read_text().splitlines()
    (line,) = (line for line in lines if line.startswith(f"{which}:"))
    return int(line.split()[1]) / 1024
