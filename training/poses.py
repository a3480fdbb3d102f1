"""Find faces that are turned away from the camera or tilted, by the landmarks of CenterFace."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.boxes import suppress
from detectors.suppression import Suppression
from training.augment import face_sizes
from training.datasets import Boxes, Image
from training.teachers import Peer, centerface_landmarks, decode_centerface

LEAST_SCORE: Final = 0.5  # from which there is a face
SMALLEST: Final = 24.0  # px of a face whose landmarks can be believed
OFFSET: Final = 0.15  # of the nose from the middle of the eyes, in widths of the box
NARROW: Final = 0.3  # distance of the eyes, likewise; 0.45 from the front
TILT: Final = 20.0  # degrees of the line through the eyes


def find_turned(centerface: Peer, image: Image) -> Boxes:
    """Return the faces (K, 4) in a picture that do not look straight into the camera."""
    outputs = centerface.outputs(image)
    boxes, scores = decode_centerface(outputs, image.shape[1], LEAST_SCORE)
    landmarks = centerface_landmarks(outputs, LEAST_SCORE)
    kept = suppress(boxes, scores, Suppression())
    kept = kept[face_sizes(boxes[kept]) >= SMALLEST]
    return boxes[kept][is_turned(boxes[kept], landmarks[kept])]


def is_turned(boxes: Boxes, landmarks: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Tell which faces (K, 4) are turned or tilted, by eyes and nose among landmarks (K, 5, 2)."""
    sides = (boxes[:, 2:] - boxes[:, :2])[:, None, ::-1]  # height, width
    first, second, nose = (landmarks * sides)[:, :3].transpose(1, 2, 0)  # (2, K) y, x, px each
    width = sides[:, 0, 1]
    apart = second - first
    aside = np.abs(nose[1] - (first[1] + second[1]) / 2) > OFFSET * width
    tilted = np.abs(np.degrees(np.arctan2(apart[0], apart[1]))) > TILT
    away: NDArray[np.bool_] = aside | tilted | (np.hypot(*apart) < NARROW * width)
    return away
