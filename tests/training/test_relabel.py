"""What other detectors say about the ignore regions of labels."""

import importlib

import numpy as np
import pytest
from click.testing import CliRunner

from detectors import Detections
from training.datasets import Labels, Sample
from training.datasets.webdataset import read_shard
from training.relabel import Teacher, agree, look, relabel, rewrite

FACE, OTHER = [20.0, 20.0, 44.0, 50.0], [90.0, 30.0, 120.0, 60.0]


def found(*rows):
    """Make detections of (box, score) pairs, best first."""
    boxes = np.array([box for box, _ in rows], np.float32).reshape(-1, 4)
    return Detections(boxes, np.array([score for _, score in rows], np.float32))


class Fixed:
    """Finds the same in every picture, in the px of one of a known width."""

    runtime, smallest_face = "none", 1.0

    def __init__(self, detections, width=160):
        self.detections, self.width = detections, width

    def __call__(self, images):
        scale = np.float32(images[0].shape[1] / self.width)
        return [Detections(self.detections.boxes * scale, self.detections.scores) for _ in images]


def teachers(*several):
    return [Teacher(Fixed(detections), (160, 320)) for detections in several]


def sample(boxes=(), ignore=()):
    labels = Labels(*(np.array(part, np.float32).reshape(-1, 4) for part in (boxes, ignore)))
    return Sample("one", np.zeros((128, 160, 3), np.uint8), labels)


def test_detectors_give_a_face_the_mean_of_their_best_scores():
    boxes, scores = agree([found((FACE, 0.8), (FACE, 0.6)), found((FACE, 0.4), (OTHER, 0.2))])
    np.testing.assert_allclose(boxes, [FACE, OTHER], rtol=1e-6)
    assert scores.tolist() == pytest.approx([0.6, 0.1])


def test_box_is_the_mean_of_close_ones_by_their_scores():
    moved = [22.0, 20.0, 46.0, 50.0]
    boxes, _ = agree([found((FACE, 0.9)), found((moved, 0.3))])
    np.testing.assert_allclose(boxes, [[20.5, 20, 44.5, 50]], rtol=1e-6)


def test_nothing_found_is_nothing_to_agree_on():
    boxes, scores = agree([Detections.none(), Detections.none()])
    assert boxes.shape == (0, 4)
    assert scores.shape == (0,)


def test_all_sizes_count_in_pixels_of_the_picture():
    (teacher,) = teachers(found((FACE, 0.8)))
    seen = look(teacher, sample().image)
    np.testing.assert_allclose(seen.boxes, [FACE, FACE], rtol=1e-6)


def test_face_in_an_ignore_region_comes_in_as_likely_as_it_is():
    labels = relabel(
        sample([OTHER], [[15, 15, 50, 55]]), teachers(found((FACE, 0.9)), found((FACE, 0.5)))
    )
    np.testing.assert_allclose(labels.boxes, [OTHER, FACE], rtol=1e-6)
    assert labels.scores.tolist() == pytest.approx([1, 0.7])


def test_regions_are_judged_unless_they_are_too_small():
    small, large = [100, 100, 110, 111], [15, 15, 50, 55]
    labels = relabel(sample([], [small, large]), teachers(found()))
    assert labels.ignore.tolist() == [small]


@pytest.mark.parametrize(
    ("boxes", "ignore", "score"),
    [
        ([], [[90, 30, 120, 60]], 0.9),  # it lies on no region
        ([FACE], [[15, 15, 50, 55]], 0.9),  # it is a face of the labels
        ([], [[15, 15, 50, 55]], 0.08),  # nobody believes it
    ],
)
def test_what_is_settled_stays(boxes, ignore, score):
    labels = relabel(sample(boxes, ignore), teachers(found((FACE, score))))
    assert labels.boxes.tolist() == boxes


def test_shard_is_copied_with_the_new_labels(cartoons, write_shard, encode, tmp_path):
    label = {"ignore": [[15, 15, 50, 55]], "source": "drawn"}
    shard = write_shard("train-0.tar", encode(cartoons[0], boxes=[OTHER], **label))
    target = tmp_path / "new.tar"
    assert list(rewrite(shard, target, teachers(found((FACE, 0.8))))) == [1]
    (new,) = read_shard(target)
    np.testing.assert_array_equal(new.image, cartoons[0].image)
    np.testing.assert_allclose(new.labels.scores, [1, 0.8])
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == ["new.tar"]


def test_shards_that_are_there_are_kept(cartoons, write_shard, encode, tmp_path, monkeypatch):
    """Relabelling takes an hour: cut off, it goes on with the next shard."""
    for name in ("train-0.tar", "train-1.tar"):
        write_shard(name, encode(cartoons[0]))
    command = importlib.import_module("training.cli.relabel")
    output = tmp_path / "new"
    output.mkdir()
    (output / "train-0.tar").write_bytes(b"done")
    for opener in ("open_yunet", "open_centerface"):
        monkeypatch.setattr(command, opener, lambda *_: Fixed(Detections.none()))
    given = {"--data": tmp_path, "--output": output} | dict.fromkeys(
        ("--yunet", "--centerface"), tmp_path / "train-0.tar"
    )
    words = [str(word) for pair in given.items() for word in pair]
    result = CliRunner().invoke(command.relabel, words)
    assert result.exit_code == 0, result.output
    assert "train-0.tar: is there" in result.output
    assert "train-1.tar: 1 pictures, 0 faces more" in result.output
    assert (output / "train-0.tar").read_bytes() == b"done"
    assert len([*read_shard(output / "train-1.tar")]) == 1
