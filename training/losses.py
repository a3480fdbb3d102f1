"""Losses over anchors.

Reference:
    Li et al., Generalized Focal Loss, 2020, arXiv:2006.04388 (quality focal loss).
    Zheng et al., Distance-IoU Loss, 2020, arXiv:1911.08287.
    Cao et al., PKD, 2022, arXiv:2207.02039, equation 4 (correlation of maps).
"""

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

LEAST_EXTENT: Final = 1e-6  # product of two sums of squares, from which they are not rounding


def quality_focal(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy weighted by the squared error of the probability: (N,), (N,) -> (N,).

    The target of a face is the IoU of the predicted box, so that the score ranks boxes by how
    right they are: -|y - p|^2 (y log p + (1 - y) log(1 - p)).
    """
    weight = (targets - logits.sigmoid()).detach().square()
    return weight * F.binary_cross_entropy_with_logits(logits, targets, reduction="none")


def unlikeness(given: Tensor, wanted: Tensor) -> Tensor:
    """Compare values (..., C) channel by channel: 1 - correlation, the mean over channels.

    A channel that is the same everywhere tells nothing and does not count.
    """
    centred = [values.flatten(0, -2).float() for values in (given, wanted)]
    centred = [values - values.mean(0) for values in centred]
    common = (centred[0] * centred[1]).sum(0)
    extent = centred[0].square().sum(0) * centred[1].square().sum(0)
    telling = extent > LEAST_EXTENT
    likeness = (common[telling] / extent[telling].sqrt()).sum() / telling.sum().clamp(min=1)
    return 1 - likeness


def distance_iou(boxes: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Compare boxes with their targets, x1, y1, x2, y2 (N, 4): the loss (N,) and the IoU (N,).

    1 - IoU + d^2 / c^2; d between the centres, c the diagonal of the smallest box around both.
    """
    low, high = torch.maximum(boxes, targets), torch.minimum(boxes, targets)
    common = (high[:, 2:] - low[:, :2]).clamp(min=0).prod(-1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(-1) + (targets[:, 2:] - targets[:, :2]).prod(-1)
    overlap = common / (areas - common)
    diagonal = (low[:, 2:] - high[:, :2]).square().sum(-1)
    shift = (boxes[:, :2] + boxes[:, 2:] - targets[:, :2] - targets[:, 2:]) / 2
    return 1 - overlap + shift.square().sum(-1) / diagonal, overlap.detach()
