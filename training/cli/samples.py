"""The command that draws labelled samples."""

from pathlib import Path

import click
import cv2

from training.cli.options import NEW, data_option, format_option, mistakes_option, teacher_option
from training.datasets.pixels import PixelCache
from training.recipes.faceboxes import FaceBoxesRecipe, open_batches
from training.sheets import draw_sheet


@click.command()
@data_option
@format_option
@teacher_option
@mistakes_option
@click.option("--output", type=NEW, required=True, help="The picture to write (.jpg or .png).")
@click.option("--cache", type=NEW, default=Path("runs/cache"), show_default=True)
@click.option("--count", default=24, show_default=True)
@click.option("--seed", default=1, show_default=True)
def samples(
    data: Path,
    form: str,
    teacher: Path | None,
    mistakes: Path | None,
    output: Path,
    cache: Path,
    count: int,
    seed: int,
) -> None:
    """Draw labelled samples as they look after augmentation."""
    recipe = FaceBoxesRecipe(
        batch_size=count, teacher=str(teacher or ""), mistakes=str(mistakes or ""), seed=seed
    )
    stream = open_batches(recipe, PixelCache.of(data, form, cache))
    shown = [stream.sample((0, place), recipe.augment) for place in range(count)]
    cv2.imwrite(str(output), draw_sheet(shown, columns=6))
