"""Heads turned away or tilted are told by their eyes and nose."""

import numpy as np
import pytest

from training.poses import find_turned, is_turned

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
    """A network that sees a profile of 48 x 60 px and one of 16 x 20 px."""

    name = "CenterFace"

    def outputs(self, image):
        height, width = image.shape[0] // 4, image.shape[1] // 4
        heat, scale, offset, landmarks = (
            np.zeros((1, count, height, width), np.float32) for count in (1, 2, 2, 10)
        )
        for (row, column), (tall, wide) in {(10, 10): (60, 48), (10, 30): (20, 16)}.items():
            heat[0, 0, row, column] = 0.9
            scale[0, :, row, column] = np.log(tall / 4), np.log(wide / 4)
            landmarks[0, :, row, column] = np.ravel(PROFILE)
        return {"537": heat, "538": scale, "539": offset, "540": landmarks}


def test_small_faces_are_left_alone():
    found = find_turned(CenterFace(), np.zeros((96, 160, 3), np.uint8))
    np.testing.assert_allclose(found, [[18, 12, 66, 72]], atol=0.01)
