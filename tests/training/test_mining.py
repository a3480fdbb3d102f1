"""Mistakes are found, kept and drawn."""

import numpy as np
import pytest

from detectors import Detections
from training.datasets import Labels, Sample
from training.errors import TrainingError
from training.mining import LONG_SIDES, MistakenSources, Mistakes, join, mine

FACE, HAND, LABELLED = [40.0, 40.0, 90.0, 100.0], [150, 60, 190, 110], [220, 20, 260, 70]
PICTURE = Sample("one", np.zeros((160, 320, 3), np.uint8), Labels(np.array([LABELLED], np.float32)))


class Sees:
    """Sees the same in every view of the picture, (box, score) pairs in its px."""

    def __init__(self, *seen):
        self.boxes = np.array([box for box, _ in seen], np.float32).reshape(-1, 4)
        self.scores = np.array([score for _, score in seen], np.float32)

    def look(self, view):
        return Detections(self.boxes * np.float32(view.shape[1] / 320), self.scores)

    def __call__(self, views):
        return [self.look(view) for view in views]


def found(pupil, teacher):
    return join(mine([PICTURE], pupil, teacher))


def test_false_positives_and_missed_faces_are_found():
    mistakes = found(Sees((HAND, 0.6), (LABELLED, 0.5)), Sees((FACE, 0.8)))
    assert len(LONG_SIDES) == 2
    np.testing.assert_allclose(mistakes.boxes, [HAND, FACE] * 2, rtol=1e-6)
    assert mistakes.missed.tolist() == [False, True] * 2
    assert set(mistakes.pictures.tolist()) == {"one"}


@pytest.mark.parametrize(
    ("pupil", "teacher"),
    [
        (Sees((HAND, 0.2)), Sees()),  # the pupil hardly believes it
        (Sees((HAND, 0.6)), Sees((HAND, 0.45))),  # nor is the teacher sure that it is none
        (Sees((FACE, 0.5)), Sees((FACE, 0.8))),  # both see it
        (Sees(), Sees((FACE, 0.4))),  # neither is sure
        (Sees(([5, 5, 10, 10], 0.9)), Sees()),  # too small to tell
    ],
)
def test_what_is_in_doubt_is_no_mistake(pupil, teacher):
    assert not len(found(pupil, teacher).boxes)


class Pictures(list):
    names = np.array(["one", "two"])


def test_windows_are_drawn_around_mistakes_of_both_kinds(tmp_path):
    kept = Mistakes(
        np.array(["two", "one", "gone"]),
        np.array([HAND, FACE, HAND], np.float32),
        np.array([False, True, True]),
    )
    kept.save(tmp_path / "mistakes.npz")
    two = Sample("two", PICTURE.image, Labels())
    sources = MistakenSources(Pictures([PICTURE, two]), Mistakes.load(tmp_path / "mistakes.npz"))
    rng = np.random.default_rng(0)
    drawn = [sources.draw(rng) for _ in range(400)]
    aims = {(one.sample.name, tuple(one.aims.boxes[0].tolist())) for one in drawn}
    assert aims == {("two", tuple(map(float, HAND))), ("one", tuple(FACE))}
    assert np.mean([one.sample.name == "one" for one in drawn]) == pytest.approx(0.35, abs=0.07)


def test_mistakes_of_one_kind_are_enough():
    only = Mistakes(np.array(["one"]), np.array([FACE], np.float32), np.array([True]))
    sources = MistakenSources(Pictures([PICTURE, PICTURE]), only)
    assert {sources.draw(np.random.default_rng(n)).sample.name for n in range(9)} == {"one"}


def test_mistakes_in_other_pictures_are_refused():
    other = Mistakes(np.array(["other"]), np.array([FACE], np.float32), np.array([True]))
    with pytest.raises(TrainingError, match="`mine` them anew"):
        MistakenSources(Pictures([PICTURE, PICTURE]), other)


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04"])
def test_a_file_of_something_else_is_told(tmp_path, content):
    path = tmp_path / "mistakes.npz"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="holds no mistakes"):
        Mistakes.load(path)
