"""Which anchor answers for which face, and which anchors are asked nothing.

Reference:
    Zhang et al., FaceBoxes, 2017, arXiv:1708.05234, section 3.4 (IoU above 0.35, and the best
    anchor of every face).
    Zhang et al., S3FD, 2017, arXiv:1708.05237, section 3.2 (small faces overlap no anchor well:
    they get their few best anchors all the same).
"""

from typing import Final

import torch
from torch import Tensor

BACKGROUND: Final = -1


def match(anchors: Tensor, boxes: Tensor, threshold: float, at_least: int) -> Tensor:
    """Give every anchor a face or none: (N,) index of the face, or `BACKGROUND`.

    Args:
        anchors: (N, 4) x1, y1, x2, y2, px.
        boxes: (M, 4) true faces, likewise.
        threshold: An anchor with this IoU or more answers for the face.
        at_least: Anchors that a face gets even below the threshold, the best first.
    """
    if len(boxes) == 0:
        return torch.full((len(anchors),), BACKGROUND)
    overlap = iou(boxes, anchors)  # (M, N)
    rank = overlap - 0.01 * _offset(boxes, anchors)  # anchors around a small face tie in IoU
    best = rank.topk(min(at_least, len(anchors)), 1).indices  # (M, K)
    allowed = (overlap >= threshold).scatter(1, best, True) & (overlap > 0)
    quality, index = rank.masked_fill(~allowed, -torch.inf).max(0)  # (N,)
    index[quality == -torch.inf] = BACKGROUND
    index[best[:, 0]] = torch.arange(len(boxes))
    return index


def covered(boxes: Tensor, regions: Tensor) -> Tensor:
    """Tell which boxes (N, 4) show what a region (M, 4) shows: more than half inside, or alike."""
    if len(regions) == 0:
        return torch.zeros(len(boxes), dtype=torch.bool)
    common = _intersection(boxes, regions)  # (N, M)
    own, theirs = _area(boxes)[:, None], _area(regions)[None]
    similar = common > 0.3 * (own + theirs - common)
    return ((common > 0.5 * own) | similar).any(1)


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Return the intersection over union of every pair: (M, 4), (N, 4) -> (M, N)."""
    common = _intersection(first, second)
    return common / (_area(first)[:, None] + _area(second)[None] - common)


def _offset(first: Tensor, second: Tensor) -> Tensor:
    """Return the distance of the centres of every pair, in sides of the second: (M, N)."""
    centres = ((first[:, None, :2] + first[:, None, 2:]) - (second[:, :2] + second[:, 2:])) / 2
    return centres.abs().amax(-1) / _area(second).sqrt()


def _intersection(first: Tensor, second: Tensor) -> Tensor:
    low = torch.maximum(first[:, None, :2], second[None, :, :2])
    high = torch.minimum(first[:, None, 2:], second[None, :, 2:])
    return (high - low).clamp(min=0).prod(-1)


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(-1)
