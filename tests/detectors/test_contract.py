"""What every detector must do: all networks, forms, shipped weights, and runtimes."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from detectors import NETWORKS, Detections, Detector, load
from detectors.backends import Runtime
from detectors.weights import read_manifest

FORMS = {"pytorch": "faceboxes", "tensorflow": "faceboxes", "voting": "faceboxes"}


def picture(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


@pytest.fixture(scope="module", params=[*FORMS, *read_manifest()])
def weights(request: pytest.FixtureRequest, random_weights: dict[str, Path]) -> str | Path:
    return random_weights.get(request.param, request.param)


@pytest.fixture(scope="module", params=get_args(Runtime))
def make(request: pytest.FixtureRequest, weights: str | Path) -> Callable[..., Detector]:
    return partial(load, weights, device="cpu", runtime=request.param)


@pytest.fixture(scope="module")
def detector(make: Callable[..., Detector]) -> Detector:
    return make(threshold=0.3)


def assert_same(one: Detections, other: Detections) -> None:
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    np.testing.assert_allclose(one.boxes, other.boxes, atol=1e-2)


def test_every_network_is_tested():
    assert set(FORMS.values()) == set(NETWORKS)


def test_no_pictures_give_no_detections(detector):
    assert detector([]) == []


@pytest.mark.parametrize("size", [(1, 1), (1, 200), (33, 7), (97, 131), (128, 128)])
def test_any_size_will_do(detector, size):
    (faces,) = detector([picture(*size)])
    assert faces.boxes.shape == (len(faces), 4)
    assert (faces.boxes.dtype, faces.scores.dtype) == (np.float32, np.float32)
    assert np.isfinite(faces.boxes).all()
    assert (faces.boxes[:, 2:] >= faces.boxes[:, :2]).all()
    assert ((faces.scores >= 0.3) & (faces.scores <= 1)).all()


def test_mixed_sizes_keep_their_order(detector):
    pictures = [picture(64, 96, 1), picture(50, 50, 2), picture(64, 96, 3), picture(50, 50, 4)]
    for together, image in zip(detector(pictures), pictures, strict=True):
        (alone,) = detector([image])
        assert_same(together, alone)


def test_pictures_are_left_as_they_are(detector):
    image = picture(64, 64)
    before = image.copy()
    image.flags.writeable = False
    detector([image])
    np.testing.assert_array_equal(image, before)


def test_views_are_read_like_copies(detector):
    image = picture(96, 64)
    turned = image[::-1, ::-1]
    assert_same(*detector([turned]), *detector([turned.copy()]))


def test_the_same_again(detector):
    image = picture(96, 128)
    one, other = detector([image])[0], detector([image])[0]
    np.testing.assert_array_equal(one.boxes, other.boxes)
    np.testing.assert_array_equal(one.scores, other.scores)


def test_a_higher_threshold_only_takes_away(make):
    image = picture(128, 160)
    low, high = make(threshold=0.3), make(threshold=0.5)
    (more,), (less,) = low([image]), high([image])
    assert_same(less, Detections(more.boxes[: len(less)], more.scores[: len(less)]))
    assert (more.scores[len(less) :] < 0.5).all()


def test_there_is_no_face_in_noise(make):
    (faces,) = make(threshold=0.99)([picture(256, 256)])
    assert len(faces) == 0


@pytest.mark.parametrize(("threshold", "some"), [(0, True), (1, False)])
def test_extreme_thresholds(make, threshold, some):
    (faces,) = make(threshold=threshold)([picture(128, 128)])
    assert bool(len(faces)) == some


@pytest.mark.parametrize(
    "wrong",
    [
        np.zeros((8, 8), np.uint8),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((8, 0, 3), np.uint8),
        np.zeros((8, 8, 3), np.float32),
    ],
    ids=["grey", "alpha", "empty", "float"],
)
def test_what_is_no_picture_is_refused(detector, wrong):
    with pytest.raises(ValueError, match="not a BGR picture"):
        detector([wrong])


def test_it_says_what_it_is(detector, weights):
    assert detector.name == (weights.stem if isinstance(weights, Path) else weights)
    assert detector.smallest_face > 0
    assert detector.runtime.endswith("1 thread")
