"""Draw labelled pictures into one sheet, to look at: boxes green, ignore regions red."""

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
    image = sample.image.copy()
    for boxes, colour in ((sample.labels.ignore, (0, 0, 255)), (sample.labels.boxes, (0, 255, 0))):
        for x1, y1, x2, y2 in boxes.round().astype(int).tolist():
            cv2.rectangle(image, (x1, y1), (x2 - 1, y2 - 1), colour, 1)
    return image
