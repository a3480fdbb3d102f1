"""The sample is what its README says, and its truth lies on its faces."""

import re
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest

MEDIA = Path(__file__).parents[2] / "media"
BEEPS = (25, 75, 125, 175, 225, 275)
CUT = 175


@pytest.fixture(scope="module")
def truth():
    """Rows of frame (from 0), id, x, y, w, h, conf, class, visibility."""
    rows = np.loadtxt(MEDIA / "sample.tracks.txt", delimiter=",")
    rows[:, 0] -= 1
    return rows


@pytest.fixture(scope="module")
def frames():
    """(300, 180, 320, 3) RGB."""
    with av.open(str(MEDIA / "sample.mp4")) as container:
        decoded = container.decode(video=0)
        return np.stack([f.to_ndarray(format="rgb24", width=320, height=180) for f in decoded])


def test_the_file_is_small_and_plain():
    assert (MEDIA / "sample.mp4").stat().st_size <= 4_000_000
    with av.open(str(MEDIA / "sample.mp4")) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec.name, video.pix_fmt, audio.codec.name) == ("h264", "yuv420p", "aac")
        assert (video.width, video.height, video.average_rate) == (1280, 720, 25)
        times = [frame.time for frame in container.decode(video)]
    assert times == pytest.approx(np.arange(300) / 25)


def test_beeps_start_with_their_frames():
    with av.open(str(MEDIA / "sample.mp4")) as container:
        decoded = list(container.decode(audio=0))
    wave = np.abs(np.concatenate([frame.to_ndarray()[0] for frame in decoded]))
    loud = np.convolve(wave, np.ones(48) / 48, "same") > 0.08
    starts = np.flatnonzero(np.diff(loud.astype(int)) == 1) / 48000 + decoded[0].time
    assert starts == pytest.approx(np.array(BEEPS) / 25, abs=0.002)


def test_the_lamp_is_lit_while_it_beeps(frames):
    lit = frames[:, 171, 311].min(axis=-1) > 200
    expected = {beep + k for beep in BEEPS for k in range(4)}
    assert set(np.flatnonzero(lit).tolist()) == expected


def test_the_one_cut_is_where_it_is_said_to_be(frames):
    steps = np.abs(np.diff(frames.astype(int), axis=0)).mean(axis=(1, 2, 3))
    assert int(steps.argmax()) + 1 == CUT
    assert np.sort(steps)[-2] < steps.max() / 10


def test_tracks_are_as_described(truth):
    spans = {int(i): truth[truth[:, 1] == i, 0] for i in np.unique(truth[:, 1])}
    ends = {i: (int(span.min()), int(span.max())) for i, span in spans.items()}
    assert ends == {1: (0, 174), 2: (0, 174), 3: (175, 299), 4: (175, 204), 5: (272, 299)}
    assert sorted(set(range(175)) - set(spans[2].astype(int).tolist())) == list(range(81, 89))
    sizes = truth[truth[:, 8] == 1, 4:6].max(axis=1)
    assert sizes.min() == pytest.approx(20, abs=0.5)
    assert sizes.max() == pytest.approx(300, abs=5)


def test_rows_are_well_formed(truth):
    _, _, x, y, w, h, conf, _, visible = truth.T
    assert (x >= 0).all()
    assert (y >= 0).all()
    assert (x + w <= 1280.01).all()
    assert (y + h <= 720.01).all()
    assert (conf == (visible >= 0.5)).mean() > 0.995  # visibility is written with two digits
    assert visible.min() >= 0.1
    assert len({(row[0], row[1]) for row in truth}) == len(truth)


def test_boxes_hold_skin(frames, truth):
    """In the middle of each clear face the picture is redder than it is blue."""
    for frame, _, x, y, w, h, _, _, visible in truth:
        if visible == 1 and w > 40:
            column, row = int((x + w / 2) / 4), int((y + 0.6 * h) / 4)
            red, _, blue = frames[int(frame), row - 2 : row + 3, column - 2 : column + 3].mean(
                (0, 1)
            )
            assert red > blue + 15, f"{frame = } {x = } {y = }"


def test_the_readme_names_the_beeps_and_the_cut():
    text = " ".join((MEDIA / "README.md").read_text().split())
    assert ", ".join(map(str, BEEPS[:-1])) + f" and {BEEPS[-1]}" in text
    assert re.search(rf"\| {CUT} \| a hard cut", text)


@pytest.mark.slow
def test_the_script_makes_the_same_bytes_again(tmp_path):
    pytest.importorskip("skimage")
    pytest.importorskip("matplotlib")
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        subprocess.run([sys.executable, MEDIA / "make_sample.py", folder], check=True)
        made.append(folder)
    for name in ("sample.mp4", "sample.tracks.txt"):
        assert (made[0] / name).read_bytes() == (made[1] / name).read_bytes()
    assert (made[0] / "sample.tracks.txt").read_text() == (MEDIA / "sample.tracks.txt").read_text()
