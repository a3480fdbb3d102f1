"""What a person sees while a batch runs and when it is through: log, bars, table.

The only room beside :mod:`pipeline.cli` that prints.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import click
from tqdm import tqdm

from pipeline.batch import BatchResult
from pipeline.facts import Health, Source, Status, VideoResult
from pipeline.names import printable
from pipeline.planning import Action, Decision

_log = logging.getLogger("facepics")

_SHOWN = 50
"""Videos that are named in a list."""
_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"),
    *(".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".vob", ".webm", ".wmv"),
)
"""Of names that promise a video."""

_PLANNED = {
    Action.WORK: "work",
    Action.REUSE: "unchanged",
    Action.DUPLICATE: "duplicate",
    Action.WAIT: "left",
}
"""What a dry run calls that which is to be done about a source, where its status does not say."""

_UNITS = {"select": " boxes", "write": " tables", "verify": " files"}
"""What stages count that do not count frames."""


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if trace := _trace(record):
            entry["trace"] = trace
        return json.dumps(entry)


class _TextFormatter(logging.Formatter):
    """A line that no file name can break or colour."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{record.levelname} {printable(record.getMessage())}"
        return "\n".join([line, *map(printable, _trace(record).splitlines())])


def _trace(record: logging.LogRecord) -> str:
    """Return the trace of an error: of this process, or as a worker sent it."""
    if record.exc_info:
        return logging.Formatter().formatException(record.exc_info)
    return str(getattr(record, "trace", ""))


class _BarHandler(logging.Handler):
    """Writes to standard error without tearing the progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def start_log(*, quiet: bool, verbose: bool, file: Path | None, form: str) -> None:
    """Send the log to standard error and, if asked for, to ``file``."""
    handlers: list[logging.Handler] = [_BarHandler()]
    if file is not None:
        try:
            handlers.append(logging.FileHandler(file, encoding="utf-8", errors="backslashreplace"))
        except OSError as error:
            raise click.BadParameter(f"cannot write the log to {file}: {error.strerror}") from error
    formatter = _JsonFormatter() if form == "json" else _TextFormatter()
    for handler in handlers:
        handler.setFormatter(formatter)
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING
    handlers[0].setLevel(level)
    for handler in handlers[1:]:
        handler.setLevel(logging.DEBUG if verbose else logging.INFO)
    logging.basicConfig(level=logging.DEBUG, handlers=handlers, force=True)


class Progress:
    """Two bars on a terminal, the batch and the running video; and the log of what ended."""

    def __init__(self, *, enabled: bool) -> None:
        self._enabled = enabled
        self._batch: tqdm[Any] | None = None
        self._video: tqdm[Any] | None = None
        self._followed: Source | None = None
        self._stage = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for bar in (self._video, self._batch):
            if bar is not None:
                bar.close()

    def begin(self, sources: int) -> None:
        """Open the bar of the batch."""
        _log.info("%d files found", sources)
        if self._enabled:
            self._batch = tqdm(total=sources, unit=" videos", position=0, dynamic_ncols=True)
            self._video = tqdm(unit=" frames", position=1, leave=False, dynamic_ncols=True)

    def video(self, source: Source, stage: str, done: int, total: int | None) -> None:
        """Move the bar of the running video; of several, one is followed to its end."""
        self._followed = self._followed or source
        if self._video is None or source != self._followed:
            return
        if self._stage != stage:
            self._stage = stage
            self._video.reset(total)
            self._video.unit = _UNITS.get(stage, " frames")
            self._video.set_description_str(f"{stage} {printable(source.name)}"[-48:])
        self._video.total = total
        self._video.update(done - self._video.n)

    def end(self, result: VideoResult) -> None:
        """Move the bar of the batch and log what became of the source."""
        if result.source == self._followed:
            self._followed, self._stage = None, ""
        level = logging.INFO if result.status.ok else logging.ERROR
        reason = f": {result.reason}" if result.reason else ""
        still = "still " if result.reused and not result.status.ok else ""
        _log.log(level, "%s%s %s%s", still, _label(result), result.source.name, reason)
        for warning in result.warnings:
            _log.info("%s: %s", result.source.name, warning)
        if self._batch is not None:
            self._batch.update()


@contextmanager
def bytes_bar(enabled: bool) -> Iterator[Callable[[int, int], None]]:
    """Show a bar of bytes; gives what moves it, called with the bytes done and those there are."""
    with tqdm(unit="B", unit_scale=True, disable=not enabled, leave=False) as bar:

        def move(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield move


def show_plan(decisions: Sequence[Decision]) -> None:
    """Print what a run would do."""
    labels = [_PLANNED.get(one.action, one.status.value) for one in decisions]
    for label, decision in zip(labels, decisions, strict=True):
        click.echo(printable(f"{label:10} {decision.source.name}  ({decision.why})"))
    click.echo(_count(len(decisions), Counter(labels)))


def show_summary(result: BatchResult) -> None:
    """Print the closing table: what there was, what failed and why, how fast it went."""
    videos = result.videos
    statuses = Counter(map(_label, videos))
    worked = [video for video in videos if not video.reused]
    frames = sum(video.frames for video in worked)
    rows = [
        ("files", _count(len(videos), statuses)),
        ("faces", f"{sum(video.faces for video in videos):,}"),
        ("tracks", f"{sum(video.tracks for video in videos):,}"),
        ("crops", f"{sum(video.crops for video in videos):,}"),
        *(("health", text) for text in _health(videos)),
        ("frames", f"{frames:,} in {_duration(result.seconds)}{_speed(frames, result.seconds)}"),
        ("results", str(result.output)),
    ]
    if warned := [video for video in videos if video.warnings and video.status.ok]:
        rows.insert(1, ("warnings", f"for {len(warned)} of them: see their pages"))
    rows[-1:-1] = [("detector", used) for used in sorted({v.detector for v in worked} - {""})]
    if result.gone:
        rows.insert(1, ("gone", f"{result.gone} from where they were; their results stay"))
    if result.left:
        rows.insert(1, ("left", f"{result.left} for the next run"))
    for name, value in rows:
        click.echo(f"{name:>8}  {printable(value)}")
    _show("not whole", [video for video in videos if not video.status.ok])
    _show("with new warnings", [video for video in warned if not video.reused])
    _show("no videos, though called so", [video for video in videos if _is_misnamed(video)])


def _health(videos: Sequence[VideoResult]) -> Iterator[str]:
    """Yield the mean health of the tracks, over the videos that have any."""
    healths = [video.health for video in videos if video.health is not None and video.tracks]
    if healths:
        yield Health.mean(healths).describe()


def _count(total: int, statuses: Counter[str]) -> str:
    parts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    return f"{total} ({parts})" if total else "none found"


def _label(video: VideoResult) -> str:
    """Return what became of a source, in a word."""
    stands = video.status.has_results or video.status is Status.DUPLICATE
    if video.reused and video.status.ok and stands:
        return "unchanged"
    return "no faces" if video.status is Status.EMPTY else video.status.value


def _is_misnamed(video: VideoResult) -> bool:
    called_so = video.source.name.lower().endswith(_SUFFIXES)
    return video.status is Status.SKIPPED and called_so and not video.source.young


def _show(title: str, videos: Sequence[VideoResult]) -> None:
    """Print each video with what is wrong with it."""
    if videos:
        click.echo(f"\n{title}:")
    for video in videos[:_SHOWN]:
        where = f" during {video.phase}" if video.phase else ""
        reason = video.reason or "; ".join(video.warnings)
        line = f"{video.status.value}{where}  {video.source.name}: {reason}"
        click.echo(f"  {printable(line)}")
    if len(videos) > _SHOWN:
        click.echo(f"  and {len(videos) - _SHOWN} more: see runs/ in the results")


def _duration(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} s"
    return time.strftime("%H:%M:%S", time.gmtime(seconds))


def _speed(frames: int, seconds: float) -> str:
    return f" ({frames / seconds:.0f} frames/s)" if frames and seconds else ""
