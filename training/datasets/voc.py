"""Read Pascal VOC's XML, as labelImg writes it: a file a picture.

Every object is a face; one marked difficult, or named `ignore`, is a region that counts neither
way.

Reference: Everingham et al., The PASCAL Visual Object Classes Challenge, 2010.
"""

from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

from training.datasets import Boxes, Image, Labels, Sample
from training.datasets.boxes import IMAGE_SUFFIXES, gather, parse_box, read_picture
from training.errors import LabelError

SIDES = ("xmin", "ymin", "xmax", "ymax")


def read_voc(folder: Path) -> Iterator[Sample]:
    """Yield the pictures of all .xml files of a folder, in order of their names.

    A picture lies beside its label, or in JPEGImages beside the folder.

    Raises:
        LabelError: A label cannot be understood, or its picture is missing.
    """
    for path in sorted(folder.glob("*.xml")):
        root = _parse(path)
        image = read_picture(_find_picture(path, root), path, "filename")
        boxes: list[Boxes] = []
        ignore: list[Boxes] = []
        for number, item in enumerate(root.iter("object"), 1):
            box = _box(path, number, item, image)
            difficult = item.findtext("difficult", "0").strip() == "1"
            ignored = difficult or item.findtext("name", "").strip() == "ignore"
            (ignore if ignored else boxes).append(box)
        yield Sample(path.stem, image, Labels(gather(boxes), gather(ignore)))


def _parse(path: Path) -> ElementTree.Element:
    data = path.read_bytes()
    if b"<!" in data.replace(b"<!--", b""):  # entities can grow without bound
        raise LabelError(path, "the whole file", "declares a document type; take that out")
    try:
        return ElementTree.fromstring(data)
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise LabelError(path, f"line {line}", f"is not XML ({error})") from error


def _find_picture(path: Path, root: ElementTree.Element) -> Path:
    name = Path(root.findtext("filename", "").strip()).name
    folders = (path.parent, path.parent.parent / "JPEGImages")
    names = [name, *(path.stem + suffix for suffix in IMAGE_SUFFIXES)]
    found = (f / n for f in folders for n in names if n and (f / n).is_file())
    return next(found, path.parent / (name or path.stem))


def _box(path: Path, number: int, item: ElementTree.Element, image: Image) -> Boxes:
    try:
        row = [float(item.findtext(f"bndbox/{side}", "")) for side in SIDES]
    except ValueError as error:
        raise LabelError(path, f"object {number}", "has no bndbox of four numbers") from error
    return parse_box(row, image, path, f"object {number}")
