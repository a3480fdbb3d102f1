import math

import numpy as np
import pytest

from detectors import Detections
from training.metrics.average_precision import (
    Judged,
    average_precision,
    interval,
    judge,
    threshold_for,
)

NOTHING = np.zeros((0, 4), np.float32)


def found(*rows: tuple[float, ...]) -> Detections:
    table = np.array(rows, np.float32).reshape(-1, 5)
    return Detections(table[:, :4], table[:, 4])


def test_first_detection_of_a_face_is_right_the_second_wrong():
    truth = np.array([[0, 0, 10, 10]], np.float32)
    judged = judge(
        found((0, 0, 10, 10, 0.9), (1, 0, 11, 10, 0.8)), truth, np.array([True]), NOTHING
    )
    assert judged.right.tolist() == [True, False]
    assert judged.n_faces == 1


def test_faces_that_do_not_count_and_ignore_regions_are_left_out():
    truth = np.array([[0, 0, 10, 10]], np.float32)
    ignore = np.array([[50, 50, 90, 90]], np.float32)
    detections = found((0, 0, 10, 10, 0.9), (55, 55, 65, 65, 0.8), (200, 0, 210, 10, 0.7))
    judged = judge(detections, truth, np.array([False]), ignore)
    assert judged.scores.tolist() == pytest.approx([0.7])
    assert judged.n_faces == 0


def test_no_detection_and_no_face():
    judged = judge(Detections.none(), NOTHING, np.zeros(0, bool), NOTHING)
    assert math.isnan(average_precision(judged))
    assert judged.scores.shape == (0,)


def test_average_precision_by_hand():
    judged = Judged(
        np.array([0.9, 0.8, 0.7, 0.6], np.float32), np.array([True, False, True, False]), 4
    )
    assert average_precision(judged) == pytest.approx(0.25 * 1 + 0.25 * 2 / 3)


def test_perfect_detections_reach_one_and_their_interval_is_a_point():
    perfect = Judged(np.array([0.9], np.float32), np.array([True]), 1)
    assert average_precision(perfect) == 1
    assert interval([perfect, perfect]) == (1.0, 1.0)


def test_threshold_is_the_lowest_with_the_precision():
    judged = Judged(
        np.array([0.9, 0.8, 0.7, 0.6, 0.5], np.float32),
        np.array([True, False, True, True, False]),
        3,
    )
    assert threshold_for(judged, 0.75) == pytest.approx(0.6)
    assert threshold_for(judged, 0.9) == pytest.approx(0.9)
    assert threshold_for(Judged(judged.scores, ~judged.right, 3), 1.0) == 1.0
