"""The commands that train, one for each recipe."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, get_args

import click
import torch

from detectors.backends.openvino import capabilities
from detectors.backends.torch import choose_precision, find_device
from detectors.faceboxes.config import FaceBoxesConfig, Heads
from training.cli.options import (
    COUNT,
    FILE,
    LABELLED,
    NEW,
    data_option,
    format_option,
    hard_option,
    teacher_option,
)
from training.datasets import Sample
from training.datasets.formats import read_labelled
from training.datasets.pixels import PixelCache
from training.engine import CHECKPOINT, LEARNING_RATE, EngineSettings, train
from training.errors import TrainingError
from training.memory import keep_memory
from training.metrics.evaluate import resize_to
from training.recipe import FaceBoxesRecipe, check_recipe, write_recipe
from training.recipes.faceboxes import FULL_STEPS, FaceBoxesTask, cache_folder

VALIDATION_SIDE: Final = 640  # px
EVERY: Final = 6  # picture of the validation is looked at: it takes time from training


@click.command()
@data_option
@format_option
@click.option("--output", type=NEW, required=True, help="Folder of the run.")
@click.option(
    "--validation", type=LABELLED, help="Labelled pictures to measure on, every 1,000 steps."
)
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Length of the run in time."
)
@click.option(
    "--steps",
    type=COUNT,
    help=f"Length of the run in batches: gives the same each time. [default: {FULL_STEPS}]",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint of the run.")
@click.option(
    "--from",
    "starts",
    type=FILE,
    multiple=True,
    help="Start from these weights (.safetensors); one for each --heads, in the same order.",
)
@teacher_option
@hard_option
@click.option(
    "--rate",
    type=click.FloatRange(0, 1, min_open=True),
    default=LEARNING_RATE,
    show_default=True,
    help="Learning rate at its highest: a lower one keeps more of what weights know already.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes that make batches.",
)
@click.option(
    "--device",
    default="auto",
    show_default=True,
    help="Where the network learns: cpu, cuda, cuda:N, or auto: a GPU where there is one.",
)
@click.option("--threads", type=COUNT, default=1, show_default=True, help="Threads that compute.")
@click.option("--batch-size", type=COUNT, default=24, show_default=True, help="Pictures a step.")
@click.option("--seed", default=1, show_default=True)
@click.option(
    "--heads",
    type=click.Choice(get_args(Heads)),
    multiple=True,
    default=["fine"],
    show_default=True,
    help="`paper`: as published. `fine`: finer ones too, for small faces. Repeatable: trains both.",
)
def faceboxes(
    data: Path,
    form: str,
    validation: Path | None,
    heads: tuple[Heads, ...],
    output: Path,
    minutes: float | None,
    steps: int | None,
    resume: bool,
    starts: tuple[Path, ...],
    teachers: tuple[Path, ...],
    hard: Path | None,
    rate: float,
    workers: int,
    device: str,
    threads: int,
    batch_size: int,
    seed: int,
) -> None:
    """Train FaceBoxes."""
    if minutes is not None and steps is not None:
        raise click.UsageError("give --minutes or --steps, not both")
    if len({*heads}) < len(heads):
        raise click.UsageError("give each of --heads once")
    if starts and len(starts) != len(heads):
        raise click.UsageError("give --from once for each of --heads, or not at all")
    if minutes is None and steps is None:
        steps = FULL_STEPS
    place = find_device(device)
    recipe = FaceBoxesRecipe(
        tuple(_network(each) for each in heads),
        batch_size=batch_size,
        teachers=tuple(map(str, teachers)),
        hard=str(hard or ""),
        seed=seed,
        workers=workers,
        device=str(place),
    )
    _check_run(output, recipe, resume=resume)
    torch.set_num_threads(threads)
    keep_memory()
    samples = PixelCache.of(data, form, cache_folder(output))
    held_out = [] if validation is None else [*read_validation(validation)]
    output.mkdir(parents=True, exist_ok=True)
    if not resume:
        write_recipe(recipe, output)
    task = FaceBoxesTask(recipe, samples, held_out)
    if starts and not resume:
        for each, start in zip(heads, starts, strict=True):
            task.start_from(start, each)
    settings = EngineSettings(
        steps=steps, minutes=minutes, learning_rate=rate, bfloat16=quicker_in_bfloat16(place)
    )
    train(task, settings, output, resume=resume)


def _network(heads: Heads) -> FaceBoxesConfig:
    anchors: Literal["corner", "centre"] = "corner" if heads == "paper" else "centre"
    return FaceBoxesConfig(multiple=32, heads=heads, anchors=anchors)


def _check_run(output: Path, recipe: FaceBoxesRecipe, *, resume: bool) -> None:
    """Raise TrainingError where a run would be lost, or where there is none to go on with so."""
    begun = (output / CHECKPOINT).exists()
    if begun and not resume:
        raise TrainingError(f"{output} holds a run: go on with --resume, or give another --output")
    if resume and not begun:
        raise TrainingError(f"{output} holds no run to go on with: leave --resume out")
    if resume:
        check_recipe(recipe, output)


def quicker_in_bfloat16(device: torch.device) -> bool:
    """Tell whether a device is quicker in it; a CPU by OpenVINO's account of it."""
    if device.type == "cpu":
        return "BF16" in capabilities()
    return choose_precision("auto", device) == "bf16"


def read_validation(place: Path) -> Iterator[Sample]:
    """Yield a part of the pictures of a folder or file of labels, at the size to measure at."""
    for sample in itertools.islice(read_labelled(place), 0, None, EVERY):
        yield resize_to(sample, VALIDATION_SIDE)
