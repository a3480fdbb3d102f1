"""Child processes that work on videos, so that no file can take the run down with it.

A worker is kept over many videos; one that dies or stalls is replaced, and only the video it held
is lost. Jobs go to a worker as Python objects; what comes back is JSON, because a worker reads
files that nobody has checked.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import logging
import os
import select
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pipeline.errors import NotAVideo, OutputError, SetUpError, SourceChanging
from pipeline.publish import WRITE_ERRORS, output_error

if TYPE_CHECKING:
    import detectors
    from pipeline.run import VideoJob
    from pipeline.types import Source

_log = logging.getLogger(__name__)

_ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-P", "-m", "pipeline.workers")
"""Starts a worker; two words follow: the descriptor of its end of the line, and the device."""

_REPORT_EVERY = 0.1
"""Seconds between two messages of progress."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a worker's job ended."""

    kind: str
    """``done``, ``skipped``, or a status: ``changing``, ``crashed``, ``timeout``."""
    reason: str = ""
    phase: str = ""
    seconds: dict[str, float] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class _Worker:
    """A child process and what it is doing."""

    process: subprocess.Popen[bytes]
    connection: Connection
    job: VideoJob
    last_sign: float
    """Monotonic seconds."""
    phase: str = "open"

    def stop(self) -> int:
        """Kill the process if it lives; return its exit code (negative: a signal)."""
        self.connection.close()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.wait()


class WorkerPool:
    """Works on videos in ``jobs`` child processes; stops them all when it is closed."""

    def __init__(
        self,
        jobs: int,
        device: str,
        stall_timeout: float,
        progress: Callable[[Source, str, int, int | None], None],
        command: Sequence[str] = COMMAND,
    ) -> None:
        self._command = [*command]
        self._jobs = jobs
        self._device = device
        self._stall_timeout = stall_timeout
        self._progress = progress
        self._busy: list[_Worker] = []
        self._idle: list[_Worker] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in [*self._busy, *self._idle]:
            worker.stop()

    def run(self, jobs: Iterator[VideoJob]) -> Iterator[tuple[VideoJob, Outcome]]:
        """Yield each job with its outcome, as they end.

        Jobs are taken from the iterator only when a worker is free for them.

        Raises:
            SetUpError: If a worker finds that the device or the weights are not there.
            OutputError: If a worker cannot write.
        """
        waiting = True
        while waiting or self._busy:
            while waiting and len(self._busy) < self._jobs:
                job = next(jobs, None)
                if job is None:
                    waiting = False
                else:
                    self._give(job)
            yield from self._collect()

    def _give(self, job: VideoJob) -> None:
        worker = self._idle.pop() if self._idle else _start(self._command, self._device, job)
        worker.job, worker.phase, worker.last_sign = job, "open", time.monotonic()
        self._busy.append(worker)
        with contextlib.suppress(OSError):  # a dead worker is noticed when it is listened to
            worker.connection.send(job)

    def _collect(self) -> Iterator[tuple[VideoJob, Outcome]]:
        if not self._busy:
            return
        ready = wait([worker.connection for worker in self._busy], timeout=1.0)
        for worker in list(self._busy):
            if worker.connection in ready:
                outcome = self._listen(worker)
            elif time.monotonic() - worker.last_sign > self._stall_timeout:
                outcome = self._lose(worker, stalled=True)
            else:
                continue
            if outcome is not None:
                yield worker.job, outcome

    def _listen(self, worker: _Worker) -> Outcome | None:
        try:
            message = json.loads(worker.connection.recv_bytes())
        except (EOFError, OSError, ValueError):
            return self._lose(worker, stalled=False)
        worker.last_sign = time.monotonic()
        if "defect" in message:
            trace = {"trace": message["defect"]}
            _log.error("unexpected error in %s", worker.job.source.name, extra=trace)
            return None
        if "progress" in message:
            worker.phase, done, total = message["progress"]
            self._progress(worker.job.source, worker.phase, done, total)
            return None
        self._busy.remove(worker)
        self._idle.append(worker)
        if "output" in message:
            raise OutputError(message["output"])
        if "set_up" in message:
            raise SetUpError(message["set_up"])
        return Outcome(**message["outcome"])

    def _lose(self, worker: _Worker, *, stalled: bool) -> Outcome:
        self._busy.remove(worker)
        code = worker.stop()
        if stalled:
            reason = f"no progress for {self._stall_timeout:g} s"
            return Outcome("timeout", reason, worker.phase)
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        return Outcome("crashed", f"the process that worked on it ended {how}", worker.phase)


def _start(command: list[str], device: str, job: VideoJob) -> _Worker:
    ours, theirs = socket.socketpair()
    search_path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with theirs:
        process = subprocess.Popen(
            [*command, str(theirs.fileno()), device],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PYTHONPATH": search_path},
        )
    return _Worker(process, Connection(ours.detach()), job, time.monotonic())


class _Reporter:
    """Sends progress to the parent, not more often than it can use."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.stage = "open"
        self._last_time = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        """Report; the signature of :data:`pipeline.run.Progress`."""
        now = time.monotonic()
        if stage != self.stage or now - self._last_time >= _REPORT_EVERY:
            self.stage, self._last_time = stage, now
            if not select.select([], [self.connection], [], 0)[1]:
                return  # the parent is busy: what it does not read must not hold up the work
            _send(self.connection, progress=[stage, done, total])


def _serve(connection: Connection, device: str) -> None:
    """Work on jobs until the parent hangs up."""
    from pipeline import run

    loaded: dict[str, detectors.Detector] = {}
    reporter = _Reporter(connection)

    while True:
        try:
            job: VideoJob = connection.recv()
        except EOFError:
            return
        _send(connection, **_attempt(run, job, loaded, device, reporter))


def _attempt(
    run: Any, job: VideoJob, loaded: dict[str, detectors.Detector], device: str, reporter: _Reporter
) -> dict[str, Any]:
    import detectors

    def detector() -> detectors.Detector:
        scan = job.settings.scan
        key = f"{scan.weights} {scan.score_floor} {scan.precision}"
        if key not in loaded:
            loaded[key] = detectors.load(
                scan.weights,
                device=device,
                threshold=scan.score_floor,
                precision=scan.precision,  # type: ignore[arg-type]  # a choice of the settings
            )
        return loaded[key]

    try:
        seconds = run.work(job, detector, reporter)
        return {"outcome": {"kind": "done", "seconds": seconds}}
    except NotAVideo as error:
        return {"outcome": {"kind": "skipped", "reason": str(error)}}
    except SourceChanging as error:
        return {"outcome": {"kind": "changing", "reason": str(error)}}
    except (detectors.DetectorError, SetUpError) as error:
        return {"set_up": str(error)}
    except Exception as error:
        if isinstance(error, OSError) and error.errno in WRITE_ERRORS:
            return {"output": str(output_error(error, job.stage.parents[2]))}
        _send(reporter.connection, defect=traceback.format_exc())
        reason = f"unexpected {type(error).__name__}: {error}"
        return {"outcome": {"kind": "crashed", "phase": reporter.stage, "reason": reason}}


def _send(connection: Connection, **message: Any) -> None:
    connection.send_bytes(json.dumps(message).encode())


def _main() -> None:
    """Entry of the child process: ``python -m pipeline.workers DESCRIPTOR DEVICE``."""
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    _serve(Connection(int(sys.argv[1])), sys.argv[2])


if __name__ == "__main__":
    _main()
