"""The camera's motion, told from that of people."""

import cv2
import numpy as np
import pytest

from pipeline.scan.camera import CameraMeter
from pipeline.types import Image


def scenery(seed: int = 0, size: tuple[int, int] = (1000, 800)) -> Image:
    """Return a wide view with structure of all sizes."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(
            rng.normal(0, 30, (size[1] // n, size[0] // n)), size, interpolation=cv2.INTER_CUBIC
        )
        for n in (10, 40, 160)
    ]
    return np.clip(128 + sum(layers), 0, 255).astype(np.uint8)


def steps(*frames: Image) -> np.ndarray:
    meter = CameraMeter()
    for frame in frames:
        meter.add(frame)
    return meter.steps()


def seen(left: int, top: int, size: tuple[int, int] = (640, 360), seed: int = 0) -> Image:
    return scenery(seed)[top : top + size[1], left : left + size[0]]


@pytest.mark.parametrize("move", [(20, 0), (0, 12), (-35, 18), (3, 2)])
def test_a_camera_that_turns_is_followed(move: tuple[int, int]) -> None:
    x, y = move
    found = steps(seen(100, 100), seen(100 - x, 100 - y), seen(100 - 2 * x, 100 - 2 * y))
    np.testing.assert_allclose(found, [(0, 0), move, move], atol=1.5)


def test_steps_are_in_pixels_of_the_picture() -> None:
    pair = seen(100, 100), seen(80, 100)
    large = [cv2.resize(frame, (1920, 1080)) for frame in pair]
    np.testing.assert_allclose(steps(*large)[1], (60, 0), atol=4)


def test_someone_who_walks_by_is_not_the_camera() -> None:
    frames = [seen(100, 100).copy() for _ in range(6)]
    for index, frame in enumerate(frames):
        frame[140:340, 100 + 30 * index : 200 + 30 * index] = seen(0, 0, (100, 200), seed=1)
    assert np.abs(steps(*frames)).max() < 1


@pytest.mark.parametrize("size", [(1, 1), (2, 500), (5000, 3), (64, 48)])
def test_no_picture_is_too_odd(size: tuple[int, int]) -> None:
    width, height = size
    noise = np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)
    found = steps(noise, noise[::-1], np.full_like(noise, 9), np.zeros((30, 40), np.uint8), noise)
    assert found.shape == (5, 2)
    assert np.isfinite(found).all()


def test_of_no_frame_nothing_is_told() -> None:
    assert CameraMeter().steps().shape == (0, 2)
