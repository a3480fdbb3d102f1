"""Find what a detector gets wrong in the pictures it learned from, so that it sees that more often.

Reference:
    Sung & Poggio, Example-Based Learning for View-Based Human Face Detection, 1998, IEEE PAMI 20
    (false positives are put among the examples).
    Shrivastava et al., Training Region-based Object Detectors with Online Hard Example Mining,
    2016, arXiv:1604.03540.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from detectors import Detections, Detector
from detectors.boxes import iou
from training.augment import Source, face_sizes
from training.datasets import Boxes, Image, Labels, Sample, Samples
from training.errors import TrainingError
from training.metrics.evaluate import resize_to
from training.teach import Teacher, score_at
from training.teachers import fill_up

LONG_SIDES: Final = (320, 640)  # px at which pictures are looked at
SMALLEST: Final = 12.0  # px of a mistake, as it was looked at
FALSE: Final = 0.3  # score of the pupil from which a false positive counts
DOUBTED: Final = 0.38  # score of the teacher below which it sees no face there
SURE: Final = 0.5  # score of the teacher from which there is a face
MISSED: Final = 0.35  # score of the pupil below which it has missed it
MISSED_SHARE: Final = 0.35  # of the mistakes that are drawn

_DAMAGE: Final = (OSError, EOFError, ValueError, KeyError, TypeError, zipfile.BadZipFile)
"""What NumPy raises when a file is not what it should be."""


@dataclass(frozen=True, slots=True, eq=False)
class Mistakes:
    """What was taken for a face, and faces that were missed."""

    pictures: NDArray[np.str_]
    """(K,) the names of the pictures."""
    boxes: Boxes
    """(K, 4) in px of the pictures."""
    missed: NDArray[np.bool_]
    """(K,) whether it is a face."""

    def save(self, path: Path) -> None:
        """Write them as a NumPy archive."""
        with path.open("wb") as file:
            np.savez(file, pictures=self.pictures, boxes=self.boxes, missed=self.missed)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what was saved.

        Raises:
            TrainingError: The file holds something else.
        """
        try:
            with path.open("rb") as file, np.load(file) as stored:
                return cls(stored["pictures"], stored["boxes"], stored["missed"])
        except _DAMAGE as error:
            raise TrainingError(f"{path} holds no mistakes; `mine` writes such files") from error


class MistakenSources:
    """Draws windows around mistakes.

    Raises:
        TrainingError: None of them is in these pictures.
    """

    def __init__(self, samples: Samples, mistakes: Mistakes) -> None:
        row = {name: index for index, name in enumerate(samples.names.tolist())}
        rows = np.array([row.get(name, -1) for name in mistakes.pictures.tolist()], np.int64)
        here = rows >= 0
        if not here.any():
            raise TrainingError("none of the mistakes is in these pictures: `mine` them anew")
        self._samples = samples
        self._kinds = [
            (rows[chosen], mistakes.boxes[chosen])
            for chosen in (here & ~mistakes.missed, here & mistakes.missed)
        ]

    def draw(self, rng: Generator) -> Source:
        """Return a picture with a mistake, a missed face as often as `MISSED_SHARE` says."""
        kind = int(rng.random() < MISSED_SHARE)
        rows, boxes = self._kinds[kind if len(self._kinds[kind][0]) else 1 - kind]
        chosen = int(rng.integers(len(rows)))
        return Source(self._samples[int(rows[chosen])], Labels(boxes[chosen : chosen + 1]))


def mine(samples: Iterable[Sample], pupil: Detector, teacher: Teacher) -> Iterator[Mistakes]:
    """Yield what the pupil gets wrong in each picture, by its labels and the teacher's eyes.

    Give it a pupil that tells of scores from `FALSE` on.
    """
    for sample in samples:
        views = [_compare(sample, long_side, pupil, teacher) for long_side in LONG_SIDES]
        boxes = np.concatenate([part for view in views for part in view])
        missed = np.concatenate([[kind] * len(view[kind]) for view in views for kind in (0, 1)])
        yield Mistakes(np.array([sample.name] * len(boxes), np.str_), boxes, missed.astype(bool))


def _compare(
    sample: Sample, long_side: int, pupil: Detector, teacher: Teacher
) -> tuple[Boxes, Boxes]:
    """Return the false positives (K, 4) and the missed faces (M, 4) at one size."""
    scaled = resize_to(sample, long_side)
    view: Image = fill_up(scaled.image)
    (found,), seen = pupil([view]), teacher.look(view)
    back = np.float32(max(sample.image.shape[:2]) / long_side)
    labelled = iou(found.boxes, scaled.labels.boxes).max(1, initial=0) > 0.3
    doubted = score_at(found.boxes, seen, 0.3) < DOUBTED
    false = (found.scores >= FALSE) & doubted & ~labelled & _large(found)
    missed = (seen.scores >= SURE) & (score_at(seen.boxes, found, 0.45) < MISSED) & _large(seen)
    return found.boxes[false] * back, seen.boxes[missed] * back


def _large(found: Detections) -> NDArray[np.bool_]:
    return face_sizes(found.boxes) >= SMALLEST


def join(parts: Iterable[Mistakes]) -> Mistakes:
    """Put the mistakes of many pictures together."""
    all_parts = list(parts)
    return Mistakes(
        np.concatenate([part.pictures for part in all_parts]),
        np.concatenate([part.boxes for part in all_parts]),
        np.concatenate([part.missed for part in all_parts]),
    )
