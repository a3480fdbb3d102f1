"""Sharpness tells crisp from blurred at any size; light and thumbnails are those of the face."""

from functools import cache
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scan.measure import measure
from pipeline.types import Image

MEDIA = Path(__file__).parents[2] / "media"


@cache
def face() -> Image:
    """Return the sample's largest face, (h, w), about 300 pixels high."""
    rows = np.loadtxt(MEDIA / "sample.tracks.txt", delimiter=",")
    frame, _, x, y, w, h, *_ = rows[rows[:, 5].argmax()].astype(int)
    with av.open(str(MEDIA / "sample.mp4")) as container:
        for index, decoded in enumerate(container.decode(video=0)):
            if index == frame - 1:
                return decoded.to_ndarray(format="gray")[y : y + h, x : x + w].copy()
    raise AssertionError


def shrunk(picture: Image, side: int) -> Image:
    return cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA)


def blurred(part: float) -> Image:
    """Blur by a Gaussian with ``part`` of the face's width for its sigma."""
    return cv2.GaussianBlur(face(), (0, 0), part * face().shape[1])


def smeared(part: float, along: int) -> Image:
    length = round(part * face().shape[1])
    return cv2.blur(face(), (length, 1) if along == 0 else (1, length))


def sharpness(picture: Image) -> float:
    height, width = picture.shape
    return float(measure(picture, np.float32([[0, 0, width, height]])).sharpness[0])


@pytest.mark.parametrize("side", [24, 32, 48, 80, 150, 290])
class TestSharpness:
    def test_crisp_faces(self, side):
        assert sharpness(shrunk(face(), side)) > 0.5

    def test_blurred_faces(self, side):
        part = max(0.05, 2 / side)  # two pixels at least: less does not take detail from tiny faces
        assert sharpness(shrunk(blurred(part), side)) < 0.2

    def test_falls_with_the_blur(self, side):
        values = [sharpness(shrunk(blurred(part), side)) for part in (0.01, 0.02, 0.04, 0.08)]
        assert values == sorted(values, reverse=True)
        assert values[0] > values[-1] + 0.3

    @pytest.mark.parametrize("along", [0, 1])
    def test_smeared_in_one_direction(self, side, along):
        crisp = sharpness(shrunk(face(), side))
        assert sharpness(shrunk(smeared(0.15, along), side)) < crisp * 0.6


def test_sharpness_does_not_depend_on_light():
    crisp = shrunk(face(), 100)
    dim = (crisp * 0.4 + 20).astype(np.uint8)
    assert sharpness(dim) == pytest.approx(sharpness(crisp), abs=0.15)


def test_a_flat_face_is_not_crisp():
    noise = np.random.default_rng(0).normal(90, 0.5, (60, 60))
    assert sharpness(noise.astype(np.uint8)) < 0.2


def test_light_and_thumbnail_are_those_of_the_face():
    picture = np.zeros((100, 200), np.uint8)
    picture[20:60, 50:70], picture[20:60, 70:90] = 100, 200
    seen = measure(picture, np.float32([[50, 20, 90, 60]]))
    assert seen.brightness[0] == pytest.approx(150 / 255)
    assert seen.contrast[0] == pytest.approx(50 / 255)
    assert (seen.thumbnail[0, :, :4] == 100).all()
    assert (seen.thumbnail[0, :, 4:] == 200).all()


def test_what_is_outside_the_picture_is_left_out():
    picture = np.full((100, 100), 120, np.uint8)
    boxes = [[-30, -30, 20, 20], [90, 90, 150, 160], [-500, -500, 500, 500], [200, 0, 240, 40]]
    seen = measure(picture, np.float32([*boxes, [-50, 5, -10, 45]]))
    assert seen.brightness == pytest.approx([120 / 255] * 3 + [0, 0])
    assert (seen.thumbnail[3:] == 0).all()
    assert seen.sharpness == pytest.approx(0, abs=0.2)


def test_no_face_is_no_row():
    seen = measure(face(), np.zeros((0, 4), np.float32))
    assert seen.sharpness.shape == seen.brightness.shape == seen.contrast.shape == (0,)
    assert seen.thumbnail.shape == (0, 8, 8)


@given(
    box=st.tuples(*[st.floats(-3000, 3000, width=32)] * 4),
    size=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    seed=st.integers(0, 9),
)
def test_any_box_has_measures_in_range(box, size, seed):
    picture = np.random.default_rng(seed).integers(0, 256, size).astype(np.uint8)
    seen = measure(picture, np.float32([box]))
    assert 0 <= seen.sharpness[0] <= 1
    assert 0 <= seen.brightness[0] <= 1
    assert 0 <= seen.contrast[0] <= 0.5 + 1e-6
