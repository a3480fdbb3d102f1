"""WIDER FACE's evaluation, by hand and against the official program."""

import json

import numpy as np
import pytest

from detectors import Detections
from training.errors import LabelError, TrainingError
from training.metrics.wider import (
    Picture,
    evaluate,
    read_predictions,
    read_truth,
    write_prediction,
)

FACES = np.array([[0, 0, 9, 9], [20, 0, 9, 9], [40, 0, 9, 9]], float)


def picture(*counted):
    counts = np.isin(np.arange(3), counted)
    return Picture(FACES, {"easy": counts, "medium": counts, "hard": np.ones(3, bool)})


def precision(rows, *counted):
    curves = evaluate({"e/a": picture(*counted)}, {"e/a": np.array(rows, float)})
    return curves["easy"].precision[-1], curves["easy"].recall[-1]


def test_detections_of_faces_that_do_not_count_are_left_out():
    rows = [[0, 0, 9, 9, 0.9], [20, 0, 9, 9, 0.8], [70, 0, 9, 9, 0.1]]
    assert precision(rows, 0) == (0.5, 1.0)


def test_a_second_detection_of_a_face_lowers_the_precision():
    rows = [[0, 0, 9, 9, 0.9], [0, 0, 9, 9, 0.8], [20, 0, 9, 9, 0.1]]
    assert precision(rows, 0, 1) == (pytest.approx(2 / 3), 1.0)


def test_right_and_bottom_pixels_count_in():
    """10 x 10 pixels against 10 x 5: one half, which counts."""
    assert precision([[0, 0, 9, 4, 0.9], [90, 0, 9, 9, 0.1]], 0) == (0.5, 1.0)


def test_pictures_without_predictions_keep_their_faces():
    pictures = {"e/a": picture(0), "e/b": picture(0, 1)}
    curves = evaluate(pictures, {"e/a": np.array([[0, 0, 9, 9, 0.9], [9, 90, 9, 9, 0.2]])})
    assert curves["easy"].recall[-1] == pytest.approx(1 / 3)


def test_written_predictions_are_read_again(tmp_path):
    boxes = np.array([[1, 2, 11, 22], [5, 5, 8, 9.5]], np.float32)
    write_prediction(tmp_path, "0--Parade/a", Detections(boxes, np.array([0.9, 0.25], np.float32)))
    write_prediction(tmp_path, "0--Parade/b", Detections.none())
    found = read_predictions(tmp_path)
    assert found["0--Parade/a"].tolist() == [[1, 2, 10, 20, 0.9], [5, 5, 3, 4.5, 0.25]]
    assert found["0--Parade/b"].shape == (0, 5)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("a.jpg\nmany\n", "line 2"),
        ("a.jpg\n1\n1 2 3\n", "line 3"),
        ("a.jpg\n2\n1 2 3 4 0.5\n", "line"),
        ("a.jpg", "line 2"),
    ],
)
def test_bad_predictions_name_file_and_line(tmp_path, text, complaint):
    (tmp_path / "e").mkdir()
    (tmp_path / "e" / "a.txt").write_text(text)
    with pytest.raises(LabelError, match=rf"e/a\.txt: .*{complaint}"):
        read_predictions(tmp_path)


def test_missing_things_are_said(tmp_path):
    with pytest.raises(TrainingError, match=r"no EVENT/NAME\.txt"):
        read_predictions(tmp_path)
    with pytest.raises(TrainingError, match=r"wider_face_val\.mat: not WIDER FACE's ground truth"):
        read_truth(tmp_path)


@pytest.mark.shared
def test_as_the_official_program(shared_dir):
    reference = shared_dir / "reference" / "wider"
    expected = json.loads((reference / "expected.json").read_text())
    pictures = read_truth(reference / "ground_truth")
    curves = evaluate(pictures, read_predictions(reference / "predictions.zip"))
    points = np.load(reference / "curves.npz")
    for level, curve in curves.items():
        value = expected["ap_full_precision"][level]
        assert curve.average_precision == pytest.approx(value, abs=1e-9)
        drawn = np.stack([curve.precision, curve.recall], 1)
        np.testing.assert_allclose(drawn, points[f"{level}.precision_recall"], atol=1e-12)
