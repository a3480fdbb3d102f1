"""Results taken out of an output folder for good.

    purge_output("facepics", OlderThan(days=90))
    purge_output("facepics", OfSource("holiday/day1.mp4"))
    purge_output("facepics", OfTrack("holiday/day1.mp4", 3))

What is purged goes by content: with a result goes what stands for copies of its source. First a
tombstone is written, so that no run makes it again; then each result goes, or is replaced, in one
step. A purge that was cut short is finished by the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import tombstones
from pipeline.catalog import Catalog, find_results
from pipeline.discover import is_output_folder
from pipeline.errors import OutputError, SetUpError
from pipeline.manifest import FILE_NAME, Manifest
from pipeline.publish import OutputFolder, held_still, output_errors, private_files
from pipeline.purge_track import ResultWithTrack
from pipeline.report.index import write_index_page
from pipeline.sources import SourceIndex, sha256_of
from pipeline.tombstones import Tombstone

_DAY = 86_400


@dataclass(frozen=True, slots=True)
class OlderThan:
    """Results that were published long ago.

    A result is as old as its manifest's file, which is written last: copies and backups keep that
    time, and runs that find nothing to do leave it alone. One dated in the future counts as new.
    """

    days: float


@dataclass(frozen=True, slots=True)
class OfSource:
    """All results of one source: its path, its name in the results, or their folder."""

    source: str


@dataclass(frozen=True, slots=True)
class OfTrack:
    """One person's track in the results of a source."""

    source: str
    track_id: int


Target = OlderThan | OfSource | OfTrack


@dataclass(frozen=True, slots=True)
class Removal:
    """What was taken from one result, or would be."""

    folder: str
    """Below the output folder."""
    name: str
    """Of the source."""
    files: tuple[str, ...]
    """Below ``folder``; the manifest is not counted."""
    size: int
    """Bytes."""
    track_id: int = 0
    """The track, where the rest of the result stays."""


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What a purge did, or would do."""

    removed: tuple[Removal, ...]
    forgotten: tuple[str, ...]
    """Names of the sources whose tombstones were dropped."""


def purge_output(
    output: str | os.PathLike[str], target: Target, *, forget: bool = False, dry_run: bool = False
) -> PurgeReport:
    """Remove what ``target`` names from ``output`` and leave tombstones.

    Args:
        output: A folder of results.
        target: What is to go.
        forget: Leave no tombstone and drop the one there is: the next run makes it all again.
        dry_run: Only say what would go.

    Raises:
        SetUpError: If there are no such results.
        Locked: If a run is writing to ``output``.
        OutputError: If it cannot be written to.
    """
    folder = Path(output).absolute()
    if not is_output_folder(folder):
        raise SetUpError(f"{folder} holds no results of facepics: name an output folder")
    with ExitStack() as stack:
        stack.enter_context(private_files())
        out = OutputFolder(folder)
        stack.enter_context(held_still(folder) if dry_run else out)
        stack.enter_context(output_errors(folder))
        known = out.index_file if out.index_file.exists() or not dry_run else None
        index = stack.enter_context(SourceIndex(known))
        purge = _Purge(out, index, tombstones.read(folder), forget, dry_run)
        return purge.track(target) if isinstance(target, OfTrack) else purge.results(target)


@dataclass(slots=True)
class _Purge:
    out: OutputFolder
    index: SourceIndex
    stones: dict[str, Tombstone]
    forget: bool
    dry_run: bool
    found: list[tuple[str, Manifest]] = field(init=False)

    def __post_init__(self) -> None:
        self.found = list(find_results(self.out.path))

    def results(self, target: OlderThan | OfSource) -> PurgeReport:
        """Remove whole results."""
        if isinstance(target, OfSource):
            contents = {self._content(target.source)}
        else:
            contents = set(self._old(target.days))
        going = [(folder, video) for folder, video in self.found if self._goes(video, contents)]
        removed = tuple(map(_removal, going))
        forgotten = self._forgotten(contents)
        if not self.dry_run:
            if self.forget:
                self._write(self._without(contents))
            else:
                self._write(self.stones | self._graves(contents))
            self._remove([folder for folder, _ in going])
        return PurgeReport(removed, forgotten)

    def track(self, target: OfTrack) -> PurgeReport:
        """Remove a track from the result that holds it."""
        sha256 = self._content(target.source)
        stone = self.stones.get(sha256)
        held = [one for one in self.found if one[1].sha256 == sha256 and one[1].status.has_results]
        if not held:
            raise SetUpError(f"there is no result of {target.source}: name one that stands")
        result = self._read(*held[0], target.track_id)
        gone = {track.track_id for track in stone.tracks} if stone else set()
        if target.track_id not in {*result.ids, *gone}:
            known = ", ".join(map(str, result.ids)) or "none"
            raise SetUpError(f"{target.source} has no track {target.track_id}: it has {known}")
        there = target.track_id in result.ids
        removed = (_removal(held[0], result),) if there else ()
        forgotten = self._forgotten({sha256})
        if not self.dry_run:
            self._end_track(result, there, stone)
        return PurgeReport(removed, forgotten)

    def _end_track(self, result: ResultWithTrack, there: bool, stone: Tombstone | None) -> None:
        sha256 = result.video.sha256
        if self.forget:
            self._write(self._without({sha256}))
        elif there and not (stone and stone.whole):
            grave = (stone or Tombstone(result.video.name)).with_track(result.tombstone())
            self._write({**self.stones, sha256: grave})
        if there or self.forget:
            stage = self.out.stage(result.folder)
            video = result.build_without(stage, redo=self.forget)
            self.out.publish(stage, result.folder)
            with Catalog.open(self.out.path) as books:
                books.update(result.folder, video)
                write_index_page(self.out.path, books)

    def _read(self, folder: str, video: Manifest, track_id: int) -> ResultWithTrack:
        try:
            return ResultWithTrack.read(self.out.path, folder, video, track_id)
        except (OSError, ValueError, KeyError) as error:
            raise OutputError(
                f"the tables of {folder} are damaged ({error}): purge the whole source"
            ) from error

    def _content(self, source: str) -> str:
        """Return the SHA-256 of the one content that ``source`` means."""
        paths = (Path(source).absolute(), Path(os.path.realpath(source)))
        known = next((known for path in paths if (known := self.index.get(path))), None)
        if known is not None:
            return known.sha256
        if paths[0].is_file():
            sha256 = sha256_of(paths[0])
            if sha256 in self.stones or sha256 in {video.sha256 for _, video in self.found}:
                return sha256
        contents = {v.sha256 for folder, v in self.found if source in (folder, v.name)}
        contents = contents or {key for key, one in self.stones.items() if one.name == source}
        if len(contents) > 1:
            raise SetUpError(f"several sources are called {source}: give the path of one")
        if not contents:
            raise SetUpError(f"nothing is known of {source}: name it as its video.json does")
        return contents.pop()

    def _old(self, days: float) -> Iterator[str]:
        latest = time.time() - days * _DAY
        for folder, video in self.found:
            written = (self.out.path / folder / FILE_NAME).stat().st_mtime
            if video.status.has_results and written < latest:
                yield video.sha256

    def _goes(self, video: Manifest, contents: set[str]) -> bool:
        """Tell whether a result goes: it was asked for, or an earlier purge was cut short."""
        stone = self.stones.get(video.sha256)
        return video.sha256 in contents or (stone is not None and stone.whole)

    def _graves(self, contents: set[str]) -> dict[str, Tombstone]:
        """Return a tombstone for each content, by the name of the source that has the results."""
        by_worth = sorted(self.found, key=lambda result: result[1].status.has_results)
        return {v.sha256: Tombstone(v.name) for _, v in by_worth if v.sha256 in contents}

    def _forgotten(self, contents: set[str]) -> tuple[str, ...]:
        dropped = contents & self.stones.keys() if self.forget else ()
        return tuple(sorted(self.stones[sha256].name for sha256 in dropped))

    def _without(self, contents: set[str]) -> dict[str, Tombstone]:
        return {key: stone for key, stone in self.stones.items() if key not in contents}

    def _write(self, stones: dict[str, Tombstone]) -> None:
        if stones != self.stones:
            tombstones.write(self.out.path, stones)
            self.stones = stones

    def _remove(self, folders: list[str]) -> None:
        """Take results away: first from the catalog, so that no row outlives its result."""
        if not folders:
            return
        with Catalog.open(self.out.path) as books:
            for folder in folders:
                books.remove(folder)
                self.out.withdraw(folder)
                self.index.release(folder)
            write_index_page(self.out.path, books)


def _removal(result: tuple[str, Manifest], track: ResultWithTrack | None = None) -> Removal:
    folder, video = result
    files = tuple(video.outputs if track is None else track.removed())
    size = sum(video.outputs[path].size for path in files)
    return Removal(folder, video.name, files, size, track.track_id if track else 0)
