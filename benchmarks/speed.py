"""Whole runs in CPU time a frame, against what FFmpeg needs to decode and to encode the same clip.

Everything is a process of its own, measured by the system when it has ended, in turns; the first
turn does not count. Times are of all its processes and threads together.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

ROOT: Final = Path(__file__).parent.parent
LAUNCHER: Final = ROOT / "benchmarks" / "launch.py"
PRESET: Final = "veryfast"
HEIGHTS: Final = (1080, 720)
PEER_SECONDS: Final = 2.0  # of video for programs that take more than a second for a frame
Command = tuple[str | Path, ...]
FFMPEG: Final = ("ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-threads", "1")


@dataclass(frozen=True, slots=True)
class Cost:
    """What one program needs for one clip.

    Attributes:
        cpu, wall: Milliseconds a frame, medians over the turns; start-up is in it.
        memory: Most resident memory of one of its processes, MB.
    """

    program: str
    height: int
    frames: int
    cpu: float
    wall: float
    memory: float


@dataclass(frozen=True, slots=True)
class Peers:
    """Where programs of others are; those that are nowhere are not timed."""

    deface: Path | None = None
    """The program of the package deface."""
    mtcnn: Path | None = None
    """A Python that has the package mtcnn."""
    yunet: Path | None = None
    """face_detection_yunet_2023mar.onnx."""


def run(clip: Path, seconds: float, turns: int, peers: Peers) -> Iterator[Cost]:
    """Time all programs on a clip, made anew at each height and repeated to a length."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for height in HEIGHTS:
            video = place / f"{height}.mp4"
            frames = prepare(clip, video, height, seconds)
            yield from _costs(commands(video, place), height, frames, turns)
        short = place / "short.mp4"
        frames = prepare(clip, short, HEIGHTS[0], PEER_SECONDS)
        yield from _costs(peer_commands(short, place, peers), HEIGHTS[0], frames, 1)


def _costs(
    programs: Mapping[str, Sequence[str | Path]], height: int, frames: int, turns: int
) -> Iterator[Cost]:
    for name, turn_costs in time_in_turns(programs, turns).items():
        cpu, wall, memory = medians(turn_costs)
        yield Cost(name, height, frames, 1e3 * cpu / frames, 1e3 * wall / frames, memory)


def medians(turns: Sequence[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Return the medians of CPU and wall seconds and memory over the turns."""
    cpu, wall, memory = (median(column) for column in zip(*turns, strict=True))
    return cpu, wall, memory


def facepics(source: Path, place: Path, *options: str) -> Command:
    """Return the command that works on a source, with its results in a folder of ``place``."""
    return (sys.executable, ROOT / "start.py", source, "-o", place / "out", *options)


def prepare(clip: Path, video: Path, height: int, seconds: float) -> int:
    """Write the clip at a height, played over and over for some seconds; return its frames."""
    loop = ("-stream_loop", "-1", "-i", clip, "-t", str(seconds), "-an")
    encode = ("-vf", f"scale=-2:{height}", "-c:v", "libx264", "-preset", "fast", "-crf", "23")
    subprocess.run([*FFMPEG, *loop, *encode, video], check=True)
    count = ("-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0")
    told = subprocess.run(
        ["ffprobe", "-v", "error", "-select_streams", "v", *count, video],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(told.stdout.strip().strip(","))


def commands(video: Path, place: Path) -> dict[str, Sequence[str | Path]]:
    """Name the programs to time, ours with one worker."""
    encode = ("-threads", "1", "-c:v", "libx264", "-preset", PRESET, "-crf", "23")
    ours = facepics(video, place, "--jobs", "1")
    return {
        "ffmpeg decode": (*FFMPEG, "-i", video, "-f", "null", "-"),
        "ffmpeg decode and encode": (*FFMPEG, "-i", video, *encode, place / "encoded.mp4"),
        "facepics, no video": (*ours, "--video", "none"),
        "facepics, annotated": (*ours, "--video", "annotated", "--preset", PRESET),
        "facepics, annotated and clips": (*ours, "--video", "both", "--preset", PRESET),
    }


def peer_commands(video: Path, place: Path, peers: Peers) -> dict[str, Sequence[str | Path]]:
    """Name the programs of others."""
    loop = ROOT / "benchmarks" / "peers.py"
    programs: dict[str, Sequence[str | Path]] = {}
    if peers.deface is not None:
        programs["deface"] = (peers.deface, video, "-o", place / "defaced.mp4")
    if peers.mtcnn is not None:
        programs["MTCNN on each frame"] = (peers.mtcnn, loop, "mtcnn", video)
    if peers.yunet is not None:
        programs["YuNet on each frame"] = (sys.executable, loop, "yunet", video, peers.yunet)
    return programs


def time_in_turns(
    programs: Mapping[str, Sequence[str | Path]], turns: int
) -> dict[str, list[tuple[float, float, float]]]:
    """Return CPU and wall seconds and memory (MB) of each turn but the first."""
    costs: dict[str, list[tuple[float, float, float]]] = {name: [] for name in programs}
    for turn in range(turns + 1):
        for name, command in programs.items():
            cost = time_once(command)
            if turn:
                costs[name].append(cost)
    return costs


def time_once(command: Sequence[str | Path]) -> tuple[float, float, float]:
    """Run a program to its end; earlier results of ours are removed first.

    Raises:
        RuntimeError: It failed.
    """
    if "-o" in command:
        shutil.rmtree(command[list(command).index("-o") + 1], ignore_errors=True)
    words = [sys.executable, "-I", "-S", LAUNCHER, *command]
    done = subprocess.run([str(word) for word in words], capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stderr.decode()[-500:]}")
    cpu, wall, memory = json.loads(done.stdout)
    return cpu, wall, memory
