"""What a teacher sees becomes part of the labels."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from detectors import Detections
from training import teach as teaching
from training.datasets import Labels, Sample
from training.teach import Teacher, probability, teach

FACE, OTHER = [20.0, 20.0, 50.0, 56.0], [90.0, 30.0, 120.0, 60.0]


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


class Sees:
    """A teacher that sees the same everywhere: (box, score) pairs."""

    def __init__(self, *seen):
        scores = np.array([score for _, score in seen], np.float32)
        self.seen = Detections(boxes(*(box for box, _ in seen)), scores)

    def look(self, _image):
        return self.seen


def taught(teacher, labels=(), ignore=()):
    picture = np.zeros((128, 160, 3), np.uint8)
    return teach(Sample("one", picture, Labels(boxes(*labels), boxes(*ignore))), teacher).labels


def test_a_new_face_is_as_likely_as_its_score_says():
    labels = taught(Sees((FACE, 0.45)))
    assert labels.boxes.tolist() == [FACE]
    assert labels.scores.tolist() == pytest.approx([0.5])
    assert probability(np.array([0.3, 0.45, 0.6], np.float32)) == pytest.approx(
        [0.105, 0.5, 0.895], abs=0.001
    )


def test_a_face_of_the_labels_stays_where_it_is():
    moved = [24.0, 22.0, 54.0, 58.0]
    labels = taught(Sees((moved, 0.9)), [FACE])
    assert labels.boxes.tolist() == [FACE]
    assert labels.scores.tolist() == pytest.approx([1], abs=0.01)


def test_a_face_that_the_teacher_does_not_see_is_doubted_a_little():
    tiny = [100.0, 100.0, 110.0, 111.0]
    labels = taught(Sees(), [FACE, tiny])
    assert labels.scores.tolist() == pytest.approx([0.8, 1])


def test_only_small_regions_stay_open():
    tiny = [100.0, 100.0, 110.0, 111.0]
    labels = taught(Sees((OTHER, 0.9)), (), [FACE, OTHER, tiny])
    assert labels.ignore.tolist() == [tiny]
    assert labels.boxes.tolist() == [OTHER]


def test_what_lies_outside_or_is_no_face_is_left_out():
    outside, unlikely = [150.0, 20.0, 190.0, 60.0], (OTHER, 0.25)
    assert not len(taught(Sees((outside, 0.9), unlikely)).boxes)


def test_teacher_looks_twice_and_travels_as_a_path(monkeypatch):
    asked = []

    def peer(views):
        asked.append(views[0].shape)
        scale = np.float32(views[0].shape[1] / 160)
        score = 0.5 if scale == 1 else 0.7
        return [Detections(boxes(FACE) * scale, np.array([score], np.float32))]

    monkeypatch.setattr(teaching, "open_centerface", lambda *_: peer)
    teacher = pickle.loads(pickle.dumps(Teacher(Path("centerface.onnx"))))
    seen = teacher.look(np.zeros((128, 160, 3), np.uint8))
    assert asked == [(128, 160, 3), (64, 96, 3)]
    assert seen.scores.tolist() == pytest.approx([0.7])
    assert len(seen.boxes) == 1
