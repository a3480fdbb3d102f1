"""What every anchor of a batch is to predict."""

import math

import torch
from torch import Tensor

from detectors.faceboxes import decode
from training.matching import BACKGROUND, assign, covered
from training.recipe import FaceBoxesRecipe
from training.stream import Batch


def targets(
    batch: Batch, places: Tensor, predicted: Tensor, log_odds: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the box of every anchor (B, N, 4), how sure it is (B, N), and what is ignored (B, N).

    The background has nan for a box, and 0. An anchor is ignored when the box it predicts now, or
    its own, lies on an ignore region.

    Args:
        batch: The labels.
        places: (N, 4) the anchors, cx, cy, w, h, px.
        predicted: (B, N, 4) the boxes that they predict now.
        log_odds: (B, N) of a face, as predicted now.
    """
    corners = decode(torch.zeros_like(places), places)  # (N, 4) xyxy
    truth = torch.full_like(predicted, math.nan)
    sure = torch.zeros_like(log_odds)
    ignored = torch.zeros_like(log_odds, dtype=torch.bool)
    height, width = batch.images.shape[1:3]
    limit = torch.tensor([width, height, width, height], device=predicted.device)
    visible, inside = predicted.clamp(min=0).minimum(limit), corners.clamp(min=0).minimum(limit)
    all_boxes = torch.split(batch.boxes, batch.box_counts)
    all_scores = torch.split(batch.scores, batch.box_counts)
    all_regions = torch.split(batch.ignore, batch.ignore_counts)
    for row, (boxes, scores, regions) in enumerate(
        zip(all_boxes, all_scores, all_regions, strict=True)
    ):
        index = assign(corners, predicted[row], log_odds[row], boxes)
        faces = index != BACKGROUND
        truth[row, faces], sure[row, faces] = boxes[index[faces]], scores[index[faces]]
        ignored[row] = covered(visible[row], regions) | covered(inside, regions)
    return truth, sure, ignored


def class_target(overlap: Tensor, sure: Tensor, faces: Tensor, recipe: FaceBoxesRecipe) -> Tensor:
    """Return the class that is to be predicted for faces (K, 4), 0 to 1.

    Args:
        overlap: (K,) IoU of the predicted boxes with their faces.
        sure: (K,) how likely each is a face.
        faces: (K, 4) x1, y1, x2, y2, px.
        recipe: From which IoU and size they are worth all of that.
    """
    sizes = (faces[:, 2:] - faces[:, :2]).prod(1).sqrt()
    good = (overlap / recipe.full_iou).clamp(max=1)
    return good * sure * (sizes / recipe.worth).clamp(max=1).sqrt()
