"""``catalog.sqlite``: all videos, tracks and crops of an output folder, for any SQLite tool.

The manifests are the truth: the catalog is rebuilt from them, and the tables beside them, when it
is missing, damaged or of another schema. Runs are not in it (they stand in ``runs/``), so that a
run which finds nothing to do changes no byte of it. Its tables are explained in ``catalog.sql``.
"""

from __future__ import annotations

import hashlib
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pipeline import manifest
from pipeline.errors import OutputError
from pipeline.layout import ANNOTATED, BOXES, INDEX_PAGE, TRACKS
from pipeline.manifest import Manifest
from pipeline.names import encoded, is_safe, printable

FILE_NAME = "catalog.sqlite"
SCHEMA = 1

_LONGEST_WAIT = 5.0
"""Seconds that a write waits for someone who reads the catalog with another tool."""

_log = logging.getLogger(__name__)

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class VideoRow:
    """One video as the catalog has it; see ``catalog.sql``."""

    folder: str
    name: str
    status: str
    phase: str
    reason: str
    warnings: str
    present: bool
    duplicate_of: str
    duration_s: float | None
    frame_rate: float | None
    width: int | None
    height: int | None
    frames: int
    faces: int
    tracks: int
    crops: int
    page: str | None
    annotated: str | None


@dataclass(frozen=True, slots=True)
class BestCrop:
    """The best look at one track."""

    track_id: int
    crop: str
    """Path below the folder of the video's result."""
    quality: float
    from_start_s: float


class CatalogBusy(OutputError):
    """Another program is reading the catalog and will not let go of it."""


class Catalog:
    """The catalog of one output folder; a context manager."""

    def __init__(self, output: Path) -> None:
        self.output = output
        if not _is_sound(output / FILE_NAME):
            rebuild(output)
        self._db = _connect(output / FILE_NAME)

    @classmethod
    def open(cls, output: Path) -> Self:
        """Open the catalog in ``output``, rebuilt if need be; raises :class:`OutputError`."""
        return cls(output)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def update(self, folder: str, video: Manifest) -> bool:
        """Take in the result in ``folder`` (below the output folder); tell whether it was news."""
        return self._do(lambda db: enter(db, self.output, folder, video))

    def remove(self, folder: str) -> bool:
        """Forget the result in ``folder``; tell whether it was known."""
        forget = "DELETE FROM videos WHERE folder = ?"
        return self._do(lambda db: db.execute(forget, (folder,))).rowcount > 0

    def mark(self, present: Mapping[str, bool]) -> bool:
        """Note for folders whether their sources are still there; tell whether that was news."""
        return self._do(lambda db: _mark(db, present))

    def videos(self) -> list[VideoRow]:
        """Return all videos by name: first what did not end well, last what is no video."""
        columns = ", ".join(field.name for field in fields(VideoRow))
        order = "name NOT IN (SELECT name FROM problems), status = 'skipped', name, folder"
        query = f"SELECT {columns} FROM videos ORDER BY {order}"
        return [VideoRow(*row) for row in self._do(lambda db: db.execute(query).fetchall())]

    def best_crops(self, folder: str, count: int) -> list[BestCrop]:
        """Return up to ``count`` best looks of a video: good ones first, then by quality."""
        columns = "track_id, best_crop, best_quality, best_from_start_s"
        order = "best_reason != '', best_quality DESC, track_id"
        there = "folder = ? AND best_crop != ''"
        query = f"SELECT {columns} FROM tracks WHERE {there} ORDER BY {order} LIMIT ?"
        rows = self._do(lambda db: db.execute(query, (folder, count)).fetchall())
        return [BestCrop(*row) for row in rows]

    def _do(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``action`` whole or not at all; a catalog that turns out damaged is rebuilt first."""
        try:
            with self._db:
                return action(self._db)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise CatalogBusy(f"{self.output / FILE_NAME} is in use") from error
            raise _output_error(self.output, error) from error
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) not in _DAMAGED:
                raise
        self._db.close()
        rebuild(self.output)
        self._db = _connect(self.output / FILE_NAME)
        with self._db:
            return action(self._db)


def rebuild(output: Path) -> None:
    """Make the catalog of ``output`` anew from the manifests; raises :class:`OutputError`.

    Whether a source is still there does not stand in its manifest: every source counts as present
    until a run has looked.
    """
    path = output / FILE_NAME
    draft = path.with_name(f".{FILE_NAME}.part")
    try:
        _remove_database(draft)
        os.close(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with closing(_connect(draft)) as db, db:
            create_tables(db)
            for folder, video in find_results(output):
                enter(db, output, folder, video)
        # A journal left by a killed run must not be rolled back into the new file.
        _remove_database(path)
        draft.replace(path)
    except (OSError, sqlite3.OperationalError) as error:
        raise _output_error(output, error) from error


def create_tables(db: sqlite3.Connection) -> None:
    """Make the empty tables of a catalog."""
    db.executescript(files("pipeline").joinpath("catalog.sql").read_text("utf-8"))
    db.execute(f"PRAGMA user_version = {SCHEMA}")


def _connect(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=_LONGEST_WAIT)
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")  # what was purged stays in no page that is free
    return db


def _is_sound(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with closing(_connect(path)) as db:
            (version,) = db.execute("PRAGMA user_version").fetchone()
            return bool(version == SCHEMA)
    except sqlite3.DatabaseError:
        return False


def _remove_database(path: Path) -> None:
    for name in (path.name, f"{path.name}-journal"):
        path.with_name(name).unlink(missing_ok=True)


def _output_error(output: Path, error: Exception) -> OutputError:
    return OutputError(f"the catalog in {output} cannot be used ({error}): mend that and run again")


def find_results(output: Path) -> Iterator[tuple[str, Manifest]]:
    """Find every whole result below ``output``, with its folder."""
    for path, folders, names in os.walk(output):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if manifest.FILE_NAME not in names:
            continue
        folders.clear()
        folder = Path(path).relative_to(output).as_posix()
        try:
            if not is_safe(folder):
                raise ValueError("this is no folder that facepics makes")
            yield folder, Manifest.read(Path(path))
        except (OSError, ValueError) as error:
            _log.warning("%s: left out of the catalog: %s", printable(folder), error)


def enter(db: sqlite3.Connection, output: Path, folder: str, video: Manifest) -> bool:
    """Put the rows of one result in place of older ones; tell whether it was news."""
    row = _video_row(folder, video)
    known = db.execute("SELECT fingerprint FROM videos WHERE folder = ?", (folder,)).fetchone()
    if known and known[0] == row["fingerprint"]:
        return False
    db.execute("DELETE FROM videos WHERE folder = ?", (folder,))
    _insert(db, "videos", [row])
    try:
        if TRACKS in video.outputs:
            _enter_tables(db, output, folder)
    except (OSError, ValueError, KeyError, sqlite3.IntegrityError) as error:
        _log.warning(
            "%s: its tables are damaged (%s), and the catalog has none of its tracks: a run with "
            "--force over its source makes them anew",
            printable(folder),
            error,
        )
    return True


def _enter_tables(db: sqlite3.Connection, output: Path, folder: str) -> None:
    from pipeline import read_tables  # with Arrow: a run that finds nothing to do starts without

    result = output / folder
    _insert(db, "tracks", [{"folder": folder, **row} for row in read_tables.read_tracks(result)])
    _insert(db, "crops", [{"folder": folder, **row} for row in read_tables.read_looks(result)])


def _insert(db: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        columns = ", ".join(rows[0])
        values = ", ".join(f":{column}" for column in rows[0])
        db.executemany(f"INSERT INTO {table} ({columns}) VALUES ({values})", rows)


def _video_row(folder: str, video: Manifest) -> dict[str, Any]:
    info, counts = video.video, video.counts
    row = {
        "folder": folder,
        "name": encoded(video.name),
        "status": str(video.status),
        "phase": video.phase,
        "reason": printable(video.reason),
        "warnings": "\n".join(map(printable, video.warnings)),
        "present": True,
        "duplicate_of": encoded(video.duplicate_of),
        "sha256": video.sha256,
        "size_bytes": video.size,
        "duration_s": info and info.duration,
        "width": info and info.width,
        "height": info and info.height,
        "frame_rate": info and float(info.frame_rate),
        "codec": info and info.codec,
        "frames": counts.frames,
        "faces": counts.faces,
        "tracks": counts.tracks,
        "crops": counts.crops,
        "dropped_tracks": counts.dropped_tracks,
        "page": INDEX_PAGE if INDEX_PAGE in video.outputs else None,
        "annotated": ANNOTATED if ANNOTATED in video.outputs else None,
        "program": video.program,
    }
    return row | {"fingerprint": _fingerprint(row, video)}


def _fingerprint(row: Mapping[str, Any], video: Manifest) -> str:
    """Tell results apart by all that rows are made of."""
    sources = [video.outputs.get(name) for name in (TRACKS, BOXES)]
    return hashlib.sha256(repr((row, sources)).encode()).hexdigest()


def _mark(db: sqlite3.Connection, present: Mapping[str, bool]) -> bool:
    known = db.execute("SELECT folder, present FROM videos").fetchall()
    news = [(now, folder) for folder, was in known if (now := present.get(folder, was)) != was]
    db.executemany("UPDATE videos SET present = ? WHERE folder = ?", news)
    return bool(news)
