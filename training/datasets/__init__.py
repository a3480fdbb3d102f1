"""Readers of labelled pictures: every reader yields `Sample` records."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]


def no_boxes() -> Boxes:
    """Return zero boxes, shape (0, 4)."""
    return np.zeros((0, 4), np.float32)


def _not_given() -> Scores:
    return np.zeros(0, np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Labels:
    """True boxes of one picture and the regions that count neither way.

    Attributes:
        boxes: (N, 4) x1 y1 x2 y2 in pixels, right and bottom exclusive.
        ignore: (M, 4) regions in which nothing is right or wrong.
        scores: (N,) how likely each box is a face, 0 to 1; certain where nothing is given.
    """

    boxes: Boxes = field(default_factory=no_boxes)
    ignore: Boxes = field(default_factory=no_boxes)
    scores: Scores = field(default_factory=_not_given)

    def __post_init__(self) -> None:
        for boxes in (self.boxes, self.ignore):
            if boxes.ndim != 2 or boxes.shape[1] != 4:
                raise ValueError(f"{boxes.shape = }, expected (N, 4)")
        if not len(self.scores):
            object.__setattr__(self, "scores", np.ones(len(self.boxes), np.float32))
        if self.scores.shape != (len(self.boxes),):
            raise ValueError(f"{self.scores.shape = }, {self.boxes.shape = }")


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One labelled picture: (H, W, 3) uint8 BGR and its labels."""

    name: str
    image: Image
    labels: Labels

    def __post_init__(self) -> None:
        if self.image.ndim != 3 or self.image.shape[2] != 3:
            raise ValueError(f"{self.image.shape = }, expected (H, W, 3)")


class Samples(Protocol):
    """Pictures that can be had by number.

    Attributes:
        names: (S,) of the pictures.
        face_counts: (S,) how many faces each has, by their scores.
    """

    names: NDArray[np.str_]
    face_counts: NDArray[np.float64]

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Sample: ...
