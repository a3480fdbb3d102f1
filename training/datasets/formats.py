"""Every form of labels that can be read; to add one, write a reader and a line in `FORMATS`."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

from training.datasets import Sample
from training.datasets.boxes import IMAGE_SUFFIXES
from training.datasets.coco import read_coco
from training.datasets.fddb import read_fddb
from training.datasets.labelme import read_labelme
from training.datasets.voc import read_voc
from training.datasets.webdataset import find_shards, read_shards
from training.datasets.wider import read_wider
from training.datasets.yolo import read_yolo
from training.errors import TrainingError


class Format(NamedTuple):
    """How labels of one form are read, and by what they are known.

    Attributes:
        read: From a folder or a file to samples.
        sign: A pattern of file names that only this form has, in its folder.
        folder: Whether it is read by its folder, or by the file that the sign finds.
    """

    read: Callable[[Path], Iterator[Sample]]
    sign: str
    folder: bool = True


def _read_training_shards(place: Path) -> Iterator[Sample]:
    return read_shards([place] if place.is_file() else find_shards(place, "train-*.tar"))


FORMATS: Final[dict[str, Format]] = {
    "webdataset": Format(_read_training_shards, "train-*.tar"),
    "wider": Format(read_wider, "wider_face_*_bbx_gt.txt", folder=False),
    "wider-mat": Format(read_wider, "wider_face_*.mat", folder=False),
    "fddb": Format(read_fddb, "FDDB-fold-*-ellipseList.txt"),
    "voc": Format(read_voc, "*.xml"),
    "coco": Format(read_coco, "*.json", folder=False),
    "labelme": Format(read_labelme, "*.json"),
    "yolo": Format(read_yolo, ""),
}


def read_labelled(place: Path, form: str = "auto") -> Iterator[Sample]:
    """Yield the samples of a folder or a file of labels.

    Raises:
        TrainingError: Nothing there says which form it has, or what is needed of it is missing.
        LabelError: A label cannot be used.
    """
    chosen = FORMATS[guess(place) if form == "auto" else form]
    if not chosen.folder and place.is_dir():
        files = sorted(place.glob(chosen.sign))
        if len(files) != 1:
            count = len(files)
            raise TrainingError(f"{place}: {count} files {chosen.sign} here; give one of them")
        place = files[0]
    return chosen.read(place)


def guess(place: Path) -> str:
    """Name the form of a folder or a file.

    Raises:
        TrainingError: It is none that is known.
    """
    if place.is_file():
        for name, form in FORMATS.items():
            if form.sign and place.match(form.sign) and (not form.folder or name == "webdataset"):
                return name
        if place.suffix == ".tar":
            return "webdataset"
    else:
        for name, form in FORMATS.items():
            if form.sign and any(place.glob(form.sign)):
                return _which_json(place) if name == "coco" else name
        if any(path.suffix.lower() in IMAGE_SUFFIXES for path in place.rglob("*")):
            return "yolo"
    known = ", ".join(FORMATS)
    raise TrainingError(f"{place}: no labels that are known here; name their form: {known}")


def _which_json(folder: Path) -> str:
    """Tell one file for all pictures from a file for each, by what it begins with."""
    first = min(folder.glob("*.json")).read_text("utf-8", errors="replace")
    return "labelme" if '"shapes"' in first else "coco"
