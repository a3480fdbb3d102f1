"""Read COCO's JSON: one file for all pictures.

Every annotation is a face; a crowd, or one of a category named `ignore`, is a region that counts
neither way.

Reference: Lin et al., Microsoft COCO, 2014, arXiv:1405.0312; cocodataset.org/#format-data.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from training.datasets import Boxes, Labels, Sample
from training.datasets.boxes import gather, parse_box, read_picture
from training.errors import LabelError


def read_coco(file: Path) -> Iterator[Sample]:
    """Yield the pictures of a file; they lie beside it or in `images`.

    Raises:
        LabelError: The file cannot be understood, or a picture is missing.
    """
    record = _parse(file)
    ignored = {c["id"] for c in record.get("categories", []) if c.get("name") == "ignore"}
    of_picture: dict[Any, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    for number, annotation in enumerate(record["annotations"], 1):
        try:
            of_picture[annotation["image_id"]].append((number, annotation))
        except (KeyError, TypeError) as error:
            raise LabelError(file, f"annotation {number}", "has no image_id") from error
    for number, picture in enumerate(record["images"], 1):
        try:
            key, name = picture["id"], str(picture["file_name"])
        except (KeyError, TypeError) as error:
            raise LabelError(file, f"image {number}", "has no id and file_name") from error
        yield _sample(file, name, of_picture.pop(key, []), ignored)
    if of_picture:
        number, _ = next(iter(of_picture.values()))[0]
        raise LabelError(file, f"annotation {number}", "is of a picture that is not listed")


def _parse(file: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = json.loads(file.read_text("utf-8"))
    except ValueError as error:
        line = f"line {error.lineno}" if isinstance(error, json.JSONDecodeError) else "text"
        raise LabelError(file, line, f"is not JSON ({error})") from error
    for key in ("images", "annotations"):
        if not isinstance(record, dict) or not isinstance(record.get(key), list):
            raise LabelError(file, key, "is missing; this is not a file of COCO's form")
    return record


def _sample(
    file: Path, name: str, annotations: list[tuple[int, dict[str, Any]]], ignored: set[Any]
) -> Sample:
    beside = file.parent / name
    path = beside if beside.is_file() else file.parent / "images" / name
    image = read_picture(path, file, f"image {name!r}")
    boxes: list[Boxes] = []
    ignore: list[Boxes] = []
    for number, annotation in annotations:
        place = f"annotation {number}"
        try:
            x, y, width, height = (float(value) for value in annotation["bbox"])
        except (KeyError, TypeError, ValueError) as error:
            raise LabelError(file, place, "has no bbox of four numbers") from error
        box = parse_box([x, y, x + width, y + height], image, file, place)
        crowd = annotation.get("iscrowd", 0) == 1 or annotation.get("category_id") in ignored
        (ignore if crowd else boxes).append(box)
    return Sample(name, image, Labels(gather(boxes), gather(ignore)))
