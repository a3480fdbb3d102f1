"""Which anchor answers for which face, and which anchors are asked nothing.

Reference:
    Ge et al., OTA, 2021, arXiv:2103.14259; YOLOX, 2021, arXiv:2107.08430, section 2.1 (SimOTA).
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

BACKGROUND: Final = -1
MOST_ANCHORS: Final = 10  # that one face may have
IOU_COST: Final = 3.0  # against the cost of the class
REACH: Final = 1.25  # sides of an anchor from its centre to that of a face that it may answer for


def assign(anchors: Tensor, predicted: Tensor, log_odds: Tensor, boxes: Tensor) -> Tensor:
    """Give every anchor the face that it predicts best, or none: (N,) index, or `BACKGROUND`.

    A face gets as many anchors as the IoUs of its ten best predictions add up to, those of least
    cost: -log(probability) - 3 log(IoU). An anchor takes part if its centre lies in the face or
    near its middle; one that several faces ask for goes to the one it costs least.

    Args:
        anchors: (N, 4) x1, y1, x2, y2, px.
        predicted: (N, 4) the boxes that they predict now.
        log_odds: (N,) of a face, as predicted now.
        boxes: (M, 4) true faces.
    """
    if len(boxes) == 0:
        return torch.full((len(anchors),), BACKGROUND, device=anchors.device)
    centres = (anchors[:, :2] + anchors[:, 2:]) / 2
    inside = ((centres > boxes[:, None, :2]) & (centres < boxes[:, None, 2:])).all(-1)  # (M, N)
    allowed = inside | (_offset(boxes, anchors) < REACH)
    overlap = iou(boxes, predicted) * allowed
    cost = F.softplus(-log_odds) - IOU_COST * torch.log(overlap + 1e-7)
    cost = cost.masked_fill(~allowed, torch.inf)
    few = min(MOST_ANCHORS, len(anchors))
    wanted = overlap.topk(few, 1).values.sum(1).int().clamp(min=1)  # (M,)
    best = cost.topk(few, 1, largest=False)  # (M, few)
    taken = (torch.arange(few, device=cost.device) < wanted[:, None]) & best.values.isfinite()
    chosen = torch.full_like(cost, torch.inf).scatter(
        1, best.indices, best.values.masked_fill(~taken, torch.inf)
    )
    least, index = chosen.min(0)  # (N,)
    return torch.where(least.isfinite(), index, BACKGROUND)


def covered(boxes: Tensor, regions: Tensor) -> Tensor:
    """Tell which boxes (N, 4) show what a region (M, 4) shows: more than half inside, or alike."""
    if len(regions) == 0:
        return torch.zeros(len(boxes), dtype=torch.bool, device=boxes.device)
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
