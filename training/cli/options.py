"""Kinds of arguments that several commands take."""

from pathlib import Path

import click

from training.datasets.formats import FORMATS

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW = click.Path(path_type=Path)
LABELLED = click.Path(exists=True, path_type=Path)
COUNT = click.IntRange(min=1)

data_option = click.option(
    "--data", type=LABELLED, required=True, help="Labelled pictures: a folder, or a file of labels."
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["auto", *FORMATS]),
    default="auto",
    show_default=True,
    help="How the labels are written.",
)
teacher_option = click.option(
    "--teacher",
    "teachers",
    type=FILE,
    multiple=True,
    help="centerface.onnx or YuNet's, repeatable: looks at every picture that is learned from.",
)
hard_option = click.option(
    "--hard", type=FILE, help="Examples that `mine` has found: are seen more often; with --teacher."
)
