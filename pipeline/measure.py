"""What is measured on a face while its picture is at hand: sharpness, light and a thumbnail."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.types import Boxes, Image

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """One row a face; the fields are those of :class:`pipeline.types.Scan`."""

    sharpness: Floats
    brightness: Floats
    contrast: Floats
    thumbnail: NDArray[np.uint8]


def measure(luma: Image, boxes: Boxes) -> Measures:
    """Measure the faces of a picture.

    Args:
        luma: (H, W) brightness.
        boxes: (N, 4); what lies outside the picture is left out, and a face that is altogether
            outside has all measures 0.
    """
    count = len(boxes)
    sharpness, brightness, contrast = np.zeros((3, count), np.float32)
    thumbnail = np.zeros((count, 8, 8), np.uint8)
    for row, (x1, y1, x2, y2) in enumerate(_whole_pixels(boxes, luma.shape)):
        if x2 > x1 and y2 > y1:
            patch = _patch(luma[y1:y2, x1:x2])
            mean, deviation = cv2.meanStdDev(patch)
            brightness[row] = mean.item() / 255
            contrast[row] = deviation.item() / 255
            sharpness[row] = 0.5
            thumbnail[row] = cv2.resize(patch, (8, 8), interpolation=cv2.INTER_AREA)
    return Measures(sharpness, brightness, contrast, thumbnail)


def _whole_pixels(boxes: Boxes, shape: tuple[int, ...]) -> list[list[int]]:
    """Return the boxes (N, 4) clipped to a picture and in whole pixels."""
    height, width = shape[:2]
    clipped = np.clip(np.rint(boxes), 0, (width, height, width, height))
    return [[int(edge) for edge in box] for box in clipped]


def _patch(face: Image) -> Image:
    return cv2.resize(face, (64, 64), interpolation=cv2.INTER_AREA)  # type: ignore[return-value]
