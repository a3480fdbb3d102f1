import numpy as np
import pytest

from training.distract import KINDS, distract


@pytest.mark.parametrize("kind", set(KINDS))
def test_every_kind_draws_within_its_square(kind):
    for seed in range(20):
        canvas = np.full((64, 64, 3), 100, np.uint8)
        kind(canvas, np.random.default_rng(seed))
        assert (canvas != 100).any(), seed


def test_faces_stay_as_they_are():
    boxes = np.array([[40, 50, 120, 140], [150, 20, 200, 90]], np.float32)
    changed = 0
    for seed in range(20):
        image = np.random.default_rng(seed).integers(0, 255, (256, 256, 3), np.uint8)
        drawn = distract(image, boxes, np.random.default_rng(seed))
        for x1, y1, x2, y2 in boxes.astype(int):
            np.testing.assert_array_equal(drawn[y1:y2, x1:x2], image[y1:y2, x1:x2])
        changed += (drawn != image).any()
    assert changed > 15


def test_the_same_seed_draws_the_same():
    image = np.full((128, 128, 3), 100, np.uint8)
    none = np.zeros((0, 4), np.float32)
    first, second = (distract(image, none, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (image == 100).all()
