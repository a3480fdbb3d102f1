"""`python -m training`: arguments in, one function of the room called."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import click
import cv2
import torch

from detectors import Detector, DetectorError, load
from detectors.boxes import Suppression
from training.datasets.pixels import PixelCache
from training.datasets.webdataset import find_shards, read_shards
from training.datasets.wider100 import read_wider100
from training.engine import EngineSettings, train
from training.errors import TrainingError
from training.export import current_commit
from training.export import export as write_weights
from training.metrics.evaluate import look, measure, measure_levels
from training.recipes.faceboxes import FULL_STEPS, FaceBoxesRecipe, FaceBoxesTask, cache_folder
from training.sheets import draw_sheet
from training.stream import AugmentedBatches

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(path_type=Path)
LOWEST_SCORE: Final = 0.01  # below it, a curve of precision and recall gains nothing


class _Group(click.Group):
    """Show expected errors as one line with their exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (TrainingError, DetectorError) as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(TrainingError.exit_code)


@click.group(cls=_Group)
def main() -> None:
    """Train and measure detectors."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


@main.command()
@click.option("--data", type=FOLDER, required=True, help="Folder of train-*.tar shards.")
@click.option("--output", type=NEW, required=True, help="Folder of the run.")
@click.option("--minutes", type=float, help="Length of the run in time.")
@click.option(
    "--steps",
    type=int,
    help=f"Length of the run in batches (repeatable). [default: {FULL_STEPS}]",
)
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint of the run.")
@click.option("--from", "start", type=FILE, help="Start from these weights (.safetensors).")
@click.option("--workers", default=1, show_default=True, help="Processes that make batches.")
@click.option("--threads", default=1, show_default=True, help="Threads that compute.")
@click.option("--batch-size", default=24, show_default=True, help="Pictures a step.")
@click.option("--seed", default=1, show_default=True)
def faceboxes(
    data: Path,
    output: Path,
    minutes: float | None,
    steps: int | None,
    resume: bool,
    start: Path | None,
    workers: int,
    threads: int,
    batch_size: int,
    seed: int,
) -> None:
    """Train FaceBoxes."""
    if minutes is not None and steps is not None:
        raise click.UsageError("give --minutes or --steps, not both")
    if minutes is None and steps is None:
        steps = FULL_STEPS
    torch.set_num_threads(threads)
    samples = PixelCache.of_shards(find_shards(data, "train-*.tar"), cache_folder(output))
    output.mkdir(parents=True, exist_ok=True)
    recipe = FaceBoxesRecipe(batch_size=batch_size, seed=seed, workers=workers)
    task = FaceBoxesTask(recipe, samples)
    if start is not None:
        task.start_from(start)
    train(task, EngineSettings(steps=steps, minutes=minutes), output, resume=resume)


@main.command()
@click.option("--data", type=FOLDER, required=True, help="Folder of train-*.tar shards.")
@click.option("--output", type=NEW, required=True, help="The picture to write (.jpg or .png).")
@click.option("--cache", type=NEW, default=Path("runs/cache"), show_default=True)
@click.option("--count", default=24, show_default=True)
@click.option("--seed", default=1, show_default=True)
def samples(data: Path, output: Path, cache: Path, count: int, seed: int) -> None:
    """Draw labelled samples as they look after augmentation."""
    pictures = PixelCache.of_shards(find_shards(data, "train-*.tar"), cache)
    stream = AugmentedBatches(pictures, FaceBoxesRecipe().augment, 1, seed)
    sheet = draw_sheet([stream.sample(number) for number in range(count)], columns=6)
    cv2.imwrite(str(output), sheet)


@main.command()
@click.option("--run", type=FOLDER, required=True, help="Folder of the run.")
@click.option("--output", type=NEW, required=True, help="The .safetensors file to write.")
@click.option("--threshold", default=0.5, show_default=True, help="Score from which a box counts.")
@click.option("--smallest-face", default=12.0, show_default=True, help="Still seen, px.")
@click.option("--suppress-iou", default=0.3, show_default=True, help="Overlap that removes a box.")
@click.option("--card", type=FILE, help="JSON with what else the manifest shall say.")
def export(
    run: Path,
    output: Path,
    threshold: float,
    smallest_face: float,
    suppress_iou: float,
    card: Path | None,
) -> None:
    """Write the averaged weights of a run and their manifest entry."""
    stated = json.loads(card.read_text()) if card else {}
    entry = write_weights(
        run / "checkpoint.pt",
        output,
        threshold=threshold,
        smallest_face=smallest_face,
        suppression=Suppression(iou=suppress_iou),
        card={"commit": current_commit(Path(__file__).parent)} | stated,
    )
    click.echo(f"{entry.path} {entry.sha256}")


@main.command()
@click.option("--weights", required=True, help="A name in weights/, or a .safetensors file.")
@click.option("--wider", type=FOLDER, help="Folder of the 100 WIDER FACE pictures.")
@click.option("--val", type=FOLDER, help="Folder of val*.tar shards.")
@click.option("--long-side", type=int, multiple=True, help="Size of the pictures, px (repeatable).")
@click.option("--runtime", type=click.Choice(["openvino", "torch", "auto"]), default="auto")
@click.option("--precision", type=click.Choice(["f32", "bf16", "auto"]), default="auto")
@click.option("--output", type=NEW, help="JSON file for the results.")
def evaluate(
    weights: str,
    runtime: Literal["openvino", "torch", "auto"],
    precision: Literal["f32", "bf16", "auto"],
    wider: Path | None,
    val: Path | None,
    long_side: tuple[int, ...],
    output: Path | None,
) -> None:
    """Measure average precision, and recall by face size."""
    place = Path(weights) if weights.endswith(".safetensors") else weights
    detector = load(place, threshold=LOWEST_SCORE, runtime=runtime, precision=precision)
    results = {"weights": weights, "runtime": runtime, "precision": precision}
    for name, result in _measurements(detector, wider, val, long_side or (640, 1024)):
        results[name] = result
        click.echo(f"{name}: {json.dumps(result)}")
    if output is not None:
        output.write_text(json.dumps(results, indent=1) + "\n")


def _measurements(
    detector: Detector, wider: Path | None, val: Path | None, sizes: tuple[int, ...]
) -> Iterator[tuple[str, Any]]:
    """Yield each measurement with its name as it is done."""
    for size in sizes:
        if wider is not None:
            yield f"wider100 at {size}", measure_levels(detector, read_wider100(wider, size))
        if val is not None:
            pictures = read_shards(find_shards(val, "val*.tar"))
            yield f"val at {size}", measure(look(detector, pictures, size), (0.9, 0.95))
