"""The command that finds hard examples in the pictures that weights learned from."""

from pathlib import Path

import click
from tqdm import tqdm

from detectors import load
from training.cli.options import FILE, NEW, data_option, format_option
from training.datasets.pixels import PixelCache
from training.mining import BELIEVED, HardExamples, Kind
from training.mining import mine as find_hard
from training.recipes.faceboxes import cache_folder
from training.teach import Teacher


@click.command()
@data_option
@format_option
@click.option("--weights", type=FILE, required=True, help="The .safetensors file.")
@click.option(
    "--teacher",
    "teachers",
    type=FILE,
    multiple=True,
    required=True,
    help="centerface.onnx or YuNet's, repeatable; only CenterFace tells which heads are turned.",
)
@click.option("--output", type=NEW, required=True, help="The file to write, for --hard.")
def mine(data: Path, form: str, weights: Path, teachers: tuple[Path, ...], output: Path) -> None:
    """Find false positives, missed faces and turned heads among the pictures to learn from."""
    samples = PixelCache.of(data, form, cache_folder(output))
    pupil = load(weights, device="cpu", threshold=BELIEVED)
    pictures = (samples[index] for index in range(len(samples)))
    shown = tqdm(pictures, total=len(samples))
    found = HardExamples.join([*find_hard(shown, pupil, Teacher(teachers))])
    output.parent.mkdir(parents=True, exist_ok=True)
    found.save(output)
    false, missed, turned = map(found.count, Kind)
    click.echo(f"{output}: {false} false positives, {missed} missed faces, {turned} turned heads")
