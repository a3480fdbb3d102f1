import pytest
import torch

from detectors.faceboxes import anchors, decode
from training.matching import BACKGROUND, covered, iou, match


@pytest.fixture(scope="module")
def corners():
    places = anchors(256, 256)
    return decode(torch.zeros_like(places), places)


def test_iou_of_known_boxes():
    first = torch.tensor([[0.0, 0, 10, 10]])
    second = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]])
    torch.testing.assert_close(iou(first, second), torch.tensor([[1.0, 1 / 3, 0.0]]))


def test_no_face_leaves_all_to_the_background(corners):
    assert (match(corners, torch.zeros(0, 4), 0.35, 6) == BACKGROUND).all()


def test_well_fitting_anchors_answer(corners):
    box = corners[40:41]
    index = match(corners, box, 0.35, 1)
    assert torch.equal(index == 0, iou(box, corners)[0] >= 0.35)


def test_small_face_gets_its_best_anchors_though_none_fits(corners):
    box = torch.tensor([[101.0, 101, 112, 112]])
    index = match(corners, box, 0.35, 6)
    assert int((index == 0).sum()) == 6
    middles = (corners[index == 0, :2] + corners[index == 0, 2:]) / 2
    assert (middles - 106.5).abs().max() < 20  # the anchors around it


def test_every_face_of_a_crowd_gets_an_anchor(corners):
    x, y = torch.meshgrid(torch.arange(20.0, 230, 16), torch.arange(20.0, 230, 16), indexing="xy")
    boxes = torch.stack([x, y, x + 12, y + 12], -1).reshape(-1, 4)
    index = match(corners, boxes, 0.35, 6)
    assert set(range(len(boxes))) <= set(index.tolist())


def test_shared_anchor_goes_to_the_face_it_fits_better(corners):
    box = corners[40]
    worse = box + torch.tensor([4.0, 0, 4, 0])
    assert match(corners, torch.stack([worse, box]), 0.35, 1)[40] == 1


def test_covered_is_inside_or_alike():
    region = torch.tensor([[0.0, 0, 100, 100]])
    boxes = torch.tensor([[10.0, 10, 20, 20], [95, 0, 115, 20], [0, 0, 120, 120], [200, 0, 210, 9]])
    assert covered(boxes, region).tolist() == [True, False, True, False]
    assert not covered(boxes, torch.zeros(0, 4)).any()
