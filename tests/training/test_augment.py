from dataclasses import replace

import cv2
import numpy as np
import pytest

from training.augment import (
    AugmentSettings,
    Source,
    augment,
    cut,
    draw_face,
    flip_labels,
    join,
    move_labels,
)
from training.datasets import Labels, Sample

SETTINGS = AugmentSettings(size=128)


def test_results_have_the_size_and_labels_inside(cartoons):
    for seed in range(30):
        rng = np.random.default_rng(seed)
        count = (1, 4, 16)[seed % 3]
        sample = augment([Source.of(cartoons[i % 8]) for i in range(count)], SETTINGS, rng)
        assert sample.image.shape == (128, 128, 3)
        assert sample.image.dtype == np.uint8
        for boxes in (sample.labels.boxes, sample.labels.ignore):
            assert boxes.dtype == np.float32
            assert ((boxes >= 0) & (boxes <= 128)).all()
            assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_the_same_seed_gives_the_same_sample(cartoons):
    sources = [Source.of(sample) for sample in cartoons[:4]]
    first, second = (augment(sources, SETTINGS, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first.image, second.image)
    np.testing.assert_array_equal(first.labels.boxes, second.labels.boxes)


@pytest.mark.parametrize("turn", [0.0, 60.0])
def test_boxes_follow_the_pixels(turn):
    image = np.zeros((100, 140, 3), np.uint8)
    cv2.ellipse(image, (70, 45), (20, 15), 0, 0, 360, (255, 255, 255), -1)
    sample = Sample("ellipse", image, Labels(np.array([[50, 30, 91, 61]], np.float32)))
    settings = replace(SETTINGS, mean=(0, 0, 0), face_range=(20.0, 60.0), turn=turn)
    checked = 0
    for seed in range(40):
        result = cut(Source.of(sample), 128, settings, np.random.default_rng(seed))
        for x1, y1, x2, y2 in result.labels.boxes:
            rows, columns = np.nonzero(result.image[..., 0] > 127)
            drawn = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(drawn, [x1, y1, x2, y2], atol=2)
            checked += 1
    assert checked > 20


def test_window_is_laid_around_its_aim_whatever_the_labels_say():
    image = np.zeros((400, 400, 3), np.uint8)
    image[300:340, 300:340] = 255
    face = Labels(np.array([[20, 20, 60, 60]], np.float32))
    aim = Labels(np.array([[300, 300, 340, 340]], np.float32))
    settings = replace(SETTINGS, face_range=(60.0, 80.0), mean=(0, 0, 0))
    seen = [
        cut(Source(Sample("one", image, face), aims), 128, settings, np.random.default_rng(seed))
        for aims in (aim, face)
        for seed in range(40)
    ]
    shows = np.array([(sample.image > 127).any() for sample in seen]).reshape(2, 40).mean(1)
    labelled = np.array([len(sample.labels.boxes) for sample in seen]).reshape(2, 40).mean(1)
    assert shows[0] > 0.8 > 0.3 > shows[1]
    assert labelled[1] > 0.8 > 0.3 > labelled[0]


def test_faces_without_their_centre_or_too_small_are_ignored():
    labels = Labels(
        np.array([[0, 0, 20, 20], [90, 40, 130, 80], [50, 50, 55, 55]], np.float32),
        np.array([[60, 60, 70, 70]], np.float32),
    )
    moved = move_labels(labels, np.eye(2, 3), size=100, smallest_face=8)
    assert moved.boxes.tolist() == [[0, 0, 20, 20]]
    assert moved.ignore.tolist() == [[90, 40, 100, 80], [50, 50, 55, 55], [60, 60, 70, 70]]


def test_faces_are_chosen_as_often_as_they_are_likely():
    boxes = np.array([[0, 0, 20, 20]] * 3, np.float32)
    labels = Labels(boxes, scores=np.array([0.2, 0.7, 0.1], np.float32))
    rng = np.random.default_rng(0)
    counts = np.bincount([draw_face(labels, rng) for _ in range(2000)], minlength=3)
    np.testing.assert_allclose(counts / 2000, labels.scores, atol=0.03)


def test_flip_twice_is_nothing():
    labels = Labels(np.array([[1, 2, 30, 40]], np.float32))
    flipped = flip_labels(labels, 100)
    assert flipped.boxes.tolist() == [[70, 2, 99, 40]]
    np.testing.assert_array_equal(flip_labels(flipped, 100).boxes, labels.boxes)


def test_join_lays_tiles_row_by_row():
    tiles = [
        Sample(
            str(n), np.full((8, 8, 3), n, np.uint8), Labels(np.array([[1, 1, 3, 4]], np.float32))
        )
        for n in range(4)
    ]
    whole = join(tiles, 16)
    assert whole.image[::8, ::8, 0].tolist() == [[0, 1], [2, 3]]
    assert whole.labels.boxes.tolist() == [
        [1, 1, 3, 4],
        [9, 1, 11, 4],
        [1, 9, 3, 12],
        [9, 9, 11, 12],
    ]


def test_labels_refuse_another_shape():
    with pytest.raises(ValueError, match=r"boxes\.shape"):
        Labels(np.zeros(4, np.float32))
