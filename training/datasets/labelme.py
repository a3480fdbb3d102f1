"""Read labelme's JSON: a file a picture, with the picture beside it or inside.

Rectangles, polygons, circles and points sets become the boxes around them; a shape labelled
`ignore` is a region that counts neither way.

Reference: https://github.com/wkentaro/labelme (the layout).
"""

import base64
import binascii
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from training.datasets import Boxes, Image, Labels, Sample
from training.datasets.boxes import gather, parse_box, read_picture
from training.errors import LabelError


def read_labelme(folder: Path) -> Iterator[Sample]:
    """Yield the pictures of all .json files of a folder, in order of their names.

    Raises:
        LabelError: A label cannot be understood, or its picture is missing.
    """
    for path in sorted(folder.glob("*.json")):
        record = _parse(path)
        image = _picture(path, record)
        boxes: list[Boxes] = []
        ignore: list[Boxes] = []
        for number, shape in enumerate(record["shapes"], 1):
            box, label = _shape(path, number, shape, image)
            (ignore if label == "ignore" else boxes).append(box)
        yield Sample(path.stem, image, Labels(gather(boxes), gather(ignore)))


def _parse(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        line = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "text"
        raise LabelError(path, line, f"is not JSON ({error})") from error
    if not isinstance(record, dict) or not isinstance(record.get("shapes"), list):
        raise LabelError(path, "shapes", "is missing; this is not a file of labelme")
    return record


def _picture(path: Path, record: dict[str, Any]) -> Image:
    data = record.get("imageData")
    if not data:
        name = str(record.get("imagePath") or path.stem).replace("\\", "/")
        return read_picture(path.parent / Path(name).name, path, "imagePath")
    try:
        pixels = np.frombuffer(base64.b64decode(data, validate=True), np.uint8)
        image = cv2.imdecode(pixels, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    except (binascii.Error, TypeError, ValueError, cv2.error):
        image = None
    if image is None:
        raise LabelError(path, "imageData", "cannot be decoded")
    return image.astype(np.uint8, copy=False)


def _shape(path: Path, number: int, shape: Any, image: Image) -> tuple[Boxes, str]:
    place = f"shape {number}"
    try:
        points = np.array(shape["points"], np.float64).reshape(-1, 2)
        kind, label = shape.get("shape_type", "polygon"), str(shape["label"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LabelError(path, place, "has no label and points x, y") from error
    if kind == "circle" and len(points) == 2:  # its centre, and a point on it
        radius = np.hypot(*(points[1] - points[0]))
        points = points[0] + np.array([[-radius, -radius], [radius, radius]])
    if len(points) < 2:
        raise LabelError(path, place, "has fewer than two points")
    row = [*points.min(0).tolist(), *points.max(0).tolist()]
    return parse_box(row, image, path, place), label
