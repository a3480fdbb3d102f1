"""The command that draws labelled samples."""

from pathlib import Path

import click
import cv2

from training.cli.options import FOLDER, NEW
from training.datasets.pixels import PixelCache
from training.datasets.webdataset import find_shards
from training.recipes.faceboxes import FaceBoxesRecipe
from training.sheets import draw_sheet
from training.stream import AugmentedBatches


@click.command()
@click.option("--data", type=FOLDER, required=True, help="Folder of train-*.tar shards.")
@click.option("--output", type=NEW, required=True, help="The picture to write (.jpg or .png).")
@click.option("--cache", type=NEW, default=Path("runs/cache"), show_default=True)
@click.option("--count", default=24, show_default=True)
@click.option("--seed", default=1, show_default=True)
def samples(data: Path, output: Path, cache: Path, count: int, seed: int) -> None:
    """Draw labelled samples as they look after augmentation."""
    pictures = PixelCache.of_shards(find_shards(data, "train-*.tar"), cache)
    stream = AugmentedBatches(pictures, FaceBoxesRecipe().augment, count, seed)
    settings = FaceBoxesRecipe().augment
    sheet = draw_sheet([stream.sample((0, place), settings) for place in range(count)], columns=6)
    cv2.imwrite(str(output), sheet)
