"""Draw labelled pictures into one sheet, to look at.

Boxes are green, doubtful ones yellow; ignore regions are red.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from training.datasets import Image, Sample


def draw_sheet(samples: Sequence[Sample], columns: int) -> Image:
    """Lay samples of one size out in rows: (rows * H, columns * W, 3) BGR."""
    tiles = [draw_labels(sample) for sample in samples]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    return np.vstack(rows)


def draw_labels(sample: Sample) -> Image:
    """Draw the labels of one sample onto a copy of its picture."""
    image, labels = sample.image.copy(), sample.labels
    sure = (255 * labels.scores).astype(int).tolist()
    shades = [(0, 0, 255)] * len(labels.ignore) + [(0, 255, 255 - share) for share in sure]
    boxes = np.concatenate([labels.ignore, labels.boxes]).round().astype(int).tolist()
    for (x1, y1, x2, y2), shade in zip(boxes, shades, strict=True):
        cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), shade, 1)
    return image
