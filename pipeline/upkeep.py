"""The commands that look after a folder of results: they find and open no video."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.errors import ExitCode

if TYPE_CHECKING:
    from pipeline.purge import PurgeReport

_OUTPUT: dict[str, Any] = {"type": click.Path(exists=True, file_okay=False, path_type=Path)}
_DEFAULT = Path("facepics")


class _Days(click.ParamType[float]):
    """An age: ``90d`` or ``12w``."""

    name = "age"

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        """Return it in days."""
        form = re.fullmatch(r"(\d+(?:\.\d+)?)([dw])", str(value))
        if form is None:
            self.fail(f"{value!r} is no age: write 90d or 12w", param, ctx)
        return float(form[1]) * {"d": 1, "w": 7}[form[2]]


class _Track(click.ParamType[tuple[str, int]]):
    """A source's name and the id of one of its tracks."""

    name = "name:id"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, int]:
        """Return both."""
        source, _, track_id = str(value).rpartition(":")
        if not (source and track_id.isascii() and track_id.isdigit()):
            self.fail(f"{value!r} names no track: write NAME:ID, as in day1.mp4:3", param, ctx)
        return source, int(track_id)


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
    from pipeline.names import counted
    from pipeline.verify import verify_output

    with bytes_bar(sys.stderr.isatty() if progress is None else progress) as show:
        found = verify_output(output, show)
    for problem in found.problems:
        click.echo(str(problem))
    count = f"{len(found.problems)} not as they should be" if found.problems else "all whole"
    click.echo(f"{counted(found.results, 'result')}, {counted(found.files, 'file')}: {count}")
    if found.problems:
        click.echo(
            "to make results anew: run again over their sources, with --force; those of which "
            "tracks were purged stay as they are until purge --forget"
        )
    return found.exit_code


@click.command()
@click.argument("output", **_OUTPUT)
@click.option("--older-than", "days", type=_Days(), help="Results published longer ago: 90d, 12w.")
@click.option("--source", help="Results of this source: its path, or its name in the results.")
@click.option("--track", type=_Track(), help="One track of one source, as in day1.mp4:3.")
@click.option("--forget", is_flag=True, help="Leave no tombstone: the next run makes it again.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and remove nothing.")
def purge(
    output: Path,
    days: float | None,
    source: str | None,
    track: tuple[str, int] | None,
    forget: bool,
    dry_run: bool,
) -> ExitCode:
    """Remove results from OUTPUT for good: crops, videos, scans, tables, pages, catalog rows.

    What is removed leaves a tombstone, so that no later run makes it again: the hash of the
    source's content, its name and, for a track, when and where it was. With --forget there is none,
    and one that is there is dropped. A track takes with it the annotated video and the clips of
    others at the same time, which show this person and cannot be made again without the source.
    """
    from pipeline.purge import OfSource, OfTrack, OlderThan, purge_output

    if sum(choice is not None for choice in (days, source, track)) != 1:
        raise click.UsageError("give one of --older-than, --source and --track")
    target = (
        OlderThan(days)
        if days is not None
        else OfSource(source)
        if source is not None
        else OfTrack(*(track or ("", 0)))
    )
    _tell(purge_output(output, target, forget=forget, dry_run=dry_run), dry_run)
    return ExitCode.OK


def _tell(found: PurgeReport, dry_run: bool) -> None:
    from pipeline.names import counted, printable

    verb = "would remove" if dry_run else "removed"
    for one in found.removed:
        what = f"track {one.track_id} of {one.name}" if one.track_id else one.name
        listed = f": {', '.join(one.files)}" if one.track_id else ""
        size = f"{counted(len(one.files), 'file')}, {one.size / 1e6:.1f} MB"
        click.echo(printable(f"{verb} {what} ({size}){listed}"))
    for name in found.forgotten:
        click.echo(printable(f"{'would forget' if dry_run else 'forgot'} the purge of {name}"))
    if not (found.removed or found.forgotten):
        click.echo("nothing to purge")


@click.command()
@click.argument("output", type=click.Path(file_okay=False, path_type=Path), default=_DEFAULT)
@click.option("--weights", default="faceboxes", show_default=True, help="Detector to try.")
@click.option("--device", default="auto", show_default=True, help="Where to try it.")
def doctor(output: Path, weights: str, device: str) -> ExitCode:
    """Check that this machine can do the work, and say what to do where it cannot.

    Tries Python and the libraries, codecs, weights, the detector on its device, and the disk on
    which OUTPUT is or will be. Exit codes: 0 all that is needed is there; 2 something is not.
    """
    from pipeline import doctor as room

    findings = room.examine(room.Plan(output, weights, device))
    for finding in findings:
        click.echo(str(finding))
    return room.exit_code(findings)


COMMANDS = (verify, purge, doctor)
