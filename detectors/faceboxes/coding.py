"""Anchors and the coding of boxes relative to them, as tensors: what training needs.

Reference: SSD, arXiv:1512.02325 (coding).
"""

import torch
from torch import Tensor

from detectors.faceboxes.config import PYTORCH, FaceBoxesConfig
from detectors.faceboxes.layout import CENTRE_VARIANCE, SIZE_VARIANCE, lay_out


def anchors(height: int, width: int, config: FaceBoxesConfig = PYTORCH) -> Tensor:
    """Lay out the anchors of a (padded) picture: (N, 4) float32, cx, cy, w, h in pixels."""
    return torch.from_numpy(lay_out(height, width, config))


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
