"""Read 100 WIDER FACE validation pictures stored at 416 x 416, with the three levels' faces.

For measuring only, never for training. Their own aspect ratio is restored here.

Reference:
    Yang et al., WIDER FACE, 2016, arXiv:1511.06523.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from training.datasets import Labels, Sample
from training.errors import LabelError, TrainingError

LEVELS = ("easy", "medium", "hard")


@dataclass(frozen=True, slots=True, eq=False)
class LevelledSample:
    """A picture and, for each level, which of its M faces count: (M,) bool."""

    sample: Sample
    counts: dict[str, NDArray[np.bool_]]


def read_wider100(folder: Path, long_side: int) -> Iterator[LevelledSample]:
    """Yield every picture at a long side of so many px.

    Raises:
        TrainingError: The folder holds no `gt.json`.
        LabelError: A picture is missing or cannot be decoded.
    """
    path = folder / "gt.json"
    if not path.exists():
        raise TrainingError(f"{path} is missing; give the folder of the 100 WIDER FACE pictures")
    for record in json.loads(path.read_text()):
        image = cv2.imread(str(folder / "images" / record["file"]))
        if image is None:
            raise LabelError(path, f"sample {record['file']!r}", "the picture cannot be read")
        scale = long_side / max(record["width"], record["height"])
        size = (round(record["width"] * scale), round(record["height"] * scale))
        upright = np.asarray(cv2.resize(image, size), np.uint8)
        x, y, w, h = np.array(record["boxes_xywh"], np.float32).reshape(-1, 4).T
        boxes = np.stack([x, y, x + w, y + h], 1) * np.float32(scale)
        counts = {level: np.isin(np.arange(len(boxes)), record[level]) for level in LEVELS}
        yield LevelledSample(Sample(record["file"], upright, Labels(boxes)), counts)
