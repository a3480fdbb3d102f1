"""The command that finds what weights get wrong in the pictures they learned from."""

from pathlib import Path

import click
from tqdm import tqdm

from detectors import load
from training.cli.options import FILE, NEW, data_option, format_option
from training.datasets.pixels import PixelCache
from training.mining import FALSE, join
from training.mining import mine as find_mistakes
from training.recipes.faceboxes import cache_folder
from training.teach import Teacher


@click.command()
@data_option
@format_option
@click.option("--weights", type=FILE, required=True, help="The .safetensors file.")
@click.option("--teacher", type=FILE, required=True, help="centerface.onnx.")
@click.option("--output", type=NEW, required=True, help="The file to write, for --mistakes.")
def mine(data: Path, form: str, weights: Path, teacher: Path, output: Path) -> None:
    """Find false positives and missed faces among the pictures to learn from."""
    samples = PixelCache.of(data, form, cache_folder(output))
    pupil = load(weights, device="cpu", threshold=FALSE)
    pictures = (samples[index] for index in range(len(samples)))
    found = join(find_mistakes(tqdm(pictures, total=len(samples)), pupil, Teacher(teacher)))
    output.parent.mkdir(parents=True, exist_ok=True)
    found.save(output)
    click.echo(f"{output}: {(~found.missed).sum()} false positives, {found.missed.sum()} missed")
