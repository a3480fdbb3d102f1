import json

import numpy as np
import pytest

from detectors import Detections
from training.datasets import Labels, Sample
from training.datasets.wider100 import LevelledSample, read_wider100
from training.errors import LabelError, TrainingError
from training.metrics.evaluate import look, measure, measure_levels, resize_to


class Knowing:
    """Finds what it is told to find, whatever the picture."""

    name, smallest_face = "knowing", 1.0

    def __init__(self, boxes, scores):
        self.found = Detections(np.array(boxes, np.float32), np.array(scores, np.float32))

    def __call__(self, images):
        return [self.found] * len(images)


PICTURE = np.zeros((100, 200, 3), np.uint8)
TRUTH = np.array([[0, 0, 12, 12], [50, 0, 80, 30]], np.float32)


def test_levels_count_their_own_faces_alone():
    levels = {"easy": [0, 1], "medium": [1, 1], "hard": [1, 1]}
    counts = {level: np.array(flags, bool) for level, flags in levels.items()}
    picture = LevelledSample(Sample("a", PICTURE, Labels(TRUTH)), counts)
    measured = measure_levels(Knowing(TRUTH[1:], [0.9]), [picture])
    assert [measured[level]["ap"] for level in ("easy", "medium", "hard")] == [1, 0.5, 0.5]


def test_recall_by_size_counts_faces_in_their_bin():
    looked = look(Knowing(TRUTH[1:], [0.9]), [Sample("a", PICTURE, Labels(TRUTH))], 0)
    (point,) = measure(looked, [0.9])["points"]
    assert point["threshold"] == pytest.approx(0.9)
    assert point["recall"] == 0.5
    assert point["recall_by_size"]["12-14"] == [0, 1]
    assert point["recall_by_size"]["24-32"] == [1, 1]


def test_resize_moves_labels_with_the_picture():
    labels = Labels(TRUTH, TRUTH[:1])
    scaled = resize_to(Sample("a", PICTURE, labels), 100)
    assert scaled.image.shape == (50, 100, 3)
    np.testing.assert_array_equal(scaled.labels.boxes, TRUTH / 2)
    np.testing.assert_array_equal(scaled.labels.ignore, TRUTH[:1] / 2)


def test_missing_wider_files_are_named(tmp_path):
    with pytest.raises(TrainingError, match=r"gt\.json is missing"):
        list(read_wider100(tmp_path, 640))
    (tmp_path / "gt.json").write_text(json.dumps([{"file": "gone.jpg"}]))
    with pytest.raises(LabelError, match=r"gt\.json: sample 'gone\.jpg'"):
        list(read_wider100(tmp_path, 640))
