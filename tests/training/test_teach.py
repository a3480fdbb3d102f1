"""What teachers see becomes part of the labels."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from detectors import Detections
from training import teach as teaching
from training.datasets import Labels, Sample
from training.teach import CALIBRATIONS, Teacher, teach

MAPS = tuple(np.full((16 >> k, 20 >> k, 3), k, np.float16) for k in range(3))
FACE, OTHER = [20.0, 20.0, 50.0, 56.0], [90.0, 30.0, 120.0, 60.0]


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


class Sees:
    """A teacher that sees the same everywhere: (box, score) pairs."""

    def __init__(self, *seen):
        scores = np.array([score for _, score in seen], np.float32)
        self.seen = Detections(boxes(*(box for box, _ in seen)), scores)

    def study(self, _image):
        return self.seen, MAPS


def taught(teacher, labels=(), ignore=()):
    picture = np.zeros((128, 160, 3), np.uint8)
    lesson = teach(Sample("one", picture, Labels(boxes(*labels), boxes(*ignore))), teacher)
    assert lesson.maps is MAPS
    return lesson.sample.labels


def test_a_new_face_is_as_likely_as_its_score_says():
    labels = taught(Sees((FACE, 0.4)))
    assert labels.boxes.tolist() == [FACE]
    assert labels.scores.tolist() == pytest.approx([0.4])


def test_scores_stand_for_probabilities_and_back():
    curve = CALIBRATIONS["CenterFace"]
    likely = curve.probability(np.array([0.3, 0.45, 0.6], np.float32))
    assert likely == pytest.approx([0.105, 0.5, 0.895], abs=0.001)
    assert curve.score(float(likely[2])) == pytest.approx(0.6)


def test_a_face_of_the_labels_stays_where_it_is():
    moved = [24.0, 22.0, 54.0, 58.0]
    labels = taught(Sees((moved, 1.0)), [FACE])
    assert labels.boxes.tolist() == [FACE]
    assert labels.scores.tolist() == pytest.approx([1])


def test_a_face_that_the_teacher_does_not_see_is_doubted_a_little():
    tiny, middling = [100.0, 100.0, 109.0, 110.0], [100.0, 60.0, 113.0, 73.0]
    labels = taught(Sees(), [FACE, tiny, middling])
    assert labels.scores.tolist() == pytest.approx([0.8, 1, 0.9])


def test_only_small_regions_stay_open():
    tiny, small = [100.0, 100.0, 110.0, 111.0], [120.0, 100.0, 133.0, 113.0]
    labels = taught(Sees((OTHER, 0.9)), (), [FACE, OTHER, tiny, small])
    assert labels.ignore.tolist() == [tiny]
    assert labels.boxes.tolist() == [OTHER]


def test_what_lies_outside_is_left_out():
    assert not len(taught(Sees(([150.0, 20.0, 190.0, 60.0], 0.9))).boxes)


class Peer:
    """Sees one face in every view, surer of it in the smaller one."""

    def __init__(self, name, box, scores):
        self.name, self.box, self.scores, self.asked = name, box, scores, []

    def study(self, view):
        value = np.float16(1 if self.name == "YuNet" else 0)
        return self([view])[0], tuple(np.full_like(level[..., :2], value) for level in MAPS)

    def __call__(self, views):
        self.asked.append(views[0].shape)
        whole = views[0].shape[1] == 160
        score = np.array([self.scores[0] if whole else self.scores[1]], np.float32)
        return [Detections(boxes(self.box) * np.float32(1 if whole else 0.5), score)]


def test_teachers_look_twice_and_travel_as_paths(monkeypatch):
    peers = {
        "centerface.onnx": Peer("CenterFace", FACE, (0.3, 0.45)),
        "yunet.onnx": Peer("YuNet", OTHER, (0.75, 0.6)),
    }
    opened = []

    def open_peer(path, _precision, lowest):
        opened.append(lowest)
        return peers[path.name]

    monkeypatch.setattr(teaching, "open_peer", open_peer)
    teacher = pickle.loads(pickle.dumps(Teacher([*map(Path, peers)])))
    for _ in range(2):
        seen, maps = teacher.study(np.zeros((128, 160, 3), np.uint8))
    assert [peer.asked for peer in peers.values()] == [[(128, 160, 3), (64, 96, 3)] * 2] * 2
    assert sorted(zip(seen.boxes.tolist(), seen.scores.tolist(), strict=True)) == [
        (FACE, pytest.approx(0.5)),
        (OTHER, pytest.approx(0.5)),
    ]
    assert [level.shape for level in maps] == [(16, 20, 4), (8, 10, 4), (4, 5, 4)]
    assert maps[0][0, 0].tolist() == [0, 0, 1, 1]
    assert opened == [pytest.approx({"CenterFace": 0.279, "YuNet": 0.579}, abs=0.001)] * 2
    assert not len(Teacher([Path("yunet.onnx")]).find_turned(np.zeros((64, 64, 3), np.uint8)))
