"""Which content stands behind a path: fingerprints, content hashes, and the memory of both.

Hashing an archive costs as long as reading it. A file whose device, inode, size and times are
unchanged is therefore not hashed again: its hash is remembered in a small SQLite file inside the
output folder. Losing that file costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.decode.container import open_file
from pipeline.errors import SourceChanging, Unreadable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (
    path BLOB PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    folder TEXT NOT NULL DEFAULT '',
    skipped TEXT NOT NULL DEFAULT ''
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_sha256 ON sources (sha256);
CREATE INDEX IF NOT EXISTS by_folder ON sources (folder);
"""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells, without reading, whether a file is still the same."""

    device: int
    inode: int
    size: int
    modified: int
    """Nanoseconds."""
    changed: int
    """Nanoseconds; of the inode, so that a reset modification time does not deceive."""

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        """Take the fingerprint of the file at ``path``; raises :class:`Unreadable`."""
        try:
            stat = path.stat()
        except OSError as error:
            raise Unreadable(f"the file cannot be read: {error.strerror}") from error
        return cls(stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)

    def __str__(self) -> str:
        return f"{self.device}:{self.inode}:{self.size}:{self.modified}:{self.changed}"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of the regular file at ``path``.

    Raises:
        Refused: it is a link or no regular file.
        Unreadable: it cannot be read.
    """
    with open_file(path) as file:
        try:
            return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise Unreadable(f"the file cannot be read: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Content:
    """The content behind a path at one moment."""

    fingerprint: Fingerprint
    sha256: str

    def check_unchanged(self, path: Path) -> None:
        """Raise :class:`SourceChanging` if the file at ``path`` is no longer this content."""
        if Fingerprint.of(path) != self.fingerprint:
            raise SourceChanging("the file changed while it was read; it is tried again next time")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What is known of a path from earlier runs."""

    fingerprint: str
    sha256: str
    folder: str
    """Folder of its results below the output folder; empty where it has none."""
    skipped: str
    """Why it is no video, where that was found."""


class SourceIndex:
    """The memory: path -> fingerprint, hash, folder of its results."""

    def __init__(self, file: Path) -> None:
        self._db = _open(file)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._db.close()

    def get(self, path: Path) -> Remembered | None:
        """Return what is known of ``path``."""
        row = self._db.execute(
            "SELECT fingerprint, sha256, folder, skipped FROM sources WHERE path = ?",
            (os.fsencode(path),),
        ).fetchone()
        return Remembered(*row) if row else None

    def put(self, path: Path, content: Content, folder: str = "", skipped: str = "") -> None:
        """Remember ``path``."""
        with self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?)",
                (os.fsencode(path), str(content.fingerprint), content.sha256, folder, skipped),
            )

    def owners(self, folder: str) -> list[Path]:
        """Return the paths whose results are in ``folder``."""
        rows = self._db.execute("SELECT path FROM sources WHERE folder = ?", (folder,))
        return [Path(os.fsdecode(row[0])) for row in rows]

    def folders_with(self, sha256: str) -> list[str]:
        """Return the folders of all sources with that content, in stable order."""
        rows = self._db.execute(
            "SELECT DISTINCT folder FROM sources WHERE sha256 = ? AND folder != '' ORDER BY folder",
            (sha256,),
        )
        return [row[0] for row in rows]

    def known(self) -> list[tuple[Path, str]]:
        """Return every remembered path with the folder of its results."""
        rows = self._db.execute("SELECT path, folder FROM sources WHERE folder != ''")
        return [(Path(os.fsdecode(path)), folder) for path, folder in rows]

    def content(
        self, path: Path, hash_file: Callable[[Path], str], known: Remembered | None
    ) -> Content:
        """Return the content of ``path``, hashing it only if it is not as remembered."""
        fingerprint = Fingerprint.of(path)
        if known is not None and known.fingerprint == str(fingerprint):
            return Content(fingerprint, known.sha256)
        content = Content(fingerprint, hash_file(path))
        content.check_unchanged(path)
        return content


def _open(file: Path) -> sqlite3.Connection:
    """Open the index; one that is damaged is made anew."""
    for attempt in (1, 2):
        database = sqlite3.connect(file)
        try:
            database.execute("PRAGMA synchronous = NORMAL")
            database.executescript(_SCHEMA)
            return database
        except sqlite3.DatabaseError:
            database.close()
            if attempt == 2:
                raise
            file.unlink()
    raise AssertionError("not reached")
