import pytest
import torch

from training.losses import distance_iou, quality_focal, unlikeness


def test_quality_focal_vanishes_where_score_equals_quality():
    quality = torch.tensor([0.2, 0.7, 0.99])
    assert quality_focal(torch.logit(quality), quality).abs().max() < 1e-6


def test_quality_focal_of_a_background_anchor():
    logit = torch.tensor([0.0])
    expected = 0.5**2 * torch.log(torch.tensor(2.0))
    torch.testing.assert_close(quality_focal(logit, torch.zeros(1))[0], expected)


def test_distance_iou_of_equal_boxes_is_zero():
    boxes = torch.tensor([[3.0, 4, 13, 24]])
    loss, overlap = distance_iou(boxes, boxes.clone())
    assert loss.item() == pytest.approx(0)
    assert overlap.item() == pytest.approx(1)


def test_distance_iou_of_apart_boxes_by_hand():
    loss, overlap = distance_iou(
        torch.tensor([[0.0, 0, 10, 10]]), torch.tensor([[20.0, 0, 30, 10]])
    )
    assert overlap.item() == 0
    assert loss.item() == pytest.approx(1 + 20**2 / (30**2 + 10**2))


def test_maps_are_alike_whatever_their_scale_and_origin():
    maps = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(1))
    assert unlikeness(maps, 7 * maps - 3).item() == pytest.approx(0, abs=1e-5)
    assert unlikeness(maps, -maps).item() == pytest.approx(2, abs=1e-5)


def test_a_channel_that_tells_nothing_does_not_count():
    maps = torch.randn(2, 3, 4, 2, generator=torch.Generator().manual_seed(1))
    wanted = torch.stack([maps[..., 0], torch.full((2, 3, 4), 5.0)], -1)
    assert unlikeness(maps, wanted).item() == pytest.approx(0, abs=1e-5)
    assert unlikeness(maps, torch.zeros_like(maps)).isfinite()
