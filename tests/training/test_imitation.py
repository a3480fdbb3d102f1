"""A pupil learns to see what its teachers see, and keeps nothing of it but its own layers."""

import pytest
import torch

from detectors.faceboxes import FaceBoxes, FaceBoxesConfig
from training.imitation import Pupil, without_imitation

CHANNELS = 5


def lesson(side):
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(2, 3, side, side, generator=generator)
    shapes = [(2, side // stride, side // stride, CHANNELS) for stride in (8, 16, 32)]
    return images, [torch.randn(shape, generator=generator).half() for shape in shapes]


@pytest.mark.parametrize(("heads", "levels"), [("fine", ["8", "16", "32"]), ("paper", ["32"])])
def test_a_few_steps_make_the_maps_more_alike(heads, levels):
    torch.manual_seed(1)
    pupil = Pupil(FaceBoxesConfig(heads=heads), CHANNELS)
    assert list(pupil.imitation) == levels
    images, wanted = lesson(128)
    optimizer = torch.optim.AdamW(pupil.parameters(), lr=0.003)
    seen = []
    for _ in range(20):
        unlike = pupil.unlikeness(pupil.maps(images), wanted)
        optimizer.zero_grad()
        unlike.backward()
        optimizer.step()
        seen.append(unlike.item())
    assert seen[0] == pytest.approx(1, abs=0.2)
    assert seen[-1] < 0.7 * seen[0]


def test_without_teachers_there_is_nothing_to_imitate():
    pupil = Pupil(FaceBoxesConfig(heads="fine"), 0)
    images, _ = lesson(128)
    assert pupil.unlikeness(pupil.maps(images), ()).item() == 0
    assert pupil.state_dict().keys() == FaceBoxes(pupil.config).state_dict().keys()


def test_what_training_needed_is_left_out():
    pupil = Pupil(FaceBoxesConfig(heads="fine"), CHANNELS)
    FaceBoxes(pupil.config).load_state_dict(without_imitation(pupil.state_dict()))
