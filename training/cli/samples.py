"""The command that draws labelled samples."""

from pathlib import Path

import click
import cv2

from training.cli.options import (
    COUNT,
    NEW,
    data_option,
    format_option,
    hard_option,
    teacher_option,
)
from training.datasets.pixels import PixelCache
from training.recipe import FaceBoxesRecipe
from training.recipes.faceboxes import open_batches
from training.sheets import draw_sheet


@click.command()
@data_option
@format_option
@teacher_option
@hard_option
@click.option("--output", type=NEW, required=True, help="The picture to write (.jpg or .png).")
@click.option(
    "--cache",
    type=NEW,
    default=Path("runs/cache"),
    show_default=True,
    help="Folder of decoded pictures.",
)
@click.option("--count", type=COUNT, default=24, show_default=True, help="Pictures to draw.")
@click.option("--seed", default=1, show_default=True, help="Another draws others.")
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
    if not cv2.haveImageWriter(str(output)):
        raise click.UsageError(f"--output {output}: give a name that ends in .jpg or .png")
    recipe = FaceBoxesRecipe(
        batch_size=count, teachers=tuple(map(str, teachers)), hard=str(hard or ""), seed=seed
    )
    stream = open_batches(recipe, PixelCache.of(data, form, cache))
    shown = [stream.sample((0, place), recipe.augment).sample for place in range(count)]
    cv2.imwrite(str(output), draw_sheet(shown, columns=6))
