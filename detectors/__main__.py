"""`python -m detectors`: what weights there are, and the import of published ones."""

import re
from pathlib import Path

import click

from detectors.errors import DetectorError
from detectors.weights import NAME, SHIPPED, read_manifest


class SetUpFailure(click.ClickException):
    """Something is wrong before the work begins."""

    exit_code = 2


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Look after the weights of face detectors."""


@main.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("imported"),
    show_default=True,
    help="Folder for the weights and their manifest.",
)
@click.option("--name", help="What the weights are to be called. [default: FILE's name]")
def import_(file: Path, output: Path, name: str | None) -> None:
    """Convert a published FaceBoxes checkpoint: .pth of PyTorch, .pb or .npz of TensorFlow."""
    from detectors.faceboxes.published import convert

    name = name or re.sub(r"[^A-Za-z0-9_-]", "-", file.stem)
    if not re.fullmatch(NAME, name):
        raise click.BadParameter("use letters, digits, - and _ only.", param_hint="--name")
    try:
        entry = convert(file, output, name)
    except (DetectorError, OSError) as error:
        raise SetUpFailure(str(error)) from error
    click.echo(f"{entry.path} is ready: give this path where weights are asked for.")


@main.command("list")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=SHIPPED)
def list_(folder: Path) -> None:
    """List the weights of FOLDER, or those that are shipped."""
    try:
        entries = read_manifest(folder)
    except DetectorError as error:
        raise SetUpFailure(str(error)) from error
    for entry in entries.values():
        click.echo(
            f"{entry.name}: {entry.network}, faces from {entry.smallest_face:g} px, {entry.source}"
        )


if __name__ == "__main__":
    main(prog_name="python -m detectors")
