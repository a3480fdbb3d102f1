import numpy as np
import pytest
import torch

from detectors.faceboxes import anchors, decode
from training.datasets import Labels, Sample
from training.recipe import FaceBoxesRecipe
from training.stream import collate
from training.targets import class_target, targets
from training.teach import Lesson


def test_ignore_region_silences_the_anchors_on_it():
    region = Labels(ignore=np.array([[0, 0, 64, 128]], np.float32))
    batch = collate([Lesson(Sample("half", np.zeros((128, 128, 3), np.uint8), region))] * 2)
    places = anchors(128, 128)
    corners = decode(torch.zeros_like(places), places)
    predicted = corners.expand(2, -1, -1)
    truth, sure, ignored = targets(batch, places, predicted, torch.zeros(2, len(places)))
    within = (corners >= 0).all(1) & (corners[:, 2] <= 64) & (corners[:, 3] <= 128)
    beside = corners[:, 0] >= 64
    assert within.any()
    assert beside.any()
    assert truth.isnan().all()
    assert not sure.any()
    assert ignored[0, within].all()
    assert not ignored[0, beside].any()


@pytest.mark.parametrize("score", [0.25, 1.0])
def test_doubtful_face_is_a_doubtful_target(score):
    labels = Labels(np.array([[40, 40, 72, 72]], np.float32), scores=np.array([score], np.float32))
    batch = collate([Lesson(Sample("one", np.zeros((128, 128, 3), np.uint8), labels))])
    places = anchors(128, 128)
    boxes = decode(torch.zeros_like(places), places)[None]
    truth, sure, _ = targets(batch, places, boxes, torch.zeros(1, len(places)))
    assert set(sure.unique().tolist()) == {0.0, score}
    assert (truth[sure > 0] == torch.tensor([40.0, 40.0, 72.0, 72.0])).all()


def test_class_target_falls_with_overlap_certainty_and_size():
    recipe = FaceBoxesRecipe(full_iou=0.8, worth=24.0)
    large, small = [0.0, 0.0, 48.0, 48.0], [0.0, 0.0, 6.0, 6.0]
    faces = torch.tensor([large, large, large, small])
    overlap, sure = torch.tensor([0.9, 0.4, 0.8, 0.8]), torch.tensor([1.0, 1.0, 0.7, 1.0])
    target = class_target(overlap, sure, faces, recipe)
    assert target.tolist() == pytest.approx([1.0, 0.5, 0.7, 0.5])
