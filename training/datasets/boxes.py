"""What the readers share: checked boxes, and pictures named in a label."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from training.datasets import Boxes, Image, no_boxes
from training.errors import LabelError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")


def parse_boxes(rows: Sequence[Sequence[float]], width: int, height: int) -> Boxes:
    """Return (N, 4) boxes clipped to the picture.

    Raises:
        ValueError: A box is turned over, or lies outside the picture.
    """
    boxes: Boxes = np.asarray(rows, np.float32) if len(rows) else no_boxes()
    if boxes.shape[1:] != (4,):
        raise ValueError(f"boxes must be rows of 4 numbers, {boxes.shape = }")
    clipped = boxes.clip(0, np.array([width, height, width, height], np.float32))
    bad = ~((clipped[:, 2:] > clipped[:, :2]).all(1) & np.isfinite(boxes).all(1))
    if bad.any():
        raise ValueError(f"not a box inside {width}x{height}: {boxes[bad][0].tolist()}")
    return clipped


def parse_box(row: Sequence[float], image: Image, file: Path, place: str) -> Boxes:
    """Return one box (1, 4), clipped to its picture.

    Raises:
        LabelError: It is no box; the message names the file and the place.
    """
    height, width = image.shape[:2]
    try:
        return parse_boxes([row], width, height)
    except ValueError as error:
        raise LabelError(file, place, str(error)) from error


def gather(boxes: Sequence[Boxes]) -> Boxes:
    """Put boxes (1, 4) together; (0, 4) where there are none."""
    return np.concatenate([no_boxes(), *boxes])


def read_picture(path: Path, file: Path, place: str) -> Image:
    """Read the (H, W, 3) BGR picture that a label speaks of, as it is stored.

    Raises:
        LabelError: It is missing or cannot be decoded.
    """
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION  # labels count stored pixels
    image = cv2.imread(str(path), flags) if path.is_file() else None
    if image is None:
        reason = "cannot be decoded" if path.is_file() else "is missing"
        raise LabelError(file, place, f"its picture {path} {reason}")
    return image.astype(np.uint8, copy=False)
