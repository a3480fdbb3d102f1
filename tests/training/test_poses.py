"""Heads turned away or tilted are told by their eyes and nose."""

from pathlib import Path
from unittest import mock

import numpy as np
import pytest

from training.poses import find_turned, is_turned
from training.teach import Teacher

# y, x of the eyes, the nose and the corners of the mouth, in sides of the box
FRONT = [[0.4, 0.28], [0.4, 0.72], [0.6, 0.5], [0.8, 0.33], [0.8, 0.67]]
ASIDE = [[0.4, 0.15], [0.4, 0.5], [0.6, 0.12], [0.8, 0.2], [0.8, 0.45]]
PROFILE = [[0.4, 0.15], [0.4, 0.3], [0.6, 0.2], [0.8, 0.2], [0.8, 0.3]]
TILTED = [[0.3, 0.3], [0.5, 0.7], [0.6, 0.45], [0.75, 0.3], [0.85, 0.6]]


@pytest.mark.parametrize(
    ("landmarks", "turned"), [(FRONT, False), (ASIDE, True), (PROFILE, True), (TILTED, True)]
)
def test_pose_is_told_by_eyes_and_nose(landmarks, turned):
    boxes = np.array([[10, 20, 90, 120]], np.float32)
    assert is_turned(boxes, np.array([landmarks], np.float32)).tolist() == [turned]


class CenterFace:
    """A network that sees faces at cells: row, column -> height, width in px, score, landmarks."""

    name = "CenterFace"

    def __init__(self, faces):
        self.faces = faces

    def outputs(self, image):
        height, width = image.shape[0] // 4, image.shape[1] // 4
        heat, scale, offset, landmarks = (
            np.zeros((1, count, height, width), np.float32) for count in (1, 2, 2, 10)
        )
        for (row, column), (tall, wide, score, points) in self.faces.items():
            heat[0, 0, row, column] = score
            scale[0, :, row, column] = np.log(tall / 4), np.log(wide / 4)
            landmarks[0, :, row, column] = np.ravel(points)
        return {"537": heat, "538": scale, "539": offset, "540": landmarks}


def test_turned_heads_are_found_and_small_ones_left_alone():
    faces = {
        (10, 30): (20, 16, 0.8, PROFILE),
        (12, 10): (60, 48, 0.7, FRONT),
        (14, 50): (60, 48, 0.9, PROFILE),
    }
    picture = np.zeros((100, 230, 3), np.uint8)  # the teacher adds to both sides
    teacher = Teacher([Path("centerface.onnx"), Path("yunet.onnx")])
    with mock.patch("training.teach.open_peer") as opened:
        yunet = mock.Mock()
        yunet.name = "YuNet"
        opened.side_effect = [CenterFace(faces), yunet]
        found = teacher.find_turned(picture)
    np.testing.assert_allclose(found, [[178, 28, 226, 88]], atol=0.01)


def test_nothing_is_found_where_there_is_no_face():
    assert find_turned(CenterFace({}), np.zeros((96, 160, 3), np.uint8)).shape == (0, 4)
