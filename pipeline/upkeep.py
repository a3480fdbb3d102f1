"""The commands that look after a folder of results: they find and open no video."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from pipeline.errors import ExitCode

_OUTPUT: dict[str, Any] = {"type": click.Path(exists=True, file_okay=False, path_type=Path)}
_DEFAULT = Path("facepics")


@click.command()
@click.argument("output", default=_DEFAULT, **_OUTPUT)
@click.option(
    "--progress/--no-progress", default=None, help="Show a bar.  [default: on a terminal]"
)
def verify(output: Path, progress: bool | None) -> ExitCode:
    """Hash all files in OUTPUT again and compare them with the manifests, and the catalog too.

    Prints a line for each file that is missing, changed or extra, for each torn manifest, and for
    what the catalog has wrong. Exit codes: 0 all is as it should be; 3 something is not.
    """
    from pipeline.console import bytes_bar
    from pipeline.verify import verify_output

    with bytes_bar(sys.stderr.isatty() if progress is None else progress) as show:
        found = verify_output(output, show)
    for problem in found.problems:
        click.echo(str(problem))
    count = f"{len(found.problems)} problems" if found.problems else "all whole"
    click.echo(f"{found.results} results, {found.files} files: {count}")
    return found.exit_code


COMMANDS = (verify,)
