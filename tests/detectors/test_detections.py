import numpy as np
import pytest

from detectors import Detections


def test_nothing_is_zero_rows():
    nothing = Detections.none()
    assert (len(nothing), nothing.boxes.shape) == (0, (0, 4))


@pytest.mark.parametrize(
    ("boxes", "scores", "complaint"),
    [
        (np.zeros((2, 4), np.float32), np.zeros(3, np.float32), "shape"),
        (np.zeros((2, 5), np.float32), np.zeros(2, np.float32), "shape"),
        (np.zeros((2, 4)), np.zeros(2, np.float32), "dtype"),
        (np.zeros((2, 4), np.float32), np.array([0.1, 0.2], np.float32), "descending"),
    ],
)
def test_records_check_themselves(boxes, scores, complaint):
    with pytest.raises(ValueError, match=complaint):
        Detections(boxes, scores)
