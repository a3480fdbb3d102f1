"""Decode a set once and keep its pixels in one memory map: random access without a decoder.

Decoding WebP takes longer than all augmentation together, and a run sees every picture dozens of
times. The cache is a plain uint8 file and an index; it is rebuilt when the data change.
"""

import hashlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from training.datasets import Image, Labels, Sample
from training.datasets.formats import read_labelled
from training.errors import TrainingError

logger = logging.getLogger(__name__)

LAYOUT: Final = 2  # of the files; counts up when they change


class PixelCache:
    """A sequence of samples, read from `folder/pixels.u8` and `folder/index.npz`."""

    def __init__(self, folder: Path) -> None:
        with np.load(folder / "index.npz") as index:
            self.names: NDArray[np.str_] = index["names"]
            self._shapes: NDArray[np.int64] = index["shapes"]  # (S, 2) height, width
            self._starts: NDArray[np.int64] = index["starts"]  # (S,) bytes
            self._boxes: NDArray[np.float32] = index["boxes"]
            self._ignore: NDArray[np.float32] = index["ignore"]
            self._scores: NDArray[np.float32] = index["scores"]
            self._box_ends: NDArray[np.int64] = index["box_ends"]  # (S + 1,) rows
            self._ignore_ends: NDArray[np.int64] = index["ignore_ends"]
        sums = np.concatenate([[0], np.cumsum(self._scores, dtype=np.float64)])
        self.face_counts: NDArray[np.float64] = np.diff(sums[self._box_ends])  # likely ones
        self._pixels: NDArray[np.uint8] = np.memmap(folder / "pixels.u8", np.uint8, "r")

        self._folder = folder

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Let another process open the same files instead of receiving the pixels."""
        return type(self), (self._folder,)

    def __len__(self) -> int:
        return len(self.names)

    def __getitem__(self, index: int) -> Sample:
        height, width = self._shapes[index]
        start = self._starts[index]
        image: Image = self._pixels[start : start + height * width * 3].reshape(height, width, 3)
        mine = slice(self._box_ends[index], self._box_ends[index + 1])
        ignore = self._ignore[self._ignore_ends[index] : self._ignore_ends[index + 1]]
        labels = Labels(self._boxes[mine], ignore, self._scores[mine])
        return Sample(str(self.names[index]), image, labels)

    @classmethod
    def of(cls, place: Path, form: str, folder: Path) -> Self:
        """Open the cache of labelled pictures below `folder`, making it first where it is missing.

        Args:
            place: A folder or a file of labels.
            form: A key of `formats.FORMATS`, or `auto`.
            folder: Of all caches; each data set gets one of its own in it.
        """
        mine = folder / hashlib.sha256(f"{place.resolve()} {form}".encode()).hexdigest()[:16]
        stamp = f"{place.resolve()} {form} {LAYOUT}\n{_state(place)}\n"
        stamp_file = mine / "made-of.txt"
        if not stamp_file.exists() or stamp_file.read_text() != stamp:
            logger.info("decoding the pictures of %s into %s", place, mine)
            mine.mkdir(parents=True, exist_ok=True)
            stamp_file.unlink(missing_ok=True)
            write_cache(read_labelled(place, form), mine)
            stamp_file.write_text(stamp)
        return cls(mine)


def _state(place: Path) -> str:
    """Return a hash that changes when a file at, beside or below a place does."""
    folder = place.parent if place.is_file() else place
    lines = [
        f"{path.relative_to(folder)} {state.st_size} {state.st_mtime_ns}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for state in [path.stat()]
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def write_cache(samples: Iterable[Sample], folder: Path) -> None:
    """Write the pixels of all samples to one file, and the index beside it."""
    names, shapes, boxes, ignore, scores = [], [], [], [], []
    with (folder / "pixels.u8").open("wb") as file:
        for sample in samples:
            file.write(np.ascontiguousarray(sample.image).tobytes())
            names.append(sample.name)
            shapes.append(sample.image.shape[:2])
            boxes.append(sample.labels.boxes)
            ignore.append(sample.labels.ignore)
            scores.append(sample.labels.scores)
    if not names:
        raise TrainingError("there is no labelled picture; give a folder that holds some")
    sizes = np.array(shapes, np.int64)
    np.savez(
        folder / "index.npz",
        names=np.array(names),
        shapes=sizes,
        starts=np.cumsum(sizes.prod(1) * 3) - sizes.prod(1) * 3,
        boxes=np.concatenate(boxes),
        ignore=np.concatenate(ignore),
        scores=np.concatenate(scores),
        box_ends=np.cumsum([0, *map(len, boxes)]),
        ignore_ends=np.cumsum([0, *map(len, ignore)]),
    )
