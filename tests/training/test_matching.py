import pytest
import torch

from detectors.faceboxes import anchors, decode
from training.matching import BACKGROUND, MOST_ANCHORS, assign, covered, iou


@pytest.fixture(scope="module")
def corners():
    places = anchors(256, 256)
    return decode(torch.zeros_like(places), places)


def test_iou_of_known_boxes():
    first = torch.tensor([[0.0, 0, 10, 10]])
    second = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 0, 20, 10]])
    torch.testing.assert_close(iou(first, second), torch.tensor([[1.0, 1 / 3, 0.0]]))


def assign_untrained(corners, boxes):
    return assign(corners, corners, torch.full((len(corners),), -4.6), boxes)


def test_no_face_leaves_all_to_the_background(corners):
    assert (assign_untrained(corners, torch.zeros(0, 4)) == BACKGROUND).all()


def test_a_face_gets_the_anchors_that_overlap_it_most(corners):
    box = corners[40:41]
    index = assign_untrained(corners, box)
    overlap = iou(box, corners)[0]
    count = int((index == 0).sum())
    assert 1 <= count <= MOST_ANCHORS
    assert index[40] == 0
    assert overlap[index == 0].min() >= overlap.sort(descending=True).values[count - 1] - 1e-6


def test_an_anchor_that_predicts_the_face_is_preferred(corners):
    box = torch.tensor([[100.0, 100, 132, 132]])
    predicted = corners.clone()
    near = int(iou(box, corners)[0].argmax())
    predicted[near] = box
    index = assign(corners, predicted, torch.full((len(corners),), -4.6), box)
    assert index[near] == 0


def test_small_face_gets_an_anchor_though_none_fits(corners):
    box = torch.tensor([[101.0, 101, 112, 112]])
    index = assign_untrained(corners, box)
    assert (index == 0).any()
    middles = (corners[index == 0, :2] + corners[index == 0, 2:]) / 2
    assert (middles - 106.5).abs().max() < 20  # the anchors around it


def test_faces_of_a_row_get_an_anchor_each(corners):
    x = torch.arange(20.0, 230, 32)
    boxes = torch.stack([x, x, x + 24, x + 24], -1)
    index = assign_untrained(corners, boxes)
    assert set(range(len(boxes))) <= set(index.tolist())


def test_shared_anchor_goes_to_the_face_it_fits_better(corners):
    box = corners[40]
    worse = box + torch.tensor([4.0, 0, 4, 0])
    assert assign_untrained(corners, torch.stack([worse, box]))[40] == 1


def test_covered_is_inside_or_alike():
    region = torch.tensor([[0.0, 0, 100, 100]])
    boxes = torch.tensor([[10.0, 10, 20, 20], [95, 0, 115, 20], [0, 0, 120, 120], [200, 0, 210, 9]])
    assert covered(boxes, region).tolist() == [True, False, True, False]
    assert not covered(boxes, torch.zeros(0, 4)).any()
