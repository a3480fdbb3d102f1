"""Which content stands behind a path: fingerprints, content hashes, and the memory of both.

Hashing an archive costs as long as reading it. A file whose device, inode, size and times are
unchanged is therefore not hashed again: its hash is remembered in a small SQLite file inside the
output folder. Losing that file costs time and nothing else.
"""

from __future__ import annotations

import errno
import hashlib
import os
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pipeline.errors import OutputError, Refused, SourceChanging, Unreadable

T = TypeVar("T")

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""The file is no database, is broken, or has other tables."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS sources (
    path BLOB PRIMARY KEY,
    fingerprint TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    folder TEXT NOT NULL,
    skipped TEXT NOT NULL,
    failure TEXT NOT NULL
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
            now = path.stat()
        except OSError as error:
            raise Unreadable(f"the file cannot be read: {error.strerror}") from error
        return cls(now.st_dev, now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)

    def __str__(self) -> str:
        return f"{self.device}:{self.inode}:{self.size}:{self.modified}:{self.changed}"


def open_file(path: Path) -> FileIO:
    """Open a regular file to be read; the caller closes it.

    Raises:
        Refused: it is a symbolic link or no regular file.
        Unreadable: it is gone or must not be read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Refused(
                "the file is a symbolic link: give what it leads to, or --follow-symlinks"
            ) from error
        if error.errno == errno.ENXIO:
            raise Refused("the file is a socket, not a video") from error
        raise Unreadable(f"the file cannot be opened: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Refused("not a regular file")
    return FileIO(descriptor)


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
        try:
            unchanged = Fingerprint.of(path) == self.fingerprint
        except Unreadable:
            unchanged = False
        if not unchanged:
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
    failure: str
    """Manifest of the latest failure, where an older result was worth keeping instead."""


class SourceIndex:
    """The memory: path -> fingerprint, hash, folder of its results.

    Raises OutputError wherever its file cannot be written to; one that is damaged is made anew.
    """

    def __init__(self, file: Path | None) -> None:
        """Open the memory in ``file``; without one, it is empty and forgets everything."""
        self._file = file
        self._db = _connect(file)
        self._do(lambda db: db.executescript(_SCHEMA))

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
        query = "SELECT fingerprint, sha256, folder, skipped, failure FROM sources WHERE path = ?"
        rows = self._read(query, os.fsencode(path))
        return Remembered(*rows[0]) if rows else None

    def put(
        self, path: Path, content: Content, folder: str = "", skipped: str = "", failure: str = ""
    ) -> None:
        """Remember ``path``. No other path has that folder any more."""
        row = (os.fsencode(path), str(content.fingerprint), content.sha256, folder)

        def write(db: sqlite3.Connection) -> None:
            db.execute("UPDATE sources SET folder = '' WHERE folder = ?", (folder,))
            db.execute(
                "INSERT OR REPLACE INTO sources VALUES (?, ?, ?, ?, ?, ?)", (*row, skipped, failure)
            )

        self._do(write)

    def release(self, folder: str) -> None:
        """Remember of its source no longer that it has results in ``folder``, nor how it failed."""
        forget = "UPDATE sources SET folder = '', failure = '' WHERE folder = ?"
        self._do(lambda db: db.execute(forget, (folder,)))

    def owner(self, folder: str) -> Path | None:
        """Return the path whose results are in ``folder``."""
        rows = self._read("SELECT path FROM sources WHERE folder = ?", folder)
        return Path(os.fsdecode(rows[0][0])) if rows else None

    def folders_with(self, sha256: str) -> list[str]:
        """Return the folders of all sources with that content, in stable order."""
        query = "SELECT folder FROM sources WHERE sha256 = ? AND folder != '' ORDER BY folder"
        return [row[0] for row in self._read(query, sha256)]

    def known(self) -> list[tuple[Path, str]]:
        """Return every remembered path that has results, with their folder."""
        rows = self._read("SELECT path, folder FROM sources WHERE folder != ''")
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

    def is_unchanged(self, path: Path) -> bool:
        """Tell whether ``path`` is still the file that is remembered."""
        known = self.get(path)
        try:
            return known is not None and known.fingerprint == str(Fingerprint.of(path))
        except Unreadable:
            return False

    def _read(self, query: str, *values: object) -> list[Any]:
        return self._do(lambda db: db.execute(query, values).fetchall())

    def _do(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """Do ``action`` whole or not at all; a damaged file is made anew first."""
        try:
            with self._db:
                return action(self._db)
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode not in _DAMAGED or self._file is None:
                raise OutputError(f"{self._file} cannot be written to: {error}") from error
        self._db.close()
        for file in (self._file, self._file.with_name(f"{self._file.name}-journal")):
            file.unlink(missing_ok=True)
        self._db = _connect(self._file)
        with self._db:
            self._db.executescript(_SCHEMA)
            return action(self._db)


def is_there(path: Path) -> bool | None:
    """Tell whether there is a file at ``path``; None where that cannot be known now."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return None
    return True


def _connect(file: Path | None) -> sqlite3.Connection:
    return sqlite3.connect(file or ":memory:")
