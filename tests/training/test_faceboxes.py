import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from detectors.faceboxes import FaceBoxesConfig
from detectors.faceboxes.network import rebuild
from detectors.weights import read_tensors
from training.augment import AugmentSettings
from training.datasets import Labels, Sample
from training.engine import EngineSettings, train
from training.errors import TrainingError
from training.export import export
from training.recipe import FaceBoxesRecipe, write_recipe
from training.recipes.faceboxes import FaceBoxesTask, open_batches, pupils_of
from training.stream import AugmentedBatches, collate
from training.teach import Lesson

RECIPE = FaceBoxesRecipe(
    augment=AugmentSettings(size=128, sizes=(128,), face_range=(24.0, 60.0)),
    batch_size=4,
    workers=0,
)


class Pictures(list):
    @property
    def names(self):
        return np.array([sample.name for sample in self])

    @property
    def face_counts(self):
        return np.array([len(sample.labels.boxes) for sample in self])


GPU = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
)


@pytest.mark.parametrize("device", ["cpu", GPU])
@pytest.mark.parametrize("heads", [["paper"], ["fine"], ["fine", "paper"]])
def test_a_few_steps_lower_the_loss(cartoons, tmp_path, heads, device):
    settings = EngineSettings(steps=40, log_every=5, measure_every=20)
    recipe = replace(
        RECIPE, networks=tuple(FaceBoxesConfig(heads=each) for each in heads), device=device
    )
    task = FaceBoxesTask(recipe, Pictures(cartoons), validation=cartoons[:2])
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
    _, logits = task.pupils["paper"].eval()(torch.zeros(1, 3, 128, 128))
    assert logits.softmax(-1)[..., 1].detach().numpy() == pytest.approx(0.01, abs=0.005)


def test_face_on_an_ignore_region_still_counts(cartoons):
    task = FaceBoxesTask(RECIPE, Pictures(cartoons))
    labels = Labels(
        np.array([[40, 40, 70, 70]], np.float32), np.array([[0, 0, 128, 128]], np.float32)
    )
    batch = collate([Lesson(Sample("both", np.zeros((128, 128, 3), np.uint8), labels))] * 2)
    losses = task.losses(batch, bfloat16=False)
    assert losses["paper faces"] >= 2
    assert losses["paper box"] > 0


def test_what_teachers_see_is_learned_too(cartoons, monkeypatch):
    monkeypatch.setattr("training.recipes.faceboxes.name_of", lambda _: "YuNet")
    task = FaceBoxesTask(replace(RECIPE, teachers=("yunet.onnx",)), Pictures(cartoons))
    picture = Sample("one", cartoons[0].image[:96, :128], cartoons[0].labels)
    maps = [torch.rand(96 // stride, 128 // stride, 64).half().numpy() for stride in (8, 16, 32)]
    losses = task.losses(collate([Lesson(picture, tuple(maps))] * 2), bfloat16=False)
    losses["loss"].backward()
    expected = losses["paper face"] + 2 * losses["paper box"] + 3 * losses["paper unlikeness"]
    torch.testing.assert_close(losses["loss"], expected)
    assert all(part.weight.grad.abs().sum() > 0 for part in task.pupils["paper"].imitation.values())


def test_exported_weights_say_what_the_average_says(cartoons, tmp_path):
    recipe = replace(RECIPE, networks=(FaceBoxesConfig(heads="fine"), FaceBoxesConfig()))
    write_recipe(recipe, tmp_path)
    task = FaceBoxesTask(recipe, Pictures(cartoons))
    run = train(task, EngineSettings(steps=10), tmp_path, resume=False)
    picture = torch.from_numpy(cartoons[0].image[:96, :128]).permute(2, 0, 1)[None] - 110.0
    for heads, pupil in pupils_of(run.average).items():
        path = tmp_path / f"{heads}.safetensors"
        entry = export(tmp_path, path, heads=heads, threshold=0.5, smallest_face=12, card={})
        tensors = {name: torch.tensor(array) for name, array in read_tensors(entry).items()}
        stored = rebuild(pupil.config, tensors, path).eval()
        with torch.no_grad():
            for given, wanted in zip(stored(picture), pupil.eval()(picture), strict=True):
                torch.testing.assert_close(given, wanted, atol=5e-3, rtol=0)


def test_hard_examples_need_a_teacher(cartoons):
    with pytest.raises(TrainingError, match="--hard needs a --teacher"):
        open_batches(replace(RECIPE, hard="hard.npz"), Pictures(cartoons))


def test_batch_without_any_face_has_a_finite_loss(cartoons):
    task = FaceBoxesTask(RECIPE, Pictures(cartoons))
    batch = collate([Lesson(Sample("empty", np.zeros((128, 128, 3), np.uint8), Labels()))] * 2)
    losses = task.losses(batch, bfloat16=False)
    assert torch.isfinite(losses["loss"])
    assert losses["paper box"] == 0


def test_foreign_weights_are_refused(cartoons, tmp_path):
    path = tmp_path / "other.safetensors"
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(TrainingError, match="not weights of FaceBoxes"):
        FaceBoxesTask(RECIPE, Pictures(cartoons)).start_from(path, "paper")


def test_larger_pictures_come_in_smaller_batches(cartoons):
    settings = replace(RECIPE.augment, sizes=(128, 256))
    stream = AugmentedBatches(Pictures(cartoons), settings, 4, seed=1)
    shapes = {tuple(stream[step].images.shape) for step in range(12)}
    assert shapes == {(4, 128, 128, 3), (1, 256, 256, 3)}


def test_averaged_model_is_measured_on_the_validation_pictures(cartoons):
    task = FaceBoxesTask(RECIPE, Pictures(cartoons), validation=cartoons)
    measured = task.measure(task.model)
    assert 0 <= measured["paper average_precision"] < 0.5  # it has learned nothing yet
    assert FaceBoxesTask(RECIPE, Pictures(cartoons)).measure(task.model) == {}
