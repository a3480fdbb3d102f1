"""Find hard examples in the pictures that a detector learned from, so that it sees them more often.

These are what it gets wrong, and heads turned away or tilted, of which portraits have few and
crowds and videos many.

Reference:
    Sung & Poggio, Example-Based Learning for View-Based Human Face Detection, 1998, IEEE PAMI 20
    (false positives are put among the examples).
    Shrivastava et al., Training Region-based Object Detectors with Online Hard Example Mining,
    2016, arXiv:1604.03540.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from detectors import Detector
from detectors.boxes import iou, suppress
from detectors.suppression import Suppression
from training.augment import Source, face_sizes
from training.datasets import Boxes, Image, Labels, Sample, Samples
from training.errors import TrainingError
from training.metrics.evaluate import resize_to
from training.teach import Teacher, score_at

LONG_SIDES: Final = (320, 640)  # px at which pictures are looked at
SMALLEST: Final = 12.0  # px of an example, as it was looked at
BELIEVED: Final = 0.3  # score of the pupil from which it has taken something for a face
DOUBTED: Final = 0.27  # probability of a face, by the teachers, below which there is none
SURE: Final = 0.67  # and from which there is one
OVERLOOKED: Final = 0.35  # score of the pupil below which it has missed it


class Kind(IntEnum):
    """What is hard about an example."""

    FALSE = 0  # was taken for a face
    MISSED = 1  # is a face, and was not seen
    TURNED = 2  # is a face turned away or tilted


ONCE: Final = Suppression(iou=0.5)
"""What was found at both sizes is one example."""

SHARES: Final = np.array([0.4, 0.15, 0.45])
"""Of the windows around hard examples, by kind."""

_DAMAGE: Final = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)
"""What NumPy raises when a file is not what it should be."""


@dataclass(frozen=True, slots=True, eq=False)
class HardExamples:
    """Places in pictures that are worth another look."""

    pictures: NDArray[np.str_]
    """(K,) the names of the pictures."""
    boxes: Boxes
    """(K, 4) in px of the pictures."""
    kinds: NDArray[np.int64]
    """(K,) what is hard about each, as `Kind`."""

    def save(self, path: Path) -> None:
        """Write them as a NumPy archive."""
        with path.open("wb") as file:
            np.savez(file, pictures=self.pictures, boxes=self.boxes, kinds=self.kinds)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what was saved.

        Raises:
            TrainingError: The file holds something else.
        """
        try:
            with path.open("rb") as file, np.load(file) as stored:
                loaded = cls(stored["pictures"], stored["boxes"], stored["kinds"])
            if not np.isin(loaded.kinds, [*Kind]).all() or loaded.boxes.shape[1:] != (4,):
                raise ValueError("other kinds, or no boxes")
            return loaded
        except _DAMAGE as error:
            message = f"{path} holds no hard examples; `mine` writes such files"
            raise TrainingError(message) from error

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put those of many pictures together."""
        return cls(
            np.concatenate([part.pictures for part in parts]),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.kinds for part in parts]),
        )

    def count(self, kind: Kind) -> int:
        """Count the examples of a kind."""
        return int((self.kinds == kind).sum())


class HardSources:
    """Draws windows around hard examples.

    Raises:
        TrainingError: None of them is in these pictures.
    """

    def __init__(self, samples: Samples, examples: HardExamples) -> None:
        row = {name: index for index, name in enumerate(samples.names.tolist())}
        rows = np.array([row.get(name, -1) for name in examples.pictures.tolist()], np.int64)
        if not (rows >= 0).any():
            raise TrainingError("there are no hard examples in these pictures: `mine` these")
        here = [np.flatnonzero((rows >= 0) & (examples.kinds == kind)) for kind in Kind]
        shares = SHARES * [len(part) > 0 for part in here]
        self._samples, self._rows, self._boxes = samples, rows, examples.boxes
        self._here, self._shares = here, shares / shares.sum()

    def draw(self, rng: Generator) -> Source:
        """Return a picture with a hard example of a kind that `SHARES` chose."""
        chosen = rng.choice(self._here[rng.choice(len(Kind), p=self._shares)])
        aims = Labels(self._boxes[chosen : chosen + 1])
        return Source(self._samples[int(self._rows[chosen])], aims)


def mine(samples: Iterable[Sample], pupil: Detector, teacher: Teacher) -> Iterator[HardExamples]:
    """Yield the hard examples of each picture, kind by kind, by its labels and the teachers' eyes.

    Give it a pupil that tells of scores from `BELIEVED` on.
    """
    for sample in samples:
        views = [_examine(sample, long_side, pupil, teacher) for long_side in LONG_SIDES]
        for kind in Kind:
            boxes = np.concatenate([view[kind] for view in views])
            boxes = boxes[suppress(boxes, np.ones(len(boxes), np.float32), ONCE)]
            names, kinds = np.full(len(boxes), sample.name), np.full(len(boxes), kind, np.int64)
            yield HardExamples(names, boxes, kinds)


def _examine(
    sample: Sample, long_side: int, pupil: Detector, teacher: Teacher
) -> dict[Kind, Boxes]:
    """Return the hard examples (K, 4) of each kind at one size of the picture, in its px."""
    scaled = resize_to(sample, long_side)
    view = _square(scaled.image, long_side)
    (found,), seen = pupil([view]), teacher.look(view)
    labelled = iou(found.boxes, scaled.labels.boxes).max(1, initial=0) > 0.3
    doubted = score_at(found.boxes, seen, 0.3) < DOUBTED
    believed = found.scores >= BELIEVED
    overlooked = score_at(seen.boxes, found, 0.45) < OVERLOOKED
    hard = {
        Kind.FALSE: found.boxes[believed & doubted & ~labelled],
        Kind.MISSED: seen.boxes[(seen.scores >= SURE) & overlooked],
        Kind.TURNED: teacher.find_turned(view),
    }
    back = np.float32(max(sample.image.shape[:2]) / long_side)
    return {kind: _usable(boxes, scaled.image) * back for kind, boxes in hard.items()}


def _square(image: Image, side: int) -> Image:
    """Add black right and below: networks are made ready for each shape, which takes its time."""
    height, width = image.shape[:2]
    return np.pad(image, [(0, side - height), (0, side - width), (0, 0)])


def _usable(boxes: Boxes, image: Image) -> Boxes:
    """Leave out what is small or lies beyond the picture."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = (centres < image.shape[1::-1]).all(1)
    return boxes[inside & (face_sizes(boxes) >= SMALLEST)]
