"""The command that measures a detector."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import click
import cv2
import numpy as np

from detectors import Detections, Detector, load
from training.cli.options import COUNT, FILE, FOLDER, NEW
from training.datasets import Image, Labels, Sample
from training.datasets.webdataset import find_shards, read_shards
from training.datasets.wider100 import read_wider100
from training.errors import TrainingError
from training.metrics import fddb, wider
from training.metrics.evaluate import look, measure, measure_levels, precision_recall, resize_to
from training.metrics.plots import Line, draw_precision_recall, draw_roc

LOWEST_SCORE: Final = 0.01  # below it, a curve of precision and recall gains nothing
Given = TypeVar("Given")

FALSE_POSITIVES: Final = (100, 500, 1000, 2000)  # at which the rates of FDDB are usually given


@click.command()
@click.option(
    "--protocol",
    type=click.Choice(["ap", "wider", "fddb"]),
    default="ap",
    show_default=True,
    help="Average precision; WIDER FACE's or FDDB's own program, to the digit.",
)
@click.option("--weights", help="A name in weights/, or a .safetensors file.")
@click.option("--wider", "wider100", type=FOLDER, help="ap: folder of 100 WIDER FACE pictures.")
@click.option("--val", type=FOLDER, help="ap: folder of val*.tar shards.")
@click.option(
    "--long-side", type=COUNT, multiple=True, help="Size of the pictures, px (repeatable)."
)
@click.option("--truth", type=FOLDER, help="wider: its .mat files. fddb: FDDB-folds.")
@click.option("--pictures", type=FOLDER, help="wider: images/. fddb: originalPics.")
@click.option("--sizes", type=FILE, help="fddb: `PICTURE width height` instead of pictures.")
@click.option(
    "--predictions",
    type=NEW,
    help="wider, fddb: in the protocol's own layout; written with --weights, else read.",
)
@click.option("--runtime", type=click.Choice(["openvino", "torch", "auto"]), default="auto")
@click.option("--precision", default="auto", show_default=True, help="How exactly to compute.")
@click.option("--curves", type=NEW, help="PNG for the curves.")
@click.option("--output", type=NEW, help="JSON file for the results (fddb: and ROC files beside).")
def evaluate(
    protocol: Literal["ap", "wider", "fddb"],
    weights: str | None,
    wider100: Path | None,
    val: Path | None,
    long_side: tuple[int, ...],
    truth: Path | None,
    pictures: Path | None,
    sizes: Path | None,
    predictions: Path | None,
    runtime: Literal["openvino", "torch", "auto"],
    precision: Any,
    curves: Path | None,
    output: Path | None,
) -> None:
    """Measure average precision, recall by face size, or what WIDER FACE and FDDB measure."""
    detector = None
    if weights is not None:
        place = Path(weights) if weights.endswith(".safetensors") else weights
        detector = load(place, threshold=LOWEST_SCORE, runtime=runtime, precision=precision)
    results: dict[str, Any] = {"protocol": protocol, "weights": weights}
    if detector is not None:
        results["runtime"] = detector.runtime
    if protocol == "ap":
        _needed(wider100 or val, "--val or --wider")
        found = _ap(_needed(detector, "--weights"), wider100, val, long_side or (640, 1024), curves)
    else:
        folder, place = _needed(truth, "--truth"), _needed(predictions, "--predictions")
        if protocol == "wider":
            found = _wider(detector, folder, pictures, place, long_side, curves)
        else:
            found = _fddb(detector, folder, pictures, sizes, place, curves, output)
    for name, result in found:
        results[name] = result
        click.echo(f"{name}: {json.dumps(result)}")
    if output is not None:
        output.write_text(json.dumps(results, indent=1) + "\n")


def _needed(value: Given | None, option: str) -> Given:
    if value is None:
        raise click.UsageError(f"this protocol needs {option}")
    return value


def _ap(
    detector: Detector,
    wider100: Path | None,
    val: Path | None,
    sizes: tuple[int, ...],
    curves: Path | None,
) -> Iterator[tuple[str, Any]]:
    """Yield each measurement with its name as it is done."""
    lines: dict[str, Line] = {}
    for size in sizes:
        if wider100 is not None:
            yield f"wider100 at {size}", measure_levels(detector, read_wider100(wider100, size))
        if val is not None:
            samples = read_shards(find_shards(val, "val*.tar"))
            looked = list(look(detector, samples, size))
            lines[f"val at {size}"] = precision_recall(looked)
            yield f"val at {size}", measure(looked, (0.9, 0.95))
    if curves is not None and lines:
        draw_precision_recall(lines, curves)


def _wider(
    detector: Detector | None,
    truth: Path,
    pictures: Path | None,
    predictions: Path,
    long_side: tuple[int, ...],
    curves: Path | None,
) -> Iterator[tuple[str, Any]]:
    faces = wider.read_truth(truth)
    if detector is not None:
        folder = _needed(pictures, "--pictures")
        for name in faces:
            found = _detect(detector, folder / f"{name}.jpg", *long_side[:1])
            wider.write_prediction(predictions, name, found)
    result = wider.evaluate(faces, wider.read_predictions(predictions))
    for level, curve in result.items():
        yield level, round(curve.average_precision, 6)
    if curves is not None:
        lines = {level: (curve.recall, curve.precision) for level, curve in result.items()}
        draw_precision_recall(lines, curves)


def _fddb(
    detector: Detector | None,
    truth: Path,
    pictures: Path | None,
    sizes: Path | None,
    predictions: Path,
    curves: Path | None,
    output: Path | None,
) -> Iterator[tuple[str, Any]]:
    faces = fddb.read_truth(truth)
    if detector is not None:
        folder = _needed(pictures, "--pictures")
        found = ((name, _detect(detector, folder / f"{name}.jpg")) for name in faces)
        fddb.write_predictions(predictions, found)
    if sizes is not None:
        extents = fddb.read_sizes(sizes)
    else:
        folder = _needed(pictures, "--pictures or --sizes")
        shapes = {name: _read(folder / f"{name}.jpg").shape for name in faces}
        extents = {name: (width, height) for name, (height, width, _) in shapes.items()}
    roc = fddb.evaluate(faces, fddb.read_predictions(predictions), extents)
    for count in FALSE_POSITIVES:
        discrete, continuous = roc.at(count)
        rates = {"discrete": round(discrete, 6), "continuous": round(continuous, 6)}
        yield f"at {count} false positives", rates
    if output is not None:
        roc.write(output.parent)
    if curves is not None:
        false_positives = roc.false_positives.astype(float)
        lines = {"discrete": roc.discrete, "continuous": roc.continuous}
        draw_roc({name: (false_positives, rate) for name, rate in lines.items()}, curves)


def _detect(detector: Detector, path: Path, long_side: int = 0) -> Detections:
    """Return the faces of a picture in its own pixels, looked at with that long side."""
    image = _read(path)
    scaled = resize_to(Sample(path.name, image, Labels()), long_side).image
    (found,) = detector([scaled])
    scale = np.array(image.shape[1::-1], np.float32) / scaled.shape[1::-1]
    return Detections((found.boxes * np.tile(scale, 2)).astype(np.float32), found.scores)


def _read(path: Path) -> Image:
    image = cv2.imread(str(path))
    if image is None:
        raise TrainingError(f"{path}: missing, or no picture; give the folder of the pictures")
    return image.astype(np.uint8, copy=False)
