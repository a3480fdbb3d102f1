"""No video can take the run down with it."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import OutputError, SetUpError
from pipeline.facts import Source, Status
from pipeline.job import VideoJob
from pipeline.manifest import BrokenManifest, Manifest
from pipeline.messages import Outcome
from pipeline.settings import Settings
from pipeline.sources import Content, Fingerprint
from pipeline.workers import WorkerPool
from tests.pipeline.stub_worker import GARBAGE

STUB = (sys.executable, str(Path(__file__).with_name("stub_worker.py")))


def job(name: str) -> VideoJob:
    content = Content(Fingerprint(0, 0, 0, 0, 0), "00")
    source = Source(Path("/") / name, name)
    return VideoJob(source, content, name, Path("/stage"), None, Settings(), {}, {})


def left(job: VideoJob) -> Manifest:
    """Read what a stub is said to leave."""
    if job.source.name.startswith(("false", "eager")):
        raise BrokenManifest("it is false")
    return Manifest(job.source.name, 0, "00", Status.DONE)


def pool(jobs: int = 1, stall: float = 60.0, progress: Any = None, wall: float = 0.0) -> WorkerPool:
    told = progress or (lambda *_: None)
    return WorkerPool(jobs, "cpu", stall, told, command=STUB, receive=left, max_wall=wall)


def run(
    names: list[str], jobs: int = 1, stall: float = 60.0, wall: float = 0.0
) -> dict[str, Outcome]:
    with pool(jobs, stall, wall=wall) as workers:
        return {job.source.name: outcome for job, outcome in workers.run(map(job, names))}


def test_a_worker_is_kept_over_many_videos() -> None:
    outcomes = run([f"pid-{n}" for n in range(5)])
    assert len({outcome.reason for outcome in outcomes.values()}) == 1


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("segfault", "crashed", "SIGSEGV"),
        ("exit", "crashed", "code 3"),
        *(
            (f"garbage-{what}", "crashed", "nobody understands")
            for what in GARBAGE
            if what != "half"
        ),
    ],
)
def test_only_the_video_that_kills_its_worker_is_lost(name: str, kind: str, words: str) -> None:
    outcomes = run(["before", name, "after"])
    assert outcomes["before"].kind == outcomes["after"].kind == "done"
    assert outcomes[name].kind == kind
    assert outcomes[name].phase == "scan"
    assert words in outcomes[name].reason


def test_half_a_message_does_not_hold_up_the_others() -> None:
    outcomes = run(["garbage-half", "hang", *"abc"], jobs=2, stall=3.0)
    assert outcomes.pop("garbage-half").kind == outcomes.pop("hang").kind == "timeout"
    assert {outcome.kind for outcome in outcomes.values()} == {"done"}


def test_a_video_without_progress_is_given_up() -> None:
    outcomes = run(["hang", "after"], stall=5.0)
    assert outcomes["hang"] == Outcome("timeout", "no progress for 5 s", "scan")
    assert outcomes["after"].kind == "done"


def test_a_video_that_takes_too_long_is_given_up_though_it_goes_on() -> None:
    outcomes = run(["busy", "after"], wall=8.0)
    assert outcomes["busy"].kind == "timeout"
    assert "--max-wall" in outcomes["busy"].reason
    assert outcomes["after"].kind == "done"


def test_a_worker_whose_result_is_none_is_replaced() -> None:
    outcomes = run(["pid-1", "false", "pid-2"])
    assert outcomes["false"].kind == "crashed"
    assert "left no result" in outcomes["false"].reason
    assert outcomes["pid-1"].reason != outcomes["pid-2"].reason


def test_a_worker_that_does_not_listen_holds_nothing_up() -> None:
    outcomes = run([f"eager-{n}" for n in range(3)] + ["after"])
    assert outcomes.pop("after").kind == "done"
    assert {outcome.kind for outcome in outcomes.values()} == {"crashed"}


def test_a_worker_that_erred_is_replaced() -> None:
    outcomes = run(["limit", "pid"])
    assert outcomes["limit"].kind == "limit"
    assert outcomes["limit"].reason != outcomes["pid"].reason


def test_videos_are_worked_on_side_by_side() -> None:
    outcomes = run([f"pid-{n}" for n in range(40)], jobs=3)
    assert len(outcomes) == 40
    assert 1 < len({outcome.reason for outcome in outcomes.values()}) <= 3


def test_jobs_are_taken_only_when_a_worker_is_free() -> None:
    taken = []

    def jobs() -> Iterator[VideoJob]:
        for name in ("a", "b", "c"):
            taken.append(name)
            yield job(name)

    with pool() as workers:
        for count, _ in enumerate(workers.run(jobs()), start=1):
            assert len(taken) == count


def test_what_stops_the_run_is_raised() -> None:
    with pytest.raises(OutputError, match="no room"):
        run(["full"])
    with pytest.raises(SetUpError, match="no such device"):
        run(["unset"])


def test_progress_names_the_source() -> None:
    seen = []
    with pool(progress=lambda *call: seen.append(call)) as workers:
        list(workers.run(map(job, ["a"])))
    assert [(source.name, *rest) for source, *rest in seen] == [("a", "scan", 7, 10)]


def test_closing_the_pool_leaves_no_process() -> None:
    with pool() as workers:
        pid = int(next(workers.run(map(job, ["pid", "hang"])))[1].reason)
        os.kill(pid, 0)
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
