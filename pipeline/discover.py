"""Inputs to sources: which files are looked at, and in what order.

An input is one of these, whichever fits first:

- a file or a folder of that very name; folders are walked to their depths;
- ``@LIST``: a file of such inputs, one a line, or each ended by a NUL (``find -print0``). Like any
  others they are taken from the current folder. One that is gone is a failed video, no reason not
  to begin;
- a pattern: ``*``, ``?``, ``[...]``, and ``**`` for any depth.

Nothing is opened here: what a file is, its content decides later. Only regular files are met while
walking; a link, a pipe or a device that the user names is passed on, and refused when opened. No
file of an output folder is taken, neither of this run nor of another.
"""

from __future__ import annotations

import fnmatch
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from glob import has_magic
from pathlib import Path

from pipeline.errors import SetUpError
from pipeline.facts import Source
from pipeline.publish import MARKER
from pipeline.settings import DiscoverSettings

log = logging.getLogger(__name__)

_KERNEL = ("/proc", "/sys", "/dev")
"""Never walked: their files are made up as they are read."""


def discover(
    inputs: Sequence[str | os.PathLike[str]], output: Path, settings: DiscoverSettings
) -> list[Source]:
    """Return the sources behind ``inputs``, each file once, sorted by the bytes of their names.

    ``include`` and ``exclude`` are patterns (``*`` also matches ``/``) for the whole name or its
    last part; an excluded folder is not walked. A source that changed in the last ``settle``
    seconds is ``young``. With ``follow_symlinks`` a source's path is where the links lead to.

    Raises:
        SetUpError: an input does not exist, matches nothing or lies in an output folder, or
            ``output`` lies below an input.
    """
    search = _Search(output, settings)
    for given in inputs:
        search.add(os.fspath(given))
    if left := search.links_left():
        log.warning("symbolic links that are left out: %d; --follow-symlinks takes them too", left)
    return sorted(search.found.values(), key=lambda source: os.fsencode(source.name))


def is_output_folder(path: Path) -> bool:
    """Return whether results were ever published in ``path``."""
    return _holds((path / MARKER).is_dir)


@dataclass
class _Search:
    """What was found so far."""

    output: Path
    settings: DiscoverSettings
    found: dict[str, Source] = field(default_factory=dict)
    """By real path."""

    def __post_init__(self) -> None:
        self._output = Path(os.path.realpath(self.output))
        self._now = time.time()
        self._walked: set[str] = set()
        self._links: set[str] = set()

    def add(self, given: str, *, listed: bool = False) -> None:
        """Add what an input stands for."""
        if os.path.lexists(given):
            self._add_existing(given, named=True)
        elif given.startswith("@") and not listed:
            for line in _lines(given[1:]):
                self.add(line, listed=True)
        elif has_magic(given):
            self._add_pattern(given)
        elif listed:
            self._add_file(self._real(given), named=True)
        else:
            raise SetUpError(f"there is no file or folder {given!r}; check the path")

    def _add_pattern(self, pattern: str) -> None:
        """Add what a pattern matches; the user did not name those."""
        parts = Path(pattern).parts
        fixed = next(place for place, part in enumerate(parts) if has_magic(part))
        base, rest = Path(*parts[:fixed]), Path(*parts[fixed:])
        self._check_no_output(pattern, os.path.realpath(base))
        matches = [str(match) for match in base.glob(str(rest))]
        if not matches:
            raise SetUpError(f"nothing matches the pattern {pattern!r}; check it")
        for match in matches:
            self._add_existing(match, named=False)

    def _add_existing(self, given: str, *, named: bool) -> None:
        """Add a file, or walk a folder; what is only met also where it is to be passed over."""
        path = Path(given)
        if not named and self._is_left(path, path.name):
            return
        if not named and self._output_around(os.path.realpath(given)) is not None:
            return
        if _holds(path.is_dir):
            root = os.path.realpath(given)
            self._check_no_output(given, root)
            self._check_output_beside(given, root)
            self._walk(root)
        elif named or _holds(path.is_file):
            self._check_no_output(given, os.path.realpath(path.parent))
            self._add_file(self._real(given), named=named)

    def _check_no_output(self, given: str, folder: str) -> None:
        """Raise SetUpError if an input is taken from an output folder."""
        output = self._output_around(folder)
        if output is not None:
            raise SetUpError(
                f"{given!r} lies in the output folder {str(output)!r};"
                " give another input or another output"
            )

    def _check_output_beside(self, given: str, root: str) -> None:
        """Raise SetUpError if results would come to lie below an input."""
        if self._output.is_relative_to(root):
            raise SetUpError(
                f"the output folder {str(self._output)!r} lies below the input {given!r}, where"
                " nothing is ever written; name another with --output"
            )

    def _output_around(self, folder: str) -> Path | None:
        """Return the output folder that ``folder``, a real path, is or lies in."""
        places = (Path(folder), *Path(folder).parents)
        return next((it for it in places if it == self._output or is_output_folder(it)), None)

    def _walk(self, root: str) -> None:
        """Add the files below a folder, given by its real path."""
        waiting = [(root, "")]
        while waiting:
            folder, prefix = waiting.pop()
            if folder in self._walked or folder == str(self._output) or folder in _KERNEL:
                continue
            self._walked.add(folder)
            for entry in _entries(folder):
                name = prefix + entry.name
                if self._passed_over(entry, name):
                    continue
                real = Path(os.path.realpath(entry.path)) if entry.is_symlink() else entry
                if _holds(real.is_dir):
                    waiting.append((os.fspath(real), name + "/"))
                elif _holds(real.is_file):
                    self._add_file(os.fspath(real), name)

    def _passed_over(self, entry: os.DirEntry[str], name: str) -> bool:
        if _matches(name, self.settings.exclude):
            return True
        if not entry.is_symlink():
            return False
        leads_to = Path(os.path.realpath(entry.path)).parent
        return self._is_left(entry, name) or self._output_around(str(leads_to)) is not None

    def _is_left(self, met: Path | os.DirEntry[str], name: str) -> bool:
        """Tell whether something is a link that is not to be followed, and remember it."""
        if not met.is_symlink() or self.settings.follow_symlinks:
            return False
        include, real = self.settings.include, os.path.realpath(met)
        wanted = not include or _matches(name, include)
        known = real in _KERNEL or self._output_around(real) is not None
        if not known and (_holds(met.is_dir) or (wanted and _holds(met.is_file))):
            self._links.add(real)
        return True

    def links_left(self) -> int:
        """Return how many files and folders are left out to which only links lead."""
        return len(self._links - self.found.keys() - self._walked)

    def _add_file(self, real: str, name: str = "", *, named: bool = False) -> None:
        """Add a file unless it is not wanted; what is there already keeps its name."""
        known = self.found.get(real)
        name = known.name if known else name or Path(real).name
        include, exclude = self.settings.include, self.settings.exclude
        if _matches(name, exclude) or (include and not _matches(name, include)):
            return
        named = named or (known is not None and known.named)
        self.found[real] = Source(Path(real), name, named, self._is_young(real))

    def _is_young(self, path: str) -> bool:
        if not self.settings.settle:
            return False
        try:
            return abs(self._now - os.lstat(path).st_mtime) < self.settings.settle
        except OSError:  # gone: says so when it is opened
            return False

    def _real(self, path: str) -> str:
        """Return where a file is; a link stays one unless links are followed."""
        if self.settings.follow_symlinks:
            return os.path.realpath(path)
        return str(Path(os.path.realpath(Path(path).parent)) / Path(path).name)


def _entries(folder: str) -> list[os.DirEntry[str]]:
    """Return what is in a folder; nothing if it is an output folder or cannot be read."""
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: os.fsencode(entry.name))
    except OSError as error:
        log.warning("the folder %r is left out: %s", folder, error.strerror)
        return []
    return [] if any(entry.name == MARKER and entry.is_dir() for entry in entries) else entries


def _holds(question: Callable[[], bool]) -> bool:
    """Ask something of a file; where it cannot be got at, it is not so."""
    try:
        return question()
    except OSError:
        return False


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern fits the whole name or its last part."""
    last = name.rpartition("/")[2]
    return any(
        fnmatch.fnmatchcase(name, pattern) or fnmatch.fnmatchcase(last, pattern)
        for pattern in patterns
    )


def _lines(path: str) -> list[str]:
    """Return the inputs that a list holds."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise SetUpError(f"the list {path!r} cannot be read: {error.strerror}") from error
    lines = data.split(b"\0") if b"\0" in data else data.replace(b"\r\n", b"\n").split(b"\n")
    return [os.fsdecode(line) for line in lines if line]
