"""The books of one run: results made visible, sources remembered, the catalog kept in step.

Everything that a run changes in the output folder, it changes here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import logging
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from pipeline import __version__, names
from pipeline.catalog import Catalog, CatalogBusy
from pipeline.facts import Source, Status, VideoResult
from pipeline.layout import INDEX_PAGE
from pipeline.manifest import FILE_NAME, Manifest
from pipeline.planning import Decision
from pipeline.publish import OutputFolder, write_whole
from pipeline.settings import Settings
from pipeline.sources import Content, SourceIndex, is_there

_log = logging.getLogger(__name__)


class BatchProgress(Protocol):
    """Told of everything that a batch does, as it happens."""

    def begin(self, sources: int) -> None:
        """``sources`` files were found."""

    def video(self, source: Source, stage: str, done: int, total: int | None) -> None:
        """``done`` frames of ``total`` (where that is known) went through ``stage``."""

    def end(self, result: VideoResult) -> None:
        """One source is through."""


class Ledger:
    """Records what becomes of every source; a context manager that closes the books."""

    def __init__(
        self, out: OutputFolder, index: SourceIndex, catalog: Catalog, progress: BatchProgress
    ) -> None:
        self.results: list[VideoResult] = []
        self.isolation: dict[str, str] = {}
        """How far the workers were shut in; empty where none was needed."""
        self._out = out
        self._index = index
        self._catalog = catalog
        self._progress = progress
        self._begun = datetime.now(UTC)
        self._start = time.monotonic()
        self.gone = 0
        """Sources with results that are not there any more."""
        self._changed = False
        self._settings = Settings()
        self._sources = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the books, however the run ended."""
        self._mark_vanished()
        if self._changed or not (self._out.path / INDEX_PAGE).exists():
            from pipeline.report.index import write_index_page  # with the templates' library

            write_index_page(self._out.path, self._catalog)
        self._write_record(ended="whole" if kind is None else kind.__name__)

    def begin(self, settings: Settings, sources: int) -> None:
        """Note what the run sets out to do."""
        self._settings, self._sources = settings, sources
        self._progress.begin(sources)

    def show(self, source: Source, stage: str, done: int, total: int | None) -> None:
        """Pass progress on."""
        self._progress.video(source, stage, done, total)

    @property
    def left(self) -> int:
        """Sources that the run did not come to."""
        return self._sources - len(self.results)

    @property
    def seconds(self) -> float:
        """Wall time since the run began."""
        return time.monotonic() - self._start

    def reused(self, decision: Decision) -> None:
        """Record a source whose result stands from an earlier run."""
        assert decision.content is not None
        assert decision.old is not None
        self._remember(decision.source, decision.content, decision.folder)
        self._catalogue(decision.folder, decision.old)
        self._add(self._result(decision, decision.old, reused=True))

    def not_opened(
        self, source: Source, status: Status, reason: str, *, reused: bool = False
    ) -> None:
        """Record a source that leaves nothing behind."""
        self._add(VideoResult(source, status, "open", reason, reused=reused))

    def passed_over(self, decision: Decision) -> None:
        """Record a source of which it is known that nothing is to be made, and its content."""
        assert decision.content is not None
        self._remember(decision.source, decision.content, "")
        self.not_opened(decision.source, decision.status, decision.why, reused=True)

    def skipped(self, decision: Decision, reason: str) -> None:
        """Record that a source is no video, and remember it."""
        assert decision.content is not None
        self._index.put(decision.source.path, decision.content, skipped=reason)
        self.not_opened(decision.source, Status.SKIPPED, reason)

    def empty_handed(self, decision: Decision, status: Status, **facts: Any) -> None:
        """Publish a manifest without outputs: ``facts`` say why there are none."""
        assert decision.content is not None
        stage = self._out.stage(decision.folder)
        manifest = Manifest(
            name=decision.source.name,
            size=decision.content.fingerprint.size,
            sha256=decision.content.sha256,
            status=status,
            program=__version__,
            attempts=_attempts(decision.failure, status, facts),
            **facts,
        )
        (stage / FILE_NAME).write_text(manifest.to_json(), "utf-8")
        self.publish(decision, stage, manifest, {})

    def publish(
        self, decision: Decision, stage: Path, new: Manifest, seconds: dict[str, float]
    ) -> None:
        """Make the result in ``stage``, of which ``new`` is the manifest, visible; record it."""
        assert decision.content is not None
        old = decision.old
        if old is not None and old.status.has_results and not new.status.has_results:
            # what stands is worth more than the news that it failed today
            self._out.drop(stage)
            self._index.put(
                decision.source.path, decision.content, decision.folder, failure=new.to_json()
            )
        else:
            self._out.publish(stage, decision.folder)
            self._remember(decision.source, decision.content, decision.folder)
            self._catalogue(decision.folder, new)
        self._add(self._result(decision, new, seconds=seconds))

    def _catalogue(self, folder: str, manifest: Manifest) -> None:
        try:
            self._changed |= self._catalog.update(folder, manifest)
        except CatalogBusy as error:
            _log.warning("%s: the next run enters %s", error, folder)

    def _remember(self, source: Source, content: Content, folder: str) -> None:
        known = self._index.get(source.path)
        if known is None or (known.fingerprint, known.folder) != (str(content.fingerprint), folder):
            self._index.put(source.path, content, folder)

    def _result(
        self,
        decision: Decision,
        manifest: Manifest,
        *,
        reused: bool = False,
        seconds: dict[str, float] | None = None,
    ) -> VideoResult:
        return VideoResult(
            source=decision.source,
            status=manifest.status,
            phase=manifest.phase,
            reason=manifest.reason,
            folder=self._out.path / decision.folder,
            reused=reused,
            frames=manifest.counts.frames,
            faces=manifest.counts.faces,
            tracks=manifest.counts.tracks,
            crops=manifest.counts.crops,
            detector=manifest.detector,
            health=manifest.health,
            warnings=manifest.warnings,
            seconds=seconds or {},
        )

    def _add(self, result: VideoResult) -> None:
        self.results.append(result)
        self._progress.end(result)

    def _mark_vanished(self) -> None:
        """Mark in the catalog which sources are still there; their results stay either way."""
        found = {folder: is_there(path) for path, folder in self._index.known()}
        known = {folder: there for folder, there in found.items() if there is not None}
        gone = {folder for folder, there in known.items() if not there}
        with contextlib.suppress(CatalogBusy):  # the next run marks them
            self._changed |= self._catalog.mark(known)
            rows = self._catalog.videos() if gone else ()
            self.gone = sum(r.folder in gone and Status(r.status).has_results for r in rows)

    def _write_record(self, ended: str) -> None:
        """Write ``runs/<start>.json``: all that depends on when and how a run took place."""
        runs = self._out.path / "runs"
        runs.mkdir(mode=0o700, exist_ok=True)
        record = {
            "schema": 1,
            "begun": self._begun.isoformat(),
            "seconds": round(self.seconds, 3),
            "ended": ended,
            "program": __version__,
            "processors": os.cpu_count(),
            "settings": dataclasses.asdict(self._settings),
            "isolation": self.isolation,
            "left": self.left,
        }
        head = json.dumps(record, indent=1).removesuffix("\n}")
        videos = ",\n".join(f"  {json.dumps(_record(result))}" for result in self.results)
        text = f'{head},\n "videos": [\n{videos}\n ]\n}}\n'  # a line each: ten times as quick
        write_whole(runs / f"{self._begun:%Y%m%dT%H%M%S.%fZ}.json", text.encode())


def _attempts(old: Manifest | None, status: Status, facts: dict[str, Any]) -> int:
    """Return how often in a row a source has now killed or stalled its worker."""
    again = (
        old is not None
        and old.status.may_be_accident
        and status.may_be_accident
        and (old.keys, old.program) == (facts.get("keys"), __version__)
    )
    return old.attempts + 1 if again and old is not None else 1


def _record(result: VideoResult) -> dict[str, Any]:
    return {
        "name": names.encoded(result.source.name),
        "status": result.status.value,
        "phase": result.phase,
        "reason": result.reason,
        "reused": result.reused,
        "frames": result.frames,
        "faces": result.faces,
        "tracks": result.tracks,
        "crops": result.crops,
        "detector": result.detector,
        "health": dataclasses.asdict(result.health) if result.health else None,
        "warnings": result.warnings,
        "seconds": {stage: round(seconds, 3) for stage, seconds in result.seconds.items()},
    }
