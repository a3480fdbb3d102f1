"""Densified anchors, and the coding of boxes relative to them.

Reference: arXiv:1708.05234, section 3.3 (densification); SSD, arXiv:1512.02325 (coding).
"""

from typing import Final

import torch
from torch import Tensor

from detectors.faceboxes.config import LEVELS, PYTORCH, AnchorLevel, FaceBoxesConfig

CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2


def anchors(height: int, width: int, config: FaceBoxesConfig = PYTORCH) -> Tensor:
    """Lay out the anchors of a (padded) picture: (N, 4) float32, cx, cy, w, h in pixels."""
    boxes = torch.cat([_level_anchors(level, height, width, config) for level in LEVELS])
    return _clip_centred(boxes, height, width) if config.clip_anchors else boxes


def decode(loc: Tensor, anchors: Tensor) -> Tensor:
    """Turn offsets (..., 4) into boxes x1, y1, x2, y2 in the unit of the anchors (..., 4)."""
    size = anchors[..., 2:] * torch.exp(loc[..., 2:] * SIZE_VARIANCE)
    corner = anchors[..., :2] + loc[..., :2] * CENTRE_VARIANCE * anchors[..., 2:] - size / 2
    return torch.cat([corner, corner + size], -1)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Turn boxes x1, y1, x2, y2 (..., 4) into offsets from the anchors: the inverse of `decode`."""
    size = boxes[..., 2:] - boxes[..., :2]
    centre = boxes[..., :2] + size / 2
    shift = (centre - anchors[..., :2]) / (CENTRE_VARIANCE * anchors[..., 2:])
    return torch.cat([shift, torch.log(size / anchors[..., 2:]) / SIZE_VARIANCE], -1)


def _level_anchors(level: AnchorLevel, height: int, width: int, config: FaceBoxesConfig) -> Tensor:
    """Repeat the anchors of one cell over a map, row by row: (rows * columns * per_cell, 4)."""
    rows, columns = -(-height // level.stride), -(-width // level.stride)
    y, x = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    cells = torch.stack([x, y, 0 * x, 0 * y], -1) * level.stride  # (rows, columns, 4)
    return (cells[:, :, None] + _cell_anchors(level, config)).reshape(-1, 4)


def _cell_anchors(level: AnchorLevel, config: FaceBoxesConfig) -> Tensor:
    """Lay out the anchors of the cell at the origin: (per_cell, 4)."""
    rows = []
    for size, n in level.sizes:
        steps = _steps(size, n, level.stride, config)
        if config.anchors == "spread":
            rows += [(x, y, size, size) for x in steps for y in steps]
        else:
            rows += [(x, y, size, size) for y in steps for x in steps]
    return torch.tensor(rows, dtype=torch.float32)


def _steps(size: int, n: int, stride: int, config: FaceBoxesConfig) -> list[float]:
    """Place n anchors of one size along a cell's side: offsets of their centres in pixels."""
    step = size / n if config.anchors == "spread" else stride / n
    start = 0.0 if config.anchors == "corner" and n > 1 else (stride - (n - 1) * step) / 2
    return [start + k * step for k in range(n)]


def _clip_centred(boxes: Tensor, height: int, width: int) -> Tensor:
    """Cut boxes cx, cy, w, h (N, 4) off at the border of the picture."""
    limit = torch.tensor([width, height], dtype=torch.float32)
    low = (boxes[:, :2] - boxes[:, 2:] / 2).clamp(min=0)
    high = torch.minimum(boxes[:, :2] + boxes[:, 2:] / 2, limit)
    return torch.cat([(low + high) / 2, high - low], 1)
