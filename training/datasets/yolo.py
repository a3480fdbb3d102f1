"""Read YOLO's text: a file a picture, a row a face: class, then centre and size from 0 to 1.

Every class is a face. Labels lie beside their pictures, or in `labels` beside `images`.

Reference: Redmon et al., You Only Look Once, 2016, arXiv:1506.02640; the layout is Darknet's.
"""

from collections.abc import Iterator
from pathlib import Path

from training.datasets import Image, Labels, Sample
from training.datasets.boxes import IMAGE_SUFFIXES, gather, parse_box, read_picture
from training.errors import LabelError


def read_yolo(folder: Path) -> Iterator[Sample]:
    """Yield all pictures of a folder, or of `images` in it; one without a label has no face.

    Raises:
        LabelError: A label cannot be understood, or a picture cannot be decoded.
    """
    pictures = folder / "images" if (folder / "images").is_dir() else folder
    for path in sorted(pictures.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES:
            image = read_picture(path, path, "the picture")
            label = _find_label(path, pictures)
            yield Sample(str(path.relative_to(pictures)), image, _read(label, image))


def _find_label(path: Path, pictures: Path) -> Path:
    beside = path.with_suffix(".txt")
    if beside.is_file():
        return beside
    return pictures.parent / "labels" / path.relative_to(pictures).with_suffix(".txt")


def _read(label: Path, image: Image) -> Labels:
    if not label.is_file():
        return Labels()
    height, width = image.shape[:2]
    boxes = []
    for number, line in enumerate(label.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            _, x, y, w, h = (float(word) for word in line.split())
        except ValueError as error:
            reason = "is not class, x, y, width and height"
            raise LabelError(label, f"line {number}", reason) from error
        if not all(0 <= value <= 1 for value in (x, y, w, h)):
            raise LabelError(label, f"line {number}", "has a number that is not from 0 to 1")
        row = [(x - w / 2) * width, (y - h / 2) * height]
        row += [(x + w / 2) * width, (y + h / 2) * height]
        boxes.append(parse_box(row, image, label, f"line {number}"))
    return Labels(gather(boxes))
