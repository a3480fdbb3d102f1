"""`python -m training`: arguments in, one function of the room called."""

import logging

import click

from detectors import DetectorError
from training.cli.calibrate import calibrate
from training.cli.evaluate import evaluate
from training.cli.export import export
from training.cli.mine import mine
from training.cli.samples import samples
from training.cli.train import faceboxes
from training.errors import TrainingError


class _Group(click.Group):
    """Show expected errors as one line with their exit code."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (TrainingError, DetectorError) as error:
            click.echo(f"error: {error}", err=True)
            ctx.exit(TrainingError.exit_code)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Train and measure detectors."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")


for command in (faceboxes, mine, samples, export, calibrate, evaluate):
    main.add_command(command)
