"""Read WIDER FACE: the official text file or .mat, and its pictures.

Faces marked invalid become ignore regions; boxes without an area, of which the official files hold
some, are left out.

Reference:
    Yang et al., WIDER FACE: A Face Detection Benchmark, 2016, arXiv:1511.06523; readme.txt of
    wider_face_split.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from training.datasets import Labels, Sample
from training.datasets.boxes import gather, parse_box, read_picture
from training.errors import LabelError, TrainingError

INVALID: Final = 7  # its column after x, y, w, h, blur, expression, illumination


def read_wider(file: Path) -> Iterator[Sample]:
    """Yield the pictures of `wider_face_*_bbx_gt.txt` or `wider_face_*.mat`.

    Raises:
        TrainingError: There is no folder of pictures near the file.
        LabelError: The file is not in this form, or a picture is missing.
    """
    pictures = _find_pictures(file)
    groups = _read_mat(file) if file.suffix == ".mat" else _read_text(file)
    for name, place, rows in groups:
        image = read_picture(pictures / name, file, place)
        boxes = rows[(rows[:, 2:4] > 0).all(1)]
        parsed = [parse_box([x, y, x + w, y + h], image, file, place) for x, y, w, h, _ in boxes]
        valid = boxes[:, 4] == 0
        kept = gather([box for box, good in zip(parsed, valid, strict=True) if good])
        ignored = gather([box for box, good in zip(parsed, valid, strict=True) if not good])
        yield Sample(name, image, Labels(kept, ignored))


def _find_pictures(file: Path) -> Path:
    """Return the folder of event folders: `images`, beside the file or below WIDER_*."""
    kind = "train" if "train" in file.name else "val"
    for folder in (file.parent, file.parent.parent):
        for place in (folder / "images", folder / f"WIDER_{kind}" / "images"):
            if place.is_dir():
                return place
    raise TrainingError(f"{file}: no folder `images` or `WIDER_{kind}/images` beside or above it")


Group = tuple[str, str, NDArray[np.float64]]
"""Picture, where it stands in the file, and rows x, y, w, h, invalid (N, 5)."""


def _read_text(file: Path) -> Iterator[Group]:
    lines = file.read_text("utf-8").splitlines()
    place = 0
    while place < len(lines):
        name, line = lines[place].strip(), f"line {place + 1}"
        try:
            count = int(lines[place + 1])
        except (IndexError, ValueError) as error:
            raise LabelError(file, f"line {place + 2}", "is not a number of faces") from error
        first = place + 2
        place = first + max(count, 1)  # a picture without faces has one row of zeros
        rows = [_numbers(file, lines, number) for number in range(first, first + count)]
        yield name, line, np.array(rows, np.float64).reshape(-1, 5)


def _numbers(file: Path, lines: list[str], number: int) -> list[float]:
    try:
        numbers = [float(word) for word in lines[number].split()]
        return [*numbers[:4], numbers[INVALID]]
    except (IndexError, ValueError) as error:
        raise LabelError(file, f"line {number + 1}", "is not a row of 10 numbers") from error


def _read_mat(file: Path) -> Iterator[Group]:
    try:
        table = loadmat(file)
        columns = [table[f"{n}_list"] for n in ("event", "file", "face_bbx", "invalid_label")]
    except (OSError, KeyError, ValueError) as error:
        raise LabelError(file, "the whole file", f"is not WIDER FACE's .mat ({error})") from error
    for event, files, boxes, invalid in zip(*columns, strict=True):
        for one, faces, flags in zip(files[0], boxes[0], invalid[0], strict=True):
            name = f"{event[0][0]}/{one[0][0]}.jpg"
            rows = np.column_stack([faces[0].astype(np.float64), flags[0].astype(np.float64)])
            yield name, name, rows
