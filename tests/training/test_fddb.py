"""FDDB's evaluation, by hand and against the official program."""

import csv

import numpy as np
import pytest

from detectors import Detections
from training.errors import LabelError, TrainingError
from training.metrics.fddb import (
    draw,
    evaluate,
    overlaps,
    read_predictions,
    read_sizes,
    read_truth,
    write_predictions,
)

SIZE = (100, 80)
ROUND = np.array([[20.0, 20, 0, 30, 30]])  # the rectangle 10, 10 to 50, 50 around it


def test_a_rectangle_overlaps_its_ellipse_by_a_quarter_of_pi():
    rows = np.array([[10, 10, 40, 40, 1.0], [60, 60, 10, 10, 1.0]])
    assert overlaps(ROUND, rows, SIZE)[0] == pytest.approx([np.pi / 4, 0], abs=0.02)


def test_what_lies_outside_the_picture_does_not_count():
    whole = overlaps(ROUND, np.array([[10, 10, 40, 40, 1.0]]), SIZE)
    wider = overlaps(ROUND - [0, 0, 0, 30, 0], np.array([[-20, 10, 40, 40, 1.0]]), SIZE)
    assert wider[0, 0] == pytest.approx(whole[0, 0], abs=0.03)


def test_each_face_is_found_once():
    rows = np.array([[10, 10, 40, 40, 0.9], [12, 10, 40, 40, 0.8], [70, 50, 20, 20, 0.3]])
    roc = evaluate({"a": ROUND}, {"a": rows}, {"a": SIZE})
    assert roc.thresholds.tolist() == [0.3, 0.8, 0.9]
    assert roc.discrete.tolist() == [1, 1, 1]
    assert roc.false_positives.tolist() == [2, 1, 0]
    assert roc.at(1) == (1, roc.continuous[1])
    assert roc.at(-1) == (0, 0)


def test_a_picture_without_detections_adds_its_faces_and_a_row(tmp_path):
    rows = np.array([[10, 10, 40, 40, 0.9]])
    truth, sizes = {"a": ROUND, "b": ROUND}, {"a": SIZE, "b": SIZE}
    roc = evaluate(truth, {"a": rows, "b": np.zeros((0, 5))}, sizes)
    assert roc.discrete.tolist() == [0.5, 0]
    roc.write(tmp_path)
    assert (tmp_path / "DiscROC.txt").read_text() == "0.5 0 0.9\n0 0 1.79769e+308\n"


def test_written_predictions_are_read_again(tmp_path):
    boxes = np.array([[1, 2, 11, 22]], np.float32)
    found = [
        ("x/a", Detections(boxes, np.array([0.75], np.float32))),
        ("x/b", Detections.none()),
    ]
    write_predictions(tmp_path / "found.txt", found)
    again = read_predictions(tmp_path / "found.txt")
    assert again["x/a"].tolist() == [[1, 2, 10, 20, 0.75]]
    assert again["x/b"].shape == (0, 5)


def test_bad_files_name_the_line(tmp_path):
    path = tmp_path / "found.txt"
    for text, line in (("a\nb\n", 2), ("a\n1\n1 2 3\n", 3), ("a\n2\n1 2 3 4 5\n", 4)):
        path.write_text(text)
        with pytest.raises(LabelError, match=f"line {line}"):
            read_predictions(path)
    path.write_text("a 3\n")
    with pytest.raises(LabelError, match="line 1"):
        read_sizes(path)
    with pytest.raises(TrainingError, match="give FDDB-folds"):
        read_truth(tmp_path)
    with pytest.raises(TrainingError, match="size of a is not known"):
        evaluate({"a": ROUND}, {}, {})


@pytest.mark.shared
def test_ellipses_are_drawn_as_the_official_program_does(shared_dir):
    reference = shared_dir / "reference" / "fddb"
    truth = read_truth(reference / "FDDB-folds")
    sizes = read_sizes(reference / "image_sizes.txt")
    with (reference / "face_pixels.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(map(len, truth.values())) == 5171
    for row in rows[::10]:
        mask = draw(truth[row["image"]][int(row["face"])], sizes[row["image"]])
        assert mask.sum() == int(row["pixels"])


@pytest.mark.shared
@pytest.mark.parametrize("name", ["faceboxes", "mtcnn"])
def test_as_the_official_program(shared_dir, tmp_path, name):
    reference = shared_dir / "reference" / "fddb"
    truth = read_truth(reference / "FDDB-folds")
    found = read_predictions(reference / name / "detections.txt")
    roc = evaluate(truth, found, read_sizes(reference / "image_sizes.txt"))
    roc.write(tmp_path)
    expected = (reference / name / "DiscROC.txt").read_text()
    assert (tmp_path / "DiscROC.txt").read_text() == expected
    rates, false_positives = np.loadtxt(reference / name / "ContROC.txt").T
    np.testing.assert_allclose(roc.continuous, rates, atol=2e-5)  # their matching is not optimal
    np.testing.assert_array_equal(roc.false_positives, false_positives)
