"""Many videos and a long one: memory stays flat, each is done once, a rerun is quick.

How many is set by the environment: ``FACEPICS_VOLUME_VIDEOS`` (10000),
``FACEPICS_VOLUME_HOURS`` (24).
"""

import json
import os
import struct
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from pipeline.manifest import FILE_NAME
from tests.faults.program import command

pytestmark = pytest.mark.slow

VIDEOS = int(os.environ.get("FACEPICS_VOLUME_VIDEOS", "10000"))
HOURS = int(os.environ.get("FACEPICS_VOLUME_HOURS", "24"))
KB_A_VIDEO = 6  # the main process keeps a line for each
RERUN_SECONDS = 10


@dataclass(frozen=True)
class Watched:
    """A run, watched from outside: (S,) samples of time and resident memory."""

    seconds: float
    time: np.ndarray  # s
    parent: np.ndarray  # kB
    workers: np.ndarray  # kB, the largest
    output: str


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Videos of one frame, each of its own content."""
    folder = tmp_path_factory.mktemp("archive")
    write_video(folder / "one.mp4", frames=1)
    data = (folder / "one.mp4").read_bytes()
    (folder / "one.mp4").unlink()
    for number in range(VIDEOS):
        place = folder / f"{number // 1000:02}"
        place.mkdir(exist_ok=True)
        own = struct.pack(">I4s8s", 16, b"free", b"%08d" % number)  # a box that readers pass over
        (place / f"{number:05}.mp4").write_bytes(data + own)
    return folder


@pytest.fixture(scope="module")
def results(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Watched]:
    out = tmp_path_factory.mktemp("results")
    return out, watch(archive, out, "--video", "none")


def test_each_is_done_once(results: tuple[Path, Watched]) -> None:
    out, watched = results
    assert len(list(out.rglob(FILE_NAME))) == VIDEOS
    (record,) = (out / "runs").glob("*.json")
    told = json.loads(record.read_text("utf-8"))["videos"]
    assert len({video["name"] for video in told}) == len(told) == VIDEOS
    print(f"\n{VIDEOS} videos in {watched.seconds:.0f} s")


def test_memory_is_flat_over_many_videos(results: tuple[Path, Watched]) -> None:
    _, watched = results
    late = watched.time > watched.time[-1] / 4
    for name, memory in (("main process", watched.parent), ("worker", watched.workers)):
        slope = np.polyfit(watched.time[late], memory[late], 1)[0]
        a_video = slope * watched.seconds / VIDEOS
        print(f"\n{name}: {memory.max() / 1024:.0f} MB at most, {a_video:.2f} kB a video")
        assert a_video < KB_A_VIDEO


def test_a_rerun_is_quick(archive: Path, results: tuple[Path, Watched]) -> None:
    out, _ = results
    again = watch(archive, out, "--video", "none")
    print(f"\nnothing to do: {again.seconds:.1f} s for {VIDEOS} videos")
    assert again.seconds < RERUN_SECONDS
    assert len(list((out / "runs").glob("*.json"))) <= 2


def test_memory_is_flat_over_a_long_video(tmp_path: Path) -> None:
    """A frame a second, as of a camera that takes pictures."""
    (tmp_path / "in").mkdir()
    frames = 3600 * HOURS
    write_video(tmp_path / "in" / "long.mp4", frames)
    watched = watch(tmp_path / "in", tmp_path / "out", "--video", "none", "--min-face", "100")
    (manifest,) = (tmp_path / "out").rglob(FILE_NAME)
    assert json.loads(manifest.read_text("utf-8"))["audit"]["frames"] == frames
    late = watched.time > watched.time[-1] / 4
    slope = np.polyfit(watched.time[late], watched.workers[late], 1)[0]
    a_frame = slope * watched.seconds / frames
    print(f"\n{HOURS} h: worker {watched.workers.max() / 1024:.0f} MB, {a_frame:.3f} kB a frame")
    assert a_frame < 1


def watch(archive: Path, out: Path, *options: str) -> Watched:
    """Run the program and look at its memory four times a second."""
    began, samples = time.monotonic(), []
    with subprocess.Popen(
        command(archive, out, "--jobs", "2", *options),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        while process.poll() is None:
            workers = [resident(child) for child in children(process.pid)]
            samples.append((time.monotonic() - began, resident(process.pid), max([0, *workers])))
            time.sleep(0.25)
        output = process.stdout.read() if process.stdout else ""
    assert process.returncode == 0, output[-2000:]
    columns = np.array(samples, float).T
    return Watched(time.monotonic() - began, *columns, output)


def resident(process: int) -> int:
    """Return the memory that a process holds, kB; 0 where it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def children(process: int) -> Iterator[int]:
    """Yield the processes below one."""
    try:
        threads = list(Path(f"/proc/{process}/task").iterdir())
        found = [int(pid) for t in threads for pid in (t / "children").read_text().split()]
    except OSError:
        return
    for child in found:
        yield child
        yield from children(child)


def write_video(path: Path, frames: int) -> None:
    """Write grey pictures that change a little, a second each."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", Fraction(1), {"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        stream.time_base = Fraction(1)
        for number in range(frames):
            level = 100 + number % 20
            pixels = np.full((48, 64, 3), level, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts = number
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
