"""The command that draws labelled samples."""

from pathlib import Path

import click
import cv2

from training.cli.options import NEW, data_option, format_option
from training.datasets.pixels import PixelCache
from training.recipes.faceboxes import FaceBoxesRecipe
from training.sheets import draw_sheet
from training.stream import AugmentedBatches


@click.command()
@data_option
@format_option
@click.option("--output", type=NEW, required=True, help="The picture to write (.jpg or .png).")
@click.option("--cache", type=NEW, default=Path("runs/cache"), show_default=True)
@click.option("--count", default=24, show_default=True)
@click.option("--seed", default=1, show_default=True)
def samples(data: Path, form: str, output: Path, cache: Path, count: int, seed: int) -> None:
    """Draw labelled samples as they look after augmentation."""
    pictures = PixelCache.of(data, form, cache)
    stream = AugmentedBatches(pictures, FaceBoxesRecipe().augment, count, seed)
    settings = FaceBoxesRecipe().augment
    sheet = draw_sheet([stream.sample((0, place), settings) for place in range(count)], columns=6)
    cv2.imwrite(str(output), sheet)
