"""Hard examples are found, kept and drawn."""

import numpy as np
import pytest

from detectors import Detections
from training.datasets import Labels, Sample
from training.errors import TrainingError
from training.mining import LONG_SIDES, SHARES, HardExamples, HardSources, Kind, mine

FACE, HAND, LABELLED = [40.0, 40.0, 90.0, 100.0], [150, 60, 190, 110], [220, 20, 260, 70]
PICTURE = Sample("one", np.zeros((160, 320, 3), np.uint8), Labels(np.array([LABELLED], np.float32)))


class Sees:
    """Sees the same in every view of the picture, (box, score) pairs in its px."""

    def __init__(self, *seen, turned=()):
        self.boxes = np.array([box for box, _ in seen], np.float32).reshape(-1, 4)
        self.scores = np.array([score for _, score in seen], np.float32)
        self.turned = np.array(turned, np.float32).reshape(-1, 4)

    def look(self, view):
        return Detections(self.boxes * np.float32(view.shape[1] / 320), self.scores)

    def find_turned(self, view):
        return self.turned * np.float32(view.shape[1] / 320)

    def __call__(self, views):
        return [self.look(view) for view in views]


def found(pupil, teacher):
    return HardExamples.join([*mine([PICTURE], pupil, teacher)])


def test_examples_of_all_kinds_are_found():
    pupil, teacher = Sees((HAND, 0.6), (LABELLED, 0.5)), Sees((FACE, 0.8), turned=[LABELLED])
    hard = found(pupil, teacher)
    assert len(LONG_SIDES) == 2
    np.testing.assert_allclose(hard.boxes, [HAND, FACE, LABELLED], rtol=1e-6)  # at both sizes
    assert hard.kinds.tolist() == [Kind.FALSE, Kind.MISSED, Kind.TURNED]
    assert [hard.count(kind) for kind in Kind] == [1, 1, 1]
    assert set(hard.pictures.tolist()) == {"one"}


@pytest.mark.parametrize(
    ("pupil", "teacher"),
    [
        (Sees((HAND, 0.2)), Sees()),  # the pupil hardly believes it
        (Sees((HAND, 0.6)), Sees((HAND, 0.45))),  # nor is the teacher sure that it is none
        (Sees((FACE, 0.5)), Sees((FACE, 0.8))),  # both see it
        (Sees(), Sees((FACE, 0.4))),  # neither is sure
        (Sees(([5, 5, 10, 10], 0.9)), Sees()),  # too small to tell
        (Sees(([150, 150, 190, 210], 0.9)), Sees()),  # below the picture
    ],
)
def test_what_is_in_doubt_is_no_example(pupil, teacher):
    assert not len(found(pupil, teacher).boxes)


class Pictures(list):
    names = np.array(["one", "two"])


def test_windows_are_drawn_around_examples_of_all_kinds(tmp_path):
    kept = HardExamples(
        np.array(["two", "one", "gone", "one"]),
        np.array([HAND, FACE, HAND, LABELLED], np.float32),
        np.array([Kind.FALSE, Kind.MISSED, Kind.MISSED, Kind.TURNED]),
    )
    kept.save(tmp_path / "hard.npz")
    two = Sample("two", PICTURE.image, Labels())
    sources = HardSources(Pictures([PICTURE, two]), HardExamples.load(tmp_path / "hard.npz"))
    rng = np.random.default_rng(0)
    drawn = [sources.draw(rng) for _ in range(600)]
    aims = [(one.sample.name, one.aims.boxes[0].tolist()) for one in drawn]
    places = [("two", HAND), ("one", FACE), ("one", LABELLED)]
    assert all(aim in places for aim in aims)
    assert [aims.count(place) / 600 for place in places] == pytest.approx(SHARES, abs=0.07)


def test_examples_of_one_kind_are_enough():
    only = HardExamples(np.array(["one"]), np.array([FACE], np.float32), np.array([Kind.MISSED]))
    sources = HardSources(Pictures([PICTURE, PICTURE]), only)
    assert {sources.draw(np.random.default_rng(n)).sample.name for n in range(9)} == {"one"}


def test_examples_in_other_pictures_are_refused():
    other = HardExamples(np.array(["other"]), np.array([FACE], np.float32), np.array([Kind.FALSE]))
    with pytest.raises(TrainingError, match="no hard examples in these pictures"):
        HardSources(Pictures([PICTURE, PICTURE]), other)


def test_examples_of_unknown_kinds_are_refused(tmp_path):
    path = tmp_path / "hard.npz"
    HardExamples(np.array(["one"]), np.array([FACE], np.float32), np.array([7])).save(path)
    with pytest.raises(TrainingError, match="holds no hard examples"):
        HardExamples.load(path)


@pytest.mark.parametrize("content", [b"", b"nothing", b"PK\x03\x04"])
def test_a_file_of_something_else_is_told(tmp_path, content):
    path = tmp_path / "hard.npz"
    path.write_bytes(content)
    with pytest.raises(TrainingError, match="holds no hard examples"):
        HardExamples.load(path)
