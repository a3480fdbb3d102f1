"""What a run costs besides its frames: starting, doing nothing, two workers, a clip a track."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.speed import FFMPEG, ROOT, facepics, prepare, time_in_turns, time_once

RERUN: Final = 100
"""Videos of a run that finds nothing to do."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measurement: seconds, or how often one goes into another."""

    what: str
    value: float
    unit: str


def run(clip: Path, labelled: Path | None, turns: int) -> Iterator[Figure]:
    """Measure; medians over the turns.

    Args:
        clip: What two workers work on, at 720p.
        labelled: Folder of clips in folders, for what clips cost.
        turns: How often.
    """
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        yield from _starting(clip, place, turns)
        yield _two_workers(clip, place, turns)
        if labelled is not None:
            yield from _clips(sorted(labelled.glob("*/clip.mp4")), place, turns)


def _starting(clip: Path, place: Path, turns: int) -> Iterator[Figure]:
    media = place / "media"
    media.mkdir()
    frame = (*FFMPEG, "-i", clip, "-frames:v", "1", "-an", media / "0.mp4")
    time_once(frame)
    walls = [wall for _, wall, _ in time_in_turns({"": facepics(media, place)}, turns)[""]]
    yield Figure("a run over one frame", median(walls), "s")
    starts = [until_first_frame(clip, place / "started") for _ in range(turns)]
    yield Figure("start to the first decoded frame", median(starts), "s")
    for number in range(1, RERUN):  # another size each: a copy would be known for one
        lines = ("-vf", f"scale=-2:{16 + 2 * number}", "-frames:v", "1", "-an")
        time_once((*FFMPEG, "-i", clip, *lines, media / f"{number}.mp4"))
    ours = facepics(media, place)
    time_once(ours)
    again = (*ours[:3], "--output", *ours[4:])  # `-o` would begin anew
    walls = [time_once(again)[1] for _ in range(turns)]
    yield Figure(f"a run over {RERUN} videos with nothing to do", median(walls), "s")


def until_first_frame(clip: Path, out: Path) -> float:
    """Return the seconds until a frame of the clip is decoded."""
    shutil.rmtree(out, ignore_errors=True)
    program = (sys.executable, ROOT / "benchmarks" / "first_frame.py", clip, "-o", out)
    began = time.monotonic()
    told = subprocess.run(program, check=True, capture_output=True, text=True).stdout
    return float(told) - began


def _two_workers(clip: Path, place: Path, turns: int) -> Figure:
    pair = place / "pair"
    pair.mkdir()
    prepare(clip, pair / "a.mp4", 720, 12)
    prepare(clip, pair / "b.mp4", 720, 12.4)
    commands = {jobs: facepics(pair, place, "--jobs", jobs) for jobs in ("1", "2")}
    times = time_in_turns(commands, turns)
    one, two = (median(wall for _, wall, _ in times[jobs]) for jobs in ("1", "2"))
    shutil.rmtree(pair)
    return Figure("two videos: one worker's time in two workers'", one / two, "x")


def _clips(sources: list[Path], place: Path, turns: int) -> Iterator[Figure]:
    """Yield the CPU time with clips over that without, of each labelled clip and of all."""
    sums = {"annotated": 0.0, "both": 0.0}
    for source in sources:
        commands = {
            video: facepics(source, place, "--video", video, "--jobs", "1") for video in sums
        }
        times = time_in_turns(commands, turns)
        cpu = {video: median(one for one, _, _ in times[video]) for video in sums}
        for video, seconds in cpu.items():
            sums[video] += seconds
        what = f"with clips, over annotated alone: {source.parent.name}"
        yield Figure(what, cpu["both"] / cpu["annotated"], "x")
    yield Figure("with clips, over annotated alone: all", sums["both"] / sums["annotated"], "x")
