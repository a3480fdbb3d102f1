"""The output folder: who may write to it, and how a result becomes visible.

    OUT/.facepics/lock           held by the one run that writes
    OUT/.facepics/staging/<id>/  where a result is built
    OUT/.facepics/index.sqlite   what is remembered of sources
    OUT/<folder>/                a whole result, with its manifest

A result is built in staging, on the same file system, synced to disk and renamed into place in
one step. What is visible is therefore whole at every moment, also after a power cut. Replacing an
older result exchanges the two folders in one step; what is left in staging is swept at the next
start.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import shutil
import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline import manifest, names
from pipeline.errors import Locked, OutputError
from pipeline.layout import INDEX_PAGE
from pipeline.manifest import Manifest

MARKER = ".facepics"
_RESERVED = {MARKER, "runs", "pages", "catalog.sqlite", INDEX_PAGE}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNWRITABLE = {errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO}
WRITE_ERRORS = _FULL | _UNWRITABLE
"""What the operating system says when a folder is full or must not be written to."""

_AT_FDCWD = -100
NO_REPLACE = 1
EXCHANGE = 2


class OutputFolder:
    """The output folder of a run, locked for as long as the object is open.

    Unless it is opened as a context manager it can only be looked at, and nothing is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        self.inner = self.path / MARKER
        self.staging = self.inner / "staging"
        self.index_file = self.inner / "index.sqlite"
        self._lock = -1
        self._passed: Counter[str] = Counter()

    def __enter__(self) -> Self:
        with output_errors(self.path):
            self.staging.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._take_lock()
            self._sweep()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with contextlib.suppress(OSError):  # the next start sweeps again
            self._sweep()
        os.close(self._lock)

    def _sweep(self) -> None:
        """Remove what an interrupted run has left half done."""
        for left_over in self.staging.iterdir():
            remove_tree(left_over)

    def _take_lock(self) -> None:
        self._lock = os.open(self.inner / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            raise Locked(
                f"another run is writing to {self.path}: wait for it to end, or choose another "
                "folder with --output"
            ) from None

    def stage(self, folder: str) -> Path:
        """Return a new empty folder in which the result for ``folder`` is to be built."""
        stage = self.staging / names.short_id(folder)
        with output_errors(self.path):
            remove_tree(stage)
            stage.mkdir(mode=0o700)
        return stage

    def drop(self, stage: Path) -> None:
        """Throw away what was built in ``stage``."""
        with contextlib.suppress(OSError):  # the next start sweeps again
            remove_tree(stage)

    def publish(self, stage: Path, folder: str) -> Path:
        """Make the whole result in ``stage`` visible as ``folder``; return where it is."""
        target = self.path / folder
        self._fault("after-stage")
        with output_errors(self.path):
            sync_tree(stage)
            self._fault("before-rename")
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if target.exists():
                _rename(stage, target, EXCHANGE)
            else:
                _rename(stage, target, NO_REPLACE)
            self._fault("after-rename")
            _sync(target.parent)
            with contextlib.suppress(OSError):
                remove_tree(stage)
        self._fault("after-publish")
        return target

    def withdraw(self, folder: str) -> None:
        """Take the result in ``folder`` away in one step, and the folders that it leaves empty."""
        source, grave = self.path / folder, self.staging / f"{names.short_id(folder)}.gone"
        with output_errors(self.path):
            remove_tree(grave)
            _rename(source, grave, NO_REPLACE)
            _sync(source.parent)
            remove_tree(grave)
            for parent in source.relative_to(self.path).parents[:-1]:
                if any((self.path / parent).iterdir()):
                    break
                (self.path / parent).rmdir()

    def _fault(self, point: str) -> None:
        """Kill this process where a test asks for it: ``FACEPICS_FAULT=after-rename:2``.

        The number says at which time of passing the point; the points are those of ``publish``.
        """
        self._passed[point] += 1
        if os.environ.get("FACEPICS_FAULT") == f"{point}:{self._passed[point]}":
            os.kill(os.getpid(), signal.SIGKILL)

    def manifest(self, folder: str) -> Manifest | None:
        """Return the manifest of ``folder``, or None where there is no whole one."""
        try:
            return Manifest.read(self.path / folder)
        except (OSError, manifest.BrokenManifest):
            return None

    def may_hold_result(self, folder: str) -> bool:
        """Tell whether a result may be put at ``folder`` without touching anything else's.

        A result never lies inside another result, nor around one, nor on a file of ours.
        """
        parts = Path(folder).parts
        if parts[0] in _RESERVED:
            return False
        above = [self.path.joinpath(*parts[:n]) for n in range(1, len(parts))]
        if any(path.is_file() or (path / manifest.FILE_NAME).exists() for path in above):
            return False
        target = self.path / folder
        return not target.exists() or (target / manifest.FILE_NAME).exists()


@contextmanager
def held_still(path: Path) -> Iterator[None]:
    """Keep runs from writing to the output folder ``path`` meanwhile; changes nothing itself.

    Raises:
        Locked: If a run is writing.
        OutputError: If the folder cannot be read.
    """
    with output_errors(path):
        lock = os.open(path / MARKER / "lock", os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise Locked(f"a run is writing to {path}: wait for it to end") from None
    finally:
        os.close(lock)


@contextmanager
def private_files() -> Iterator[None]:
    """Make what is written meanwhile readable by its owner only: faces are personal data."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Turn the operating system's errors of writing below ``path`` into :class:`OutputError`."""
    try:
        yield
    except OSError as error:
        raise output_error(error, path) from error


def output_error(error: OSError, path: Path) -> OutputError:
    """Say what ``error`` means for the user who writes to ``path``."""
    if error.errno in _FULL:
        return OutputError(f"there is no room left in {path}: free some and run again")
    if error.errno in _UNWRITABLE:
        return OutputError(f"{path} cannot be written to ({error.strerror}): mend that, run again")
    reason = error.strerror or error
    return OutputError(f"writing to {path} failed ({reason}): name another folder for the results")


def remove_tree(folder: Path) -> None:
    """Remove a folder and all below it, where there is one; raises OSError.

    A worker that was taken over may have made it deeper than Python can follow, or closed it.
    """
    try:
        shutil.rmtree(folder)
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
            subprocess.run([*command, "--", folder], capture_output=True, check=False)
        if os.path.lexists(folder):
            raise


def sync_tree(folder: Path) -> None:
    """Bring every file and folder below ``folder``, and itself, to the disk."""
    for path, _, files in os.walk(folder, topdown=False):
        for name in files:
            _sync(Path(path, name))
        _sync(Path(path))


def write_whole(path: Path, data: bytes) -> None:
    """Write ``data`` to ``path`` such that a reader sees the old file or the new one, whole."""
    draft = path.with_name(f".{path.name}.part")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)
    _sync(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def renameat2(source: Path, target: Path, flag: int) -> bool:
    """Rename as renameat2(2) does; tell whether the file system knows that. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.renameat2(
        _AT_FDCWD, os.fsencode(source), _AT_FDCWD, os.fsencode(target), ctypes.c_uint(flag)
    )
    if result == 0:
        return True
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(code, os.strerror(code), str(target))
    return False


def _rename(source: Path, target: Path, flag: int) -> None:
    """Rename as renameat2(2) does, or in two steps where the file system does not know it."""
    if renameat2(source, target, flag):
        return
    if flag == EXCHANGE:
        aside = source.with_name(f"{source.name}.old")
        target.rename(aside)
        source.rename(target)
        shutil.rmtree(aside, ignore_errors=True)
    else:
        source.rename(target)
