"""The command that turns a run into weights."""

import json
from pathlib import Path
from typing import get_args

import click

from detectors.faceboxes.config import Heads
from training.cli.options import FILE, FOLDER, NEW
from training.export import current_commit
from training.export import export as write_weights


@click.command()
@click.option("--run", type=FOLDER, required=True, help="Folder of the run.")
@click.option("--output", type=NEW, required=True, help="The .safetensors file to write.")
@click.option(
    "--heads",
    type=click.Choice(get_args(Heads)),
    help="Of the network to write, where the run trained several.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Score from which a box counts.",
)
@click.option("--smallest-face", default=12.0, show_default=True, help="Still seen, px.")
@click.option("--card", type=FILE, help="JSON with what else the manifest shall say.")
def export(
    run: Path,
    output: Path,
    heads: Heads | None,
    threshold: float,
    smallest_face: float,
    card: Path | None,
) -> None:
    """Write the averaged weights of a run and their manifest entry."""
    stated = json.loads(card.read_text()) if card else {}
    entry = write_weights(
        run,
        output,
        heads=heads,
        threshold=threshold,
        smallest_face=smallest_face,
        card={"commit": current_commit(Path(__file__).parent)} | stated,
    )
    click.echo(f"{entry.path} {entry.sha256}")
