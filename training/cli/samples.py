"""The command that draws labelled samples."""

from pathlib import Path

import click
import cv2

from training.cli.options import NEW, data_option, format_option, hard_option, teacher_option
from training.datasets.pixels import PixelCache
from training.recipes.faceboxes import FaceBoxesRecipe, open_batches
from training.sheets import draw_sheet


@click.command()
@data_option
@format_option
@teacher_option
@hard_option
@click.option("--output", type=NEW, required=True, help="The picture to write (.jpg or .png).")
@click.option("--cache", type=NEW, default=Path("runs/cache"), show_default=True)
@click.option("--count", default=24, show_default=True)
@click.option("--seed", default=1, show_default=True)
def samples(
    data: Path,
    form: str,
    teachers: tuple[Path, ...],
    hard: Path | None,
    output: Path,
    cache: Path,
    count: int,
    seed: int,
) -> None:
    """Draw labelled samples as they look after augmentation."""
    recipe = FaceBoxesRecipe(
        batch_size=count, teachers=tuple(map(str, teachers)), hard=str(hard or ""), seed=seed
    )
    stream = open_batches(recipe, PixelCache.of(data, form, cache))
    shown = [stream.sample((0, place), recipe.augment) for place in range(count)]
    cv2.imwrite(str(output), draw_sheet(shown, columns=6))
