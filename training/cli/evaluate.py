"""The command that measures a detector."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal

import click

from detectors import Detector, load
from training.cli.options import FOLDER, NEW
from training.datasets.webdataset import find_shards, read_shards
from training.datasets.wider100 import read_wider100
from training.metrics.evaluate import look, measure, measure_levels

LOWEST_SCORE: Final = 0.01  # below it, a curve of precision and recall gains nothing


@click.command()
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
