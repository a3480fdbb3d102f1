import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from training.augment import AugmentSettings
from training.datasets import Labels, Sample
from training.engine import EngineSettings, train
from training.errors import TrainingError
from training.recipes.faceboxes import FaceBoxesRecipe, FaceBoxesTask
from training.stream import AugmentedBatches, collate

RECIPE = FaceBoxesRecipe(
    augment=AugmentSettings(size=128, face_range=(24.0, 60.0)), batch_size=4, workers=0
)


class Pictures(list):
    @property
    def face_counts(self):
        return np.array([len(sample.labels.boxes) for sample in self])


def test_a_few_steps_lower_the_loss(cartoons, tmp_path):
    settings = EngineSettings(steps=40, log_every=5)
    task = FaceBoxesTask(RECIPE, Pictures(cartoons))
    before = mean_loss(task)
    train(task, settings, tmp_path, resume=False)
    assert mean_loss(task) < 0.8 * before


def mean_loss(task):
    batches = itertools.islice(task.batches(10_000), 4)
    with torch.no_grad():
        return np.mean([float(task.losses(batch, bfloat16=False)["loss"]) for batch in batches])


def test_batch_depends_on_seed_and_number_alone(cartoons):
    pictures = Pictures(cartoons)
    streams = [AugmentedBatches(pictures, RECIPE.augment, 3, seed) for seed in (1, 1, 2)]
    _ = streams[1][0]  # what was asked before does not matter
    first, second, other = (stream[7] for stream in streams)
    assert torch.equal(first.images, second.images)
    assert torch.equal(first.boxes, second.boxes)
    assert not torch.equal(first.images, other.images)


def test_other_processes_make_the_same_batches(cartoons):
    pictures = Pictures(cartoons)
    direct = FaceBoxesTask(RECIPE, pictures).batches(5)
    made = FaceBoxesTask(replace(RECIPE, workers=1), pictures).batches(5)
    for _ in range(2):
        assert torch.equal(next(direct).images, next(made).images)
    made.close()


def test_prior_is_the_first_face_probability(cartoons):
    task = FaceBoxesTask(RECIPE, Pictures(cartoons))
    _, logits = task.model.eval()(torch.zeros(1, 3, 128, 128))
    assert logits.softmax(-1)[..., 1].detach().numpy() == pytest.approx(0.01, abs=0.005)


def test_ignore_region_silences_the_anchors_on_it(cartoons):
    task = FaceBoxesTask(RECIPE, Pictures(cartoons))
    region = Labels(ignore=np.array([[0, 0, 64, 128]], np.float32))
    batch = collate([Sample("half", np.zeros((128, 128, 3), np.uint8), region)] * 2)
    anchors = task._corners
    truth, ignored = task.targets(batch, anchors.expand(2, -1, -1))
    within = (anchors >= 0).all(1) & (anchors[:, 2] <= 64) & (anchors[:, 3] <= 128)
    beside = anchors[:, 0] >= 64
    assert within.any()
    assert beside.any()
    assert truth.isnan().all()
    assert ignored[0, within].all()
    assert not ignored[0, beside].any()


def test_face_on_an_ignore_region_still_counts(cartoons):
    task = FaceBoxesTask(RECIPE, Pictures(cartoons))
    labels = Labels(
        np.array([[40, 40, 70, 70]], np.float32), np.array([[0, 0, 128, 128]], np.float32)
    )
    batch = collate([Sample("both", np.zeros((128, 128, 3), np.uint8), labels)] * 2)
    losses = task.losses(batch, bfloat16=False)
    assert losses["faces"] >= RECIPE.anchors_per_face
    assert losses["box"] > 0


def test_batch_without_any_face_has_a_finite_loss(cartoons):
    task = FaceBoxesTask(RECIPE, Pictures(cartoons))
    batch = collate([Sample("empty", np.zeros((128, 128, 3), np.uint8), Labels())] * 2)
    losses = task.losses(batch, bfloat16=False)
    assert torch.isfinite(losses["loss"])
    assert losses["box"] == 0


def test_foreign_weights_are_refused(cartoons, tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(TrainingError, match="not weights of FaceBoxes"):
        FaceBoxesTask(RECIPE, Pictures(cartoons)).start_from(path)
