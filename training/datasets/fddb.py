"""Read FDDB: ellipses of its folds, as the upright boxes around them.

Reference:
    Jain & Learned-Miller, FDDB: A Benchmark for Face Detection in Unconstrained Settings, 2010,
    technical report UM-CS-2010-009.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from training.datasets import Labels, Sample
from training.datasets.boxes import parse_boxes, read_picture
from training.errors import LabelError, TrainingError
from training.metrics.fddb import Ellipses, read_truth


def read_fddb(folds: Path) -> Iterator[Sample]:
    """Yield the pictures of a folder FDDB-folds; they lie in `originalPics` or beside it.

    Raises:
        TrainingError: There are no pictures near the folds.
        LabelError: A fold is not in its form, or a picture is missing.
    """
    places = (folds / "originalPics", folds.parent / "originalPics", folds.parent)
    for name, ellipses in read_truth(folds).items():
        pictures = next((p for p in places if (p / f"{name}.jpg").is_file()), None)
        if pictures is None:
            raise TrainingError(f"{folds}: no picture {name}.jpg in originalPics or beside it")
        image = read_picture(pictures / f"{name}.jpg", folds, name)
        height, width = image.shape[:2]
        try:
            boxes = parse_boxes(surround(ellipses).tolist(), width, height)
        except ValueError as error:
            raise LabelError(folds, name, str(error)) from error
        yield Sample(name, image, Labels(boxes))


def surround(ellipses: Ellipses) -> Ellipses:
    """Return the upright boxes around ellipses (N, 5): x1, y1, x2, y2 (N, 4).

    An ellipse with half axes a, b turned by t reaches sqrt(a^2 cos^2 t + b^2 sin^2 t) sideways.
    """
    major, minor, angle, x, y = ellipses.T
    across = np.hypot(major * np.cos(angle), minor * np.sin(angle))
    down = np.hypot(major * np.sin(angle), minor * np.cos(angle))
    return np.stack([x - across, y - down, x + across, y + down], 1)
