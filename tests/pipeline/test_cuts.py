"""Cuts stand out; motion, flashes and changes of light do not."""

import cv2
import numpy as np
import pytest

from pipeline.scan.cuts import CutMeter, cut_scores
from pipeline.settings import LinkSettings
from pipeline.types import Image

THRESHOLD = LinkSettings().cut_threshold


def scene(seed: int, size: tuple[int, int] = (480, 270)) -> Image:
    """Return a picture (h, w) of soft shapes with some grain, unlike that of any other seed."""
    rng = np.random.default_rng(seed)
    shapes = cv2.resize(
        rng.integers(30, 220, (size[1] // 27, size[0] // 27)).astype(np.float32), size
    )
    return np.clip(shapes + rng.normal(0, 4, size[::-1]), 0, 255).astype(np.uint8)


def score(pictures: list[Image]) -> np.ndarray:
    meter = CutMeter()
    for picture in pictures:
        meter.add(picture)
    return cut_scores(meter.distances())


def lit(picture: Image, gain: float, offset: float = 0) -> Image:
    return np.clip(picture * gain + offset, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("seed", range(5))
def test_a_hard_cut_is_seen_at_its_first_frame(seed):
    scores = score([scene(2 * seed)] * 5 + [scene(2 * seed + 1)] * 5)
    assert scores.argmax() == 5
    assert scores[5] > THRESHOLD + 0.15
    assert np.delete(scores, 5).max() < 0.05


@pytest.mark.parametrize("speed", [15, 25, 40])
def test_a_cut_between_moving_shots_is_seen(speed):
    wide = [scene(seed, (1200, 270)) for seed in (20, 21)]
    shots = [[picture[:, speed * i : speed * i + 480] for i in range(8)] for picture in wide]
    scores = score([*shots[0], *shots[1]])
    assert np.flatnonzero(scores >= THRESHOLD).tolist() == [8]
    assert scores[8] > THRESHOLD + 0.35


@pytest.mark.parametrize("speed", [5, 15, 30, 100])
def test_a_moving_camera_is_no_cut(speed):
    picture = scene(1, (2600, 270))
    still = [picture[:, :480]] * 4
    scores = score(still + [picture[:, speed * i : speed * i + 480] for i in range(20)])
    assert scores.max() < 0.2


@pytest.mark.parametrize("length", [1, 2])
@pytest.mark.parametrize(("gain", "offset"), [(2.5, 60), (0.1, 0), (1, 120)])
def test_a_flash_is_no_cut(length, gain, offset):
    usual = [scene(3)] * 6
    scores = score(usual + [lit(scene(3), gain, offset)] * length + usual)
    assert scores.max() < 0.2


def test_another_light_is_no_cut():
    assert score([scene(4)] * 5 + [lit(scene(4), 0.7, 20)] * 5).max() < 0.2


def test_something_that_passes_is_no_cut():
    assert score([scene(5)] * 5 + [scene(6)] * 2 + [scene(5)] * 5).max() < 0.05


def test_noise_in_the_dark_is_no_cut():
    rng = np.random.default_rng(0)
    dark = [rng.integers(10, 30, (270, 480)).astype(np.uint8) for _ in range(12)]
    assert score(dark).max() < 0.1


def test_a_faint_change_in_the_dark_is_no_cut():
    rng = np.random.default_rng(0)
    faint = [cv2.resize(rng.normal(20, 2, (18, 32)), (480, 270)) for _ in range(2)]
    assert score([faint[0].astype(np.uint8)] * 5 + [faint[1].astype(np.uint8)] * 5).max() < 0.3


def test_a_cut_close_to_either_end_is_seen():
    assert score([scene(7)] + [scene(8)] * 5)[1] > THRESHOLD
    assert score([scene(7)] * 5 + [scene(8)])[5] > THRESHOLD


def test_the_size_of_the_picture_may_change():
    large = scene(9)
    small = cv2.resize(large, (240, 136), interpolation=cv2.INTER_AREA)
    assert score([large] * 4 + [small] * 4).max() < 0.05


@pytest.mark.parametrize("frames", [0, 1, 2])
def test_scores_are_zero_to_one_for_each_frame(frames):
    scores = score([scene(i) for i in range(frames)])
    assert scores.shape == (frames,)
    assert scores.dtype == np.float32
    assert not scores[:1].any()
    assert ((scores >= 0) & (scores <= 1)).all()


def test_tiny_pictures_are_taken():
    assert score([np.zeros((1, 1), np.uint8), np.full((2, 8000), 200, np.uint8)]).shape == (2,)


@pytest.mark.shared
def test_real_cuts_are_found_and_nothing_else(shared_dir):
    from pipeline.decode import open_video
    from pipeline.settings import DecodeSettings

    for clip in sorted((shared_dir / "data" / "tracks").glob("*/clip.mp4")):
        with open_video(clip, DecodeSettings()) as video:
            scores = score([frame.picture.luma()[::2, ::2].copy() for frame in video.frames()])
        shots = (clip.parent / "shots.txt").read_text().split()
        assert np.flatnonzero(scores >= THRESHOLD).tolist() == [int(s) for s in shots[1:]], clip
