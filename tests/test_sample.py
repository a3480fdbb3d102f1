"""The sample, worked through as a new user does: the people in it, their times, their sound."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pyarrow.parquet as parquet
import pytest
from numpy.typing import NDArray

from detectors.boxes import iou

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "media" / "sample.mp4"
BEEPS = (25, 75, 125, 175, 225, 275)
"""Frames with which a beep starts (media/README.md)."""
RATE = 25


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    command = [sys.executable, ROOT / "start.py", ROOT / "media", "-o", out]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return out / "sample.mp4"


@pytest.fixture(scope="module")
def truth() -> NDArray[np.float64]:
    """The rows of the true tracks: frame from 0, id, x1, y1, x2, y2, 1 where it must be found."""
    rows = np.loadtxt(ROOT / "media" / "sample.tracks.txt", delimiter=",")
    frame, track, corner, size, sure = (
        rows[:, 0] - 1,
        rows[:, 1],
        rows[:, 2:4],
        rows[:, 4:6],
        rows[:, 6],
    )
    return np.column_stack([frame, track, corner, corner + size, sure])


def test_everyone_who_is_there_for_a_second_has_a_best_crop_of_their_own(
    result: Path, truth: NDArray[np.float64]
) -> None:
    table = parquet.read_table(result / "boxes.parquet").to_pydict()
    best = [row for row, rank in enumerate(table["rank"]) if rank == 1]
    shown = set()
    for row in best:
        there = truth[truth[:, 0] == table["frame"][row]]
        box = np.array([[table[name][row] for name in ("x1", "y1", "x2", "y2")]], np.float32)
        overlap = iou(box, there[:, 2:6].astype(np.float32))[0]
        if len(there) and overlap.max() > 0.4:
            shown.add(int(there[overlap.argmax(), 1]))
    large = truth[(truth[:, 6] == 1) & (truth[:, 4] - truth[:, 2] >= 30)]
    tracks, frames = np.unique(large[:, 1], return_counts=True)
    assert set(tracks[frames >= RATE].astype(int)) <= shown


def test_lights_are_nobody(result: Path) -> None:
    """Five tracks are true; the blurred lights behind are none."""
    assert len(list(result.glob("track_*"))) == 5


def test_no_track_crosses_the_cut(result: Path) -> None:
    table = parquet.read_table(result / "boxes.parquet").to_pydict()
    frames: dict[int, set[bool]] = {}
    for track, frame in zip(table["track_id"], table["frame"], strict=True):
        frames.setdefault(track, set()).add(frame >= 175)
    assert all(len(sides) == 1 for sides in frames.values())


def beeps(path: Path) -> Iterator[float]:
    """Yield when each beep of 1 kHz starts, in seconds on the file's own clock."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler("flt", "mono", 48000)
        pieces = [
            piece for frame in container.decode(stream) for piece in resampler.resample(frame)
        ]
    start = float(pieces[0].pts * pieces[0].time_base)
    sound = np.concatenate([piece.to_ndarray()[0] for piece in pieces])
    window = 240  # 5 ms, five periods
    wave = np.exp(-2j * np.pi * 1000 * np.arange(window) / 48000)
    blocks = sound[: len(sound) // window * window].reshape(-1, window)
    loud = np.abs(blocks @ wave) / window > 0.02
    for block in np.flatnonzero(loud[1:] & ~loud[:-1]) + 1:
        yield start + block * window / 48000


def test_sound_is_in_step_with_the_picture(result: Path) -> None:
    expected = [frame / RATE for frame in BEEPS]
    assert list(beeps(SAMPLE)) == pytest.approx(expected, abs=0.01)
    assert list(beeps(result / "annotated.mp4")) == pytest.approx(expected, abs=0.01)


def lamp(path: Path) -> list[bool]:
    """Return for each frame whether the lamp in the lower right corner is lit."""
    with av.open(str(path)) as container:
        corners = [
            frame.to_ndarray(format="gray")[-40:, -48:] for frame in container.decode(video=0)
        ]
    return [int(corner.max()) > 200 for corner in corners]


def test_the_annotated_video_has_every_frame_at_its_place(result: Path) -> None:
    lit = lamp(result / "annotated.mp4")
    assert lit == lamp(SAMPLE)
    assert len(lit) == 300


def test_clips_are_in_step_too(result: Path) -> None:
    table = parquet.read_table(result / "boxes.parquet").to_pydict()
    for clip in result.glob("track_*/clip.mp4"):
        number = int(clip.parent.name.removeprefix("track_"))
        span = [f for f, i in zip(table["frame"], table["track_id"], strict=True) if i == number]
        # a packet of sound is 21 ms long: a beep right at the end may begin in the last one
        inside = [beep for beep in BEEPS if min(span) < beep <= max(span) + 1]
        heard = [moment for moment in beeps(clip) if moment > 0.03]  # not one that was under way
        expected = [(beep - min(span)) / RATE for beep in inside[: len(heard)]]
        assert heard == pytest.approx(expected, abs=0.02), clip
        assert len(heard) == len(inside) or max(span) - inside[-1] < 4, clip
