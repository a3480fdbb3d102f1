"""Whether an output folder still is what its manifests say.

Every output is hashed again, and the catalog compared with what the manifests make of it. Nothing
is written, and no run can write meanwhile. What does not fit is told, not mended.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from stat import S_ISREG

from pipeline import catalog, catalog_check
from pipeline.discover import is_output_folder
from pipeline.errors import ExitCode, SetUpError
from pipeline.layout import INDEX_PAGE
from pipeline.manifest import FILE_NAME, BrokenManifest, Manifest, Output
from pipeline.names import is_safe, printable
from pipeline.publish import MARKER, held_still

_BOOKS = {"runs", "pages", catalog.FILE_NAME, f"{catalog.FILE_NAME}-journal", INDEX_PAGE}
_BLOCK = 1 << 20

Progress = Callable[[int, int], None]
"""Called with the bytes that were hashed, and those that there are."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be."""

    path: str
    """Below the output folder."""
    what: str
    """``missing``, ``changed``, ``extra``, or a sentence."""

    def __str__(self) -> str:
        return printable(f"{self.path}: {self.what}")


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a check found."""

    results: int
    """Whole manifests."""
    files: int
    """Outputs that stand in them."""
    problems: tuple[Problem, ...]
    """Sorted by path."""

    @property
    def exit_code(self) -> ExitCode:
        """0, or 3 where anything is not as it should be."""
        return ExitCode.SOME_FAILED if self.problems else ExitCode.OK


def verify_output(output: str | os.PathLike[str], progress: Progress | None = None) -> VerifyReport:
    """Compare every file below ``output`` with the manifests, and the catalog too.

    Raises:
        SetUpError: If ``output`` is no folder of results.
        Locked: If a run is writing to it.
    """
    folder = Path(output).absolute()
    if not is_output_folder(folder):
        raise SetUpError(f"{folder} holds no results of facepics: name an output folder")
    with held_still(folder):
        tree = _Tree.of(folder)
        damage = list(_damage(folder, tree.results, progress or _untold))
        damaged = {str(Path(problem.path).parent) for problem in damage}
        differences = catalog_check.differences(folder, tree.results, damaged)
        books = [Problem(catalog.FILE_NAME, what) for what in differences]
    files = sum(len(video.outputs) for video in tree.results.values())
    problems = [*tree.problems, *damage, *books]
    ordered = sorted(problems, key=lambda problem: os.fsencode(problem.path))
    return VerifyReport(len(tree.results), files, tuple(ordered))


@dataclass(frozen=True, slots=True)
class _Tree:
    """What lies below an output folder."""

    results: dict[str, Manifest]
    """Folder -> its whole manifest."""
    problems: list[Problem]

    @classmethod
    def of(cls, output: Path) -> _Tree:
        tree = cls({}, [])
        for path, folders, files in os.walk(output):
            here = Path(path).relative_to(output).as_posix()
            if here == ".":
                folders[:] = [name for name in folders if name not in (MARKER, *_BOOKS)]
                files = [name for name in files if name not in _BOOKS and not _is_draft(name)]
            if FILE_NAME in files:
                folders.clear()
                tree.problems.extend(tree._take(output, here))
            else:
                links = [name for name in folders if Path(path, name).is_symlink()]
                extra = ("" if here == "." else f"{here}/", [*files, *links])
                tree.problems.extend(Problem(extra[0] + name, "extra") for name in extra[1])
        return tree

    def _take(self, output: Path, folder: str) -> Iterator[Problem]:
        try:
            video = Manifest.read(output / folder)
        except (BrokenManifest, OSError) as error:
            yield Problem(f"{folder}/{FILE_NAME}", f"torn: {error}")
            return
        if not (is_safe(folder) and all(map(_is_inside, video.outputs))):
            yield Problem(f"{folder}/{FILE_NAME}", "names what facepics never writes")
            return
        self.results[folder] = video
        there = {FILE_NAME, *video.outputs}
        for path in _files(output / folder):
            if path not in there:
                yield Problem(f"{folder}/{path}", "extra")


def _is_draft(name: str) -> bool:
    """Tell whether a killed run left the file; the next one writes over it."""
    return name.startswith(".") and name.endswith(".part")


def _is_inside(path: str) -> bool:
    return not PurePosixPath(path).is_absolute() and ".." not in PurePosixPath(path).parts


def _files(folder: Path) -> Iterator[str]:
    """Yield every path below ``folder`` that is no folder."""
    for path, folders, files in os.walk(folder):
        links = [name for name in folders if Path(path, name).is_symlink()]
        for name in (*files, *links):
            yield Path(path, name).relative_to(folder).as_posix()


def _damage(output: Path, results: dict[str, Manifest], progress: Progress) -> Iterator[Problem]:
    """Yield what is missing or changed."""
    outputs = [
        (f"{folder}/{path}", expected)
        for folder, video in results.items()
        for path, expected in video.outputs.items()
    ]
    total, done = sum(expected.size for _, expected in outputs), 0
    for path, expected in outputs:
        try:
            if not _is_as_expected(output / path, expected, lambda n: progress(n, total), done):
                yield Problem(path, "changed")
        except FileNotFoundError:
            yield Problem(path, "missing")
        except OSError as error:
            yield Problem(path, f"cannot be read: {error.strerror}")
        done += expected.size
    progress(total, total)


def _is_as_expected(path: Path, expected: Output, tell: Callable[[int], None], done: int) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        status = os.fstat(descriptor)
        if not S_ISREG(status.st_mode) or status.st_size != expected.size:
            return False
        digest = hashlib.sha256()
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            tell(done)
    return digest.hexdigest() == expected.sha256


def _untold(done: int, total: int) -> None: ...
