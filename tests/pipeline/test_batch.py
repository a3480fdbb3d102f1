"""Who works on what: workers, and detectors where fewer videos need work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pipeline import batch
from pipeline.batch import process_batch
from pipeline.job import VideoJob
from pipeline.messages import Outcome
from pipeline.settings import RunSettings, Settings


class Pool:
    """Takes every job and does nothing."""

    isolation: ClassVar[dict[str, str]] = {}
    jobs: ClassVar[list[VideoJob]] = []

    def __init__(self, *_: Any, **__: Any) -> None:
        Pool.jobs = []

    def __enter__(self) -> "Pool":
        return self

    def __exit__(self, *_: Any) -> None:
        pass

    def run(self, jobs: Iterator[VideoJob]) -> Iterator[tuple[VideoJob, Outcome]]:
        for job in jobs:
            Pool.jobs.append(job)
            yield job, Outcome("skipped", reason="nothing to see")


@pytest.mark.parametrize(
    ("done", "new", "workers", "detectors"),
    [(0, 1, 4, 4), (0, 2, 4, 2), (0, 3, 4, 1), (0, 5, 4, 1), (5, 1, 4, 4), (3, 2, 5, 2)],
)
def test_workers_without_a_video_help_with_another(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    done: int,
    new: int,
    workers: int,
    detectors: int,
) -> None:
    """Videos that are done do not count: each night a few are new."""
    monkeypatch.setattr(batch, "WorkerPool", Pool)
    media, settings = tmp_path / "media", Settings(run=RunSettings(jobs=workers))
    media.mkdir()
    for name in range(done):
        (media / f"{name}.mp4").write_bytes(b"a video that was looked at %d" % name)
    process_batch([media], tmp_path / "out", settings)
    for name in range(done, done + new):
        (media / f"{name}.mp4").write_bytes(b"new %d" % name)
    process_batch([media], tmp_path / "out", settings)
    assert [job.detectors for job in Pool.jobs] == [detectors] * new
