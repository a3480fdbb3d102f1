"""A batch of videos: decide, work side by side, publish, keep the books.

from pipeline.batch import process_batch

result = process_batch(["./media"], "./facepics")
for video in result.videos:
    print(video.source.name, video.status, video.tracks)
"""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from pathlib import Path

from pipeline import catalog, tombstones
from pipeline.catalog import Catalog
from pipeline.checked import CheckedSettings
from pipeline.discover import discover, is_output_folder
from pipeline.errors import ExitCode, OutputError, SetUpError
from pipeline.facts import Source, Status, VideoResult
from pipeline.job import VideoJob
from pipeline.ledger import BatchProgress, Ledger
from pipeline.messages import Outcome
from pipeline.planning import Action, Decision, Planner
from pipeline.publish import OutputFolder, output_errors, private_files
from pipeline.settings import Settings, parse_duration
from pipeline.sources import SourceIndex
from pipeline.workers import WorkerPool

_log = logging.getLogger(__name__)


class _Silence:
    """Progress that nobody watches."""

    def begin(self, sources: int) -> None: ...

    def video(self, source: Source, stage: str, done: int, total: int | None) -> None: ...

    def end(self, result: VideoResult) -> None: ...


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What a run did."""

    output: Path
    seconds: float
    """Wall time."""
    videos: tuple[VideoResult, ...]
    """One for each source that the run came to, in the order of their names."""
    left: int
    """Sources that the run did not come to."""
    gone: int = 0
    """Sources of results that are not there any more; the results stay."""

    @property
    def exit_code(self) -> ExitCode:
        """0, or 3 where some videos did not come out whole."""
        whole = all(video.status.ok for video in self.videos)
        return ExitCode.OK if whole else ExitCode.SOME_FAILED


def process_batch(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    settings: Settings = Settings(),
    *,
    progress: BatchProgress | None = None,
) -> BatchResult:
    """Work through all videos of ``inputs`` (folders, files, patterns, ``@lists``).

    Raises:
        SetUpError: If the inputs, the settings, the weights or the device are not there.
        OutputError: If ``output`` cannot be written to or is full.
        Locked: If another run works on ``output``.
    """
    checked = CheckedSettings.check(settings)
    folder = Path(output).absolute()
    sources = _large_first(discover(inputs, folder, settings.discover))
    with (
        private_files(),
        OutputFolder(folder) as out,
        output_errors(folder),
        SourceIndex(out.index_file) as index,
        Catalog.open(folder) as books,
        Ledger(out, index, books, progress or _Silence()) as ledger,
    ):
        purged = tombstones.read(folder)
        planner = Planner(out, index, checked.settings, checked.keys, purged)
        batch = _Batch(checked, out, planner, ledger)
        batch.run(sources)
    return BatchResult(folder, ledger.seconds, batch.in_order(), ledger.left, ledger.gone)


def process_video(
    path: str | os.PathLike[str],
    output: str | os.PathLike[str],
    settings: Settings = Settings(),
) -> VideoResult:
    """Work on one video; as :func:`process_batch`, for a single file."""
    found = discover([path], Path(output).absolute(), settings.discover)
    videos = process_batch([path], output, settings).videos if len(found) == 1 else ()
    if len(videos) != 1:
        raise SetUpError(f"{os.fspath(path)} is no single file that the settings let through")
    return videos[0]


def plan_batch(
    inputs: Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    settings: Settings = Settings(),
) -> list[Decision]:
    """Decide what :func:`process_batch` would do; no video is opened, nothing is written."""
    checked = CheckedSettings.check(settings)
    folder = Path(output).absolute()
    sources = _large_first(discover(inputs, folder, settings.discover))
    out = OutputFolder(folder)
    with SourceIndex(out.index_file if out.index_file.exists() else None) as index:
        purged = tombstones.read(folder)
        planner = Planner(out, index, checked.settings, checked.keys, purged)
        decisions = [planner.decide(source) for source in sources]
    return _limited(decisions, settings.run.limit)


def _large_first(sources: Sequence[Source]) -> list[Source]:
    """Return the order of work: what takes long shall not begin when all else is done."""

    def size(source: Source) -> int:
        try:
            return source.path.stat().st_size
        except OSError:  # says so when it is opened
            return 0

    return sorted(sources, key=size, reverse=True)


def _limited(decisions: list[Decision], limit: int) -> list[Decision]:
    """Leave all but the first ``limit`` videos (0: none) for a later run."""
    work = [decision for decision in decisions if decision.action is Action.WORK]
    later = {decision.source.path for decision in work[limit:]} if limit else set()
    return [
        replace(decision, action=Action.WAIT, why="over --limit")
        if decision.source.path in later
        else decision
        for decision in decisions
    ]


def rebuild_catalog(output: str | os.PathLike[str]) -> int:
    """Make the catalog and the page over it anew from the manifests; return how many videos.

    Raises:
        SetUpError: If ``output`` is no folder of results.
    """
    folder = Path(output).absolute()
    if not is_output_folder(folder):
        raise SetUpError(f"{folder} holds no results of facepics: name an output folder")
    from pipeline.report.index import write_index_page  # with the templates' library

    with private_files(), OutputFolder(folder), output_errors(folder):
        catalog.rebuild(folder)
        with Catalog.open(folder) as books:
            write_index_page(folder, books)
            return len(books.videos())


def _check_room(folder: Path, gigabytes: float) -> None:
    """Raise OutputError if the disk that holds ``folder`` has less room left."""
    with output_errors(folder):
        free = shutil.disk_usage(folder).free / 1e9
    if free < gigabytes:
        raise OutputError(
            f"only {free:.1f} GB are left on the disk of {folder}, and --min-free keeps "
            f"{gigabytes:g}: free some and run again"
        )


@dataclass(slots=True)
class _Batch:
    """One run over the sources: who works on what, and what happens to the outcome."""

    checked: CheckedSettings
    out: OutputFolder
    planner: Planner
    ledger: Ledger
    duplicates: list[Decision] = field(default_factory=list)
    """Wait until it is known what became of their originals."""
    detectors: int = 1
    """That look at one video: several where fewer videos need work than there are workers."""

    def run(self, sources: Sequence[Source]) -> None:
        """Decide on every source and work on what needs it."""
        run = self.checked.settings.run
        self.ledger.begin(self.checked.settings, len(sources))
        in_work: dict[Path, Decision] = {}
        workers = self.checked.workers
        with WorkerPool(
            workers,
            run.device,
            run.stall_timeout,
            self.ledger.show,
            max_wall=parse_duration(run.max_wall),
            confinement=self.checked.confinement(self.out),
        ) as pool:
            for job, outcome in pool.run(self._jobs(sources, workers, in_work)):
                self.ledger.isolation = pool.isolation
                self._end(in_work.pop(job.stage), job, outcome)
                if self._stop:
                    return
        ends = {result.source.name: result for result in self.ledger.results}
        for decision in self.duplicates:
            self._settle_duplicate(decision, ends)

    def in_order(self) -> tuple[VideoResult, ...]:
        """Return what became of every source, in the order of their names."""
        return tuple(sorted(self.ledger.results, key=lambda one: os.fsencode(one.source.name)))

    @property
    def _stop(self) -> bool:
        results = self.ledger.results
        fail_fast = self.checked.settings.run.fail_fast
        failed = bool(results) and not results[-1].status.ok and not results[-1].reused
        return fail_fast and failed

    def _jobs(
        self, sources: Sequence[Source], workers: int, in_work: dict[Path, Decision]
    ) -> Iterator[VideoJob]:
        """Yield what is to be worked on, as long as there is time and room."""
        wanted, first = self._wanted(sources), list[Decision]()
        if not self._are_many_new(sources, workers):
            first += islice(wanted, workers)
            self.detectors = max(1, workers // max(1, len(first)))
        for decision in chain(first, wanted):
            if self._stop or self._out_of_time():
                return
            _check_room(self.out.path, self.checked.settings.run.min_free)
            job = self._job(decision)
            in_work[job.stage] = decision
            yield job

    def _are_many_new(self, sources: Sequence[Source], workers: int) -> bool:
        """Tell whether there is work for all, without hashing a file."""
        new = (one for one in sources if not self.planner.index.is_unchanged(one.path))
        return len(list(islice(new, workers))) == workers

    def _wanted(self, sources: Sequence[Source]) -> Iterator[Decision]:
        """Settle what needs no work; yield the rest, as many as the settings allow.

        What lies beyond the limit is not even looked at: deciding may mean to hash a whole file.
        """
        limit = self.checked.settings.run.limit or len(sources)
        for source in sources:
            if self._stop or limit == 0:
                return
            decision = self.planner.decide(source)
            if decision.action is Action.WORK:
                limit -= 1
                yield decision
            else:
                self._settle(decision)

    def _out_of_time(self) -> bool:
        """Tell whether the time that the run was given is over, and say so in the log."""
        budget = self.checked.settings.run.time_budget
        over = 0 < parse_duration(budget) <= self.ledger.seconds
        if over:
            _log.warning("--time-budget %s is used up: the next run goes on", budget)
        return over

    def _job(self, decision: Decision) -> VideoJob:
        assert decision.content is not None
        reusable = decision.old is not None and not self.checked.settings.run.force
        return VideoJob(
            source=decision.source,
            content=decision.content,
            folder=decision.folder,
            stage=self.out.stage(decision.folder),
            previous=self.out.path / decision.folder if reusable else None,
            settings=self.checked.settings,
            keys=self.checked.keys,
            weights=self.checked.weights,
            detectors=self.detectors,
        )

    def _settle(self, decision: Decision) -> None:
        match decision.action:
            case Action.SKIP:
                self.ledger.passed_over(decision)
            case Action.WAIT:
                self.ledger.not_opened(decision.source, Status.SKIPPED, decision.why)
            case Action.REUSE:
                self.ledger.reused(decision)
            case Action.DUPLICATE:
                self.duplicates.append(decision)
            case _:
                self.ledger.not_opened(decision.source, decision.status, decision.why)

    def _settle_duplicate(self, decision: Decision, ends: Mapping[str, VideoResult]) -> None:
        """Record a duplicate as such, unless its original came to nothing or to something else.

        What cannot be settled now is left for the next run. ``ends`` is what became of the
        originals, by name.
        """
        assert decision.content is not None
        original = self.planner.name_of(decision.twin)
        manifest = self.out.manifest(decision.twin)
        if manifest is not None and manifest.sha256 == decision.content.sha256:
            self.ledger.empty_handed(decision, Status.DUPLICATE, duplicate_of=original)
            return
        end = ends.get(original)
        if end is not None and end.status is Status.SKIPPED:
            self._end_without_video(decision, end.reason)

    def _end_without_video(self, decision: Decision, reason: str) -> None:
        """Record a file that is no video: passed over if it was met, failed if it was named."""
        if decision.source.named:
            facts = {"phase": "open", "reason": reason, "keys": self.checked.keys}
            self.ledger.empty_handed(decision, Status.FAILED, **facts)
        else:
            self.ledger.skipped(decision, reason)

    def _end(self, decision: Decision, job: VideoJob, outcome: Outcome) -> None:
        if outcome.kind == "done":
            assert outcome.manifest is not None
            self.ledger.publish(decision, job.stage, outcome.manifest, outcome.seconds)
            return
        self.out.drop(job.stage)
        if outcome.kind == "skipped":
            self._end_without_video(decision, outcome.reason)
        elif outcome.kind == "changing":
            self.ledger.not_opened(decision.source, Status.CHANGING, outcome.reason)
        else:
            self.ledger.empty_handed(
                decision,
                Status(outcome.kind),
                phase=outcome.phase,
                reason=outcome.reason,
                keys=job.keys,
                weights=job.weights,
            )
