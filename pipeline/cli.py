"""The command line: arguments in, settings made, a run started, an exit code out."""

from __future__ import annotations

import logging
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

import click
from click.core import ParameterSource

from pipeline import __version__, upkeep
from pipeline.errors import ExitCode, FacepicsError
from pipeline.options import (
    SectionedCommand,
    add_settings,
    mistaken_variables,
    read_settings_file,
    settings_from,
)

_log = logging.getLogger(__name__)

_SETTINGS_FILE = "pipeline.settings_file"
"""Key of its path in a context's `meta`."""
_STOPPED = "facepics: stopped; run the same command again to go on"


class Terminated(BaseException):
    """SIGTERM arrived."""


class _RunByDefault(click.Group):
    """A group of commands that takes the first word for an input if it is no command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {"--help", "--version"}
        if not args or (args[0] not in self.commands and args[0] not in own):
            args = ["run", *args]
        return super().parse_args(ctx, args)


def _load_settings_file(ctx: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.default_map = {**(ctx.default_map or {}), **read_settings_file(value)}
        ctx.meta[_SETTINGS_FILE] = value


@click.group(cls=_RunByDefault, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="facepics")
def cli() -> None:
    """Find every face in a folder of videos, track each person, keep the best crops.

    `facepics ./media` is short for `facepics run ./media`; see `facepics run --help` for the
    options.
    """


@cli.command(cls=SectionedCommand)
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option(
    "-c",
    "--config",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    is_eager=True,
    expose_value=False,
    callback=_load_settings_file,
    envvar="FACEPICS_CONFIG",
    help="Settings file (TOML, a table for each stage).",
)
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("facepics"),
    show_default=True,
    envvar="FACEPICS_OUTPUT",
    help="Folder for the results.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option("-q", "--quiet", is_flag=True, help="Only errors.")
@click.option("-v", "--verbose", is_flag=True, help="Say more.")
@click.option(
    "--progress/--no-progress",
    default=None,
    help="Show progress bars.  [default: on a terminal]",
)
@click.option(
    "--log-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="FACEPICS_LOG_FILE",
    help="Also write the log to this file.",
)
@click.option(
    "--log-format",
    type=click.Choice(("text", "json")),
    default="text",
    show_default=True,
    envvar="FACEPICS_LOG_FORMAT",
    help="Form of the log.",
)
@add_settings
def run(
    inputs: tuple[str, ...],
    output: Path,
    dry_run: bool,
    quiet: bool,
    verbose: bool,
    progress: bool | None,
    log_file: Path | None,
    log_format: str,
    **values: Any,
) -> ExitCode:
    """Work through videos: folders, files, patterns, or @LIST with a path on each line.

    Exit codes: 0 all done or nothing to do; 1 unexpected error; 2 wrong usage, missing input,
    device or weights; 3 finished, but some videos are partial, failed, crashed, timed out, over a
    limit, changing or refused; 4 the output cannot be written to or is full; 11 another run works
    on the same output; 130 and 143 stopped by a signal.
    """
    if not inputs:
        raise click.UsageError("name a folder of videos, as in: facepics ./media")
    settings = settings_from(values)
    from pipeline import batch, console

    console.start_log(quiet=quiet, verbose=verbose, file=log_file, form=log_format)
    for mistaken, meant in mistaken_variables(run, os.environ):
        _log.warning("the variable %s means nothing: %s is meant, perhaps", mistaken, meant)
    if dry_run:
        console.show_plan(batch.plan_batch(inputs, output, settings))
        return ExitCode.OK
    show = sys.stderr.isatty() if progress is None else progress
    with console.Progress(enabled=show and not quiet) as bars:
        result = batch.process_batch(inputs, output, settings, progress=bars)
    if not quiet:
        console.show_summary(result)
    return result.exit_code


@cli.command()
@click.argument("crop", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def inspect(crop: Path) -> ExitCode:
    """Print where a crop comes from: source, time, frame, box, track, quality."""
    from pipeline import inspect_crop

    click.echo(inspect_crop.describe(inspect_crop.inspect(crop)))
    return ExitCode.OK


@cli.command()
@click.argument("output", type=click.Path(exists=True, file_okay=False, path_type=Path))
def catalog(output: Path) -> ExitCode:
    """Rebuild catalog.sqlite and index.html in OUTPUT from the manifests of the results."""
    from pipeline.batch import rebuild_catalog
    from pipeline.names import counted

    click.echo(counted(rebuild_catalog(output), "video"))
    return ExitCode.OK


@cli.command()
@click.argument("before", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.argument("after", type=click.Path(exists=True, file_okay=False, path_type=Path))
def compare(before: Path, after: Path) -> ExitCode:
    """Compare the health of tracks in two folders of results; exit code 3: something is worse.

    Needs no labels: a change says that something became different, not which one is right.
    """
    from pipeline import compare as comparison

    found = comparison.compare(before, after)
    click.echo(comparison.describe(found))
    return ExitCode.SOME_FAILED if found.worse else ExitCode.OK


for command in upkeep.COMMANDS:
    cli.add_command(command)


def main() -> None:
    """Run the command line and exit with its code."""
    os.umask(0o077)
    signal.signal(signal.SIGTERM, _terminate)
    sys.exit(_main())


def _main() -> int:
    try:
        return int(cli.main(standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        _name_origin(error)
        return ExitCode.SET_UP
    except FacepicsError as error:
        click.echo(f"facepics: {error}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo(_STOPPED, err=True)
        return ExitCode.INTERRUPTED
    except Terminated:
        click.echo(_STOPPED, err=True)
        return ExitCode.TERMINATED


def _name_origin(error: click.ClickException) -> None:
    """Say which variable of the environment or settings file a wrong value comes from."""
    context, option = getattr(error, "ctx", None), getattr(error, "param", None)
    if not (isinstance(context, click.Context) and isinstance(option, click.Option)):
        return
    source = context.get_parameter_source(str(option.name))
    if source is ParameterSource.ENVIRONMENT:
        click.echo(f"It comes from the variable {option.envvar}.", err=True)
    if source is ParameterSource.DEFAULT_MAP:
        click.echo(f"It comes from the file {context.meta[_SETTINGS_FILE]}.", err=True)


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated
