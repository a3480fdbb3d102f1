"""Densified anchors, and the boxes that offsets from them mean.

Reference: arXiv:1708.05234, section 3.3 (densification); SSD, arXiv:1512.02325 (offsets).
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors.faceboxes.config import AnchorLevel, FaceBoxesConfig

CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2

Boxes = NDArray[np.float32]


def lay_out(height: int, width: int, config: FaceBoxesConfig) -> Boxes:
    """Lay out the anchors of a (padded) picture: (N, 4) cx, cy, w, h in pixels."""
    boxes = np.concatenate(
        [_level_anchors(level, height, width, config) for level in config.levels]
    )
    return _clip_centred(boxes, height, width) if config.clip_anchors else boxes


def place(offsets: Boxes, anchors: Boxes) -> Boxes:
    """Turn offsets (..., 4) into boxes x1, y1, x2, y2 in the unit of the anchors (..., 4)."""
    size = anchors[..., 2:] * np.exp(offsets[..., 2:] * np.float32(SIZE_VARIANCE))
    shift = offsets[..., :2] * np.float32(CENTRE_VARIANCE) * anchors[..., 2:]
    corner = anchors[..., :2] + shift - size / 2
    return np.concatenate([corner, corner + size], -1)


def _level_anchors(level: AnchorLevel, height: int, width: int, config: FaceBoxesConfig) -> Boxes:
    """Repeat the anchors of one cell over a map, row by row: (rows * columns * per_cell, 4)."""
    rows, columns = -(-height // level.stride), -(-width // level.stride)
    y, x = np.mgrid[:rows, :columns]
    cells = np.stack([x, y, 0 * x, 0 * y], -1) * np.float32(level.stride)  # (rows, columns, 4)
    boxes = cells[:, :, None] + _cell_anchors(level, config)  # (rows, columns, per_cell, 4)
    return boxes.reshape(-1, 4).astype(np.float32)


def _cell_anchors(level: AnchorLevel, config: FaceBoxesConfig) -> Boxes:
    """Lay out the anchors of the cell at the origin: (per_cell, 4)."""
    rows = []
    for size, n in level.sizes:
        steps = _steps(size, n, level.stride, config)
        if config.anchors == "spread":
            rows += [(x, y, size, size) for x in steps for y in steps]
        else:
            rows += [(x, y, size, size) for y in steps for x in steps]
    return np.array(rows, np.float32)


def _steps(size: int, n: int, stride: int, config: FaceBoxesConfig) -> list[float]:
    """Place n anchors of one size along a cell's side: offsets of their centres in pixels."""
    step = size / n if config.anchors == "spread" else stride / n
    start = 0.0 if config.anchors == "corner" and n > 1 else (stride - (n - 1) * step) / 2
    return [start + k * step for k in range(n)]


def _clip_centred(boxes: Boxes, height: int, width: int) -> Boxes:
    """Cut boxes cx, cy, w, h (N, 4) off at the border of the picture."""
    low = np.maximum(boxes[:, :2] - boxes[:, 2:] / 2, 0)
    high = np.minimum(boxes[:, :2] + boxes[:, 2:] / 2, np.array([width, height], np.float32))
    return np.concatenate([(low + high) / 2, high - low], 1)
