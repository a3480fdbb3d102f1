"""Thousands of damaged files: each ends with a status, and nothing else suffers."""

import json
import random
import shutil
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.names import decoded
from tests.faults.program import assert_whole, command, tree
from tests.pipeline.video_files import grey_frames, write_video

pytestmark = pytest.mark.slow

FORMATS = {
    "mp4": "libx264",
    "mkv": "libx264",
    "webm": "libvpx-vp9",
    "avi": "mpeg4",
    "ts": "libx264",
    "mov": "mpeg4",
    "flv": "flv1",
}
Mutation = Callable[[bytearray, random.Random], bytearray]


def flip_bits(data: bytearray, dice: random.Random) -> bytearray:
    for _ in range(dice.choice((1, 4, 32))):
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
    return data


def cut_off(data: bytearray, dice: random.Random) -> bytearray:
    return data[: dice.randrange(len(data))]


def change_header(data: bytearray, dice: random.Random) -> bytearray:
    """Put extreme bytes where sizes and counts are likely."""
    for _ in range(dice.choice((1, 3, 8))):
        place = dice.randrange(min(len(data), 2048))
        if dice.random() < 0.3:  # an MP4 of so few frames has its header at the end
            place = len(data) - 1 - place
        value = dice.choice((b"\0", b"\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\xff\xff\xff\xff"))
        data[place : place + len(value)] = value
    return data


MUTATIONS: tuple[Mutation, ...] = (flip_bits, cut_off, change_header)


@pytest.fixture(scope="module")
def damaged(
    tmp_path_factory: pytest.TempPathFactory, archive: Path, mutants: int, seed: int
) -> Path:
    """A folder of damaged videos, with the good ones of the archive among them."""
    folder = tmp_path_factory.mktemp("damaged") / "media"
    shutil.copytree(archive, folder)
    dice = random.Random(seed)
    originals = []
    for kind, codec in FORMATS.items():
        path = folder.parent / f"whole.{kind}"
        originals.append(write_video(path, grey_frames(8), codec=codec))
    for number in range(mutants):
        original = originals[number % len(originals)]
        mutate = MUTATIONS[number // len(originals) % len(MUTATIONS)]
        changed = mutate(bytearray(original.read_bytes()), dice)
        below = folder / f"{number // 500}"
        below.mkdir(exist_ok=True)
        (below / f"{mutate.__name__}-{number:05}{original.suffix}").write_bytes(changed)
    return folder


def test_each_ends_with_a_status_and_the_good_ones_come_out_equal(
    damaged: Path, undisturbed: dict[str, str], tmp_path: Path, mutants: int, seed: int
) -> None:
    out = tmp_path / "out"
    arguments = command(damaged, out, "--jobs", "2", "--stall-timeout", "60")
    start = time.monotonic()
    with subprocess.Popen(
        arguments, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        samples: list[tuple[int, int]] = []
        watch = threading.Thread(target=_watch, args=(process, samples))
        watch.start()
        _, errors = process.communicate(timeout=1100)
        watch.join()
    assert process.returncode == 3, errors[-2000:]
    record = json.loads(next((out / "runs").glob("*.json")).read_text())
    assert record["left"] == 0
    videos = {decoded(video["name"]): video for video in record["videos"]}
    assert len(videos) == mutants + 5
    bad = [video for name, video in videos.items() if "-" in name and name[0].isdigit()]
    statuses = Counter(video["status"] for video in bad)
    assert all(
        video["reason"] for video in bad if video["status"] not in ("done", "empty", "duplicate")
    )
    assert not [v for v in bad if v["reason"].startswith("unexpected")]
    assert_whole(out)
    good = ("day/", "turn", "blank", "broken")
    found = {name: digest for name, digest in tree(out).items() if name.startswith(good)}
    assert found == {name: d for name, d in undisturbed.items() if name.startswith(good)}
    _assert_flat(samples)
    print(f"\nseed {seed}: {len(bad)} files in {time.monotonic() - start:.0f} s: {dict(statuses)}")


def _watch(process: subprocess.Popen[str], samples: list[tuple[int, int]]) -> None:
    """Note memory (kB) and open files of the parent, once in a while."""
    home = Path("/proc", str(process.pid))
    while process.poll() is None:
        try:
            pages = int((home / "statm").read_text().split()[1])
            samples.append((pages * 4, len(list((home / "fd").iterdir()))))
        except OSError:
            return
        time.sleep(0.5)


def _assert_flat(samples: list[tuple[int, int]]) -> None:
    """Check that the parent neither grows nor keeps files open, from a fifth of the run on."""
    steady = samples[len(samples) // 5 : -1]
    memory, files = zip(*steady, strict=True)
    print(f"\nparent: {memory[0] / 1024:.1f} to {memory[-1] / 1024:.1f} MB, {max(files)} files")
    assert memory[-1] - memory[0] < 20 * 1024
    assert max(files) - min(files) < 12
