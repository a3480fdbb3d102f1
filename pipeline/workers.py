"""Child processes that work on videos, so that no file can take the run down with it.

A worker is kept over many videos; one that dies, stalls or errs is replaced, and only the video it
held is lost. Jobs go to a worker as Python objects, each with its video as an open file; what comes
back is lines of JSON, and nothing that a line holds is taken on trust, because a worker reads files
that nobody has checked. What runs in the child is :mod:`pipeline.worker`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from pipeline.errors import OutputError, SetUpError, VideoError
from pipeline.manifest import BrokenManifest
from pipeline.messages import KEPT_AFTER, Outcome, read_message
from pipeline.received import receive
from pipeline.sandbox import NO_GRANTS, Confinement
from pipeline.sources import open_file

if TYPE_CHECKING:
    from pipeline.facts import Source
    from pipeline.job import VideoJob
    from pipeline.manifest import Manifest

_log = logging.getLogger(__name__)

_ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-P", "-m", "pipeline.worker")
"""Starts a worker; three words follow: the descriptor of its end of the line, the device, and how
it is shut in."""

_ALLOCATION = {"MALLOC_ARENA_MAX": "4", "ARROW_DEFAULT_MEMORY_POOL": "system"}
"""Else each thread reserves address space, and the limit of memory depends on the processors; and
Arrow keeps what it has used."""

_LONGEST_LINE = 1 << 20
"""Bytes; a trace of a defect is the longest thing that a worker has to say."""
_PATIENCE = struct.pack("ll", 10, 0)
"""Seconds and microseconds after which a worker that takes nothing is left to itself."""


@dataclass(slots=True, eq=False)
class _Worker:
    """A child process and what it is doing."""

    process: subprocess.Popen[bytes]
    connection: Connection
    job: VideoJob
    last_sign: float
    """Monotonic seconds."""
    begun: float = 0.0
    """Of the job; monotonic seconds."""
    phase: str = "open"
    unread: bytes = b""
    """What has come of a line that has not ended."""

    def lines(self) -> list[bytes]:
        """Return the lines that have come to their end, and one that has none and is too long.

        Raises EOFError or OSError where nothing more comes.
        """
        new = os.read(self.connection.fileno(), _LONGEST_LINE)
        if not new:
            raise EOFError
        *lines, self.unread = (self.unread + new).split(b"\n")
        return [*lines, self.unread] if len(self.unread) > _LONGEST_LINE else lines

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
        *,
        receive: Callable[[VideoJob], Manifest] = receive,
        max_wall: float = 0.0,
        confinement: Confinement = NO_GRANTS,
    ) -> None:
        """Start nothing yet.

        Args:
            jobs: How many processes there are at most.
            device: Where they run the detector.
            stall_timeout: Seconds without progress after which a video is given up.
            progress: Told the source, the stage, the frames done, and how many there are.
            command: Starts a worker.
            receive: Reads what a worker left that is done; raises BrokenManifest.
            max_wall: Seconds after which a video is given up; 0: never.
            confinement: How they are shut in.
        """
        self.isolation: dict[str, str] = {}
        """How far the workers are shut in, in words; empty until one has said so."""
        self._command = [*command]
        self._receive = receive
        self._confinement = confinement
        self._max_wall = max_wall
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
        worker = self._idle.pop() if self._idle else self._start(job)
        worker.job, worker.phase = job, "open"
        worker.begun = worker.last_sign = time.monotonic()
        self._busy.append(worker)
        with contextlib.suppress(OSError):  # a dead worker is noticed when it is listened to
            worker.connection.send(job)
            _hand_over(worker.connection, job.source.path)

    def _start(self, job: VideoJob) -> _Worker:
        words = [*self._command, self._device, self._confinement.to_json()]
        return _start(words, len(self._command), job)

    def _collect(self) -> Iterator[tuple[VideoJob, Outcome]]:
        if not self._busy:
            return
        ready = wait([worker.connection for worker in self._busy], timeout=1.0)
        for worker in list(self._busy):
            outcome = self._listen(worker) if worker.connection in ready else None
            if outcome is None and (reason := self._overdue(worker)):
                outcome = self._give_up(worker, reason)
            if outcome is not None:
                yield worker.job, outcome

    def _listen(self, worker: _Worker) -> Outcome | None:
        """Take what a worker has to say; return how its job ended, once it did."""
        try:
            lines = worker.lines()
        except (EOFError, OSError):
            return self._lose(worker)
        for line in lines:
            worker.last_sign = time.monotonic()
            try:
                message = read_message(line)
            except ValueError:
                return self._lose(worker, "said what nobody understands")
            outcome = self._heed(worker, message)
            if outcome is not None:
                return self._ended(worker, outcome)
        return None

    def _heed(self, worker: _Worker, message: dict[str, Any]) -> Outcome | None:
        """Act on a message; return the outcome that it tells of, if it does."""
        match message:
            case {"progress": (phase, done, total)}:
                worker.phase = phase
                self._progress(worker.job.source, phase, done, total)
            case {"isolation": parts}:
                self._note(parts)
            case {"defect": trace}:
                name = worker.job.source.name
                _log.error("unexpected error in %s", name, extra={"trace": trace})
            case {"output": words}:
                raise OutputError(words)
            case {"set_up": words}:
                raise SetUpError(words)
            case {"outcome": Outcome(kind="done") as outcome}:
                return self._received(worker, outcome)
            case {"outcome": Outcome() as outcome}:
                return outcome
        return None

    def _received(self, worker: _Worker, outcome: Outcome) -> Outcome:
        """Add the manifest that a worker left; without a good one it has failed."""
        try:
            return replace(outcome, manifest=self._receive(worker.job))
        except BrokenManifest as error:
            return Outcome("crashed", f"its worker left no result to go by: {error}", worker.phase)

    def _note(self, isolation: dict[str, str]) -> None:
        """Say once how far the workers are shut in."""
        if isolation != self.isolation and self._confinement.isolate:
            for part, state in isolation.items():
                _log.debug("workers: %s %s", part, state)
            if any(state != "closed" for state in isolation.values()):
                lacking = "; ".join(f"{k} {v}" for k, v in isolation.items() if v != "closed")
                _log.warning("workers cannot be shut in as they should here: %s", lacking)
        self.isolation = isolation

    def _ended(self, worker: _Worker, outcome: Outcome) -> Outcome:
        self._busy.remove(worker)
        if outcome.kind in KEPT_AFTER:
            self._idle.append(worker)
        else:
            worker.stop()
        return outcome

    def _overdue(self, worker: _Worker) -> str:
        """Return why a worker is to be given up, if it is."""
        now = time.monotonic()
        if now - worker.last_sign > self._stall_timeout:
            return f"no progress for {self._stall_timeout:g} s"
        if self._max_wall and now - worker.begun > self._max_wall:
            return f"not through after {self._max_wall:g} s, which is all that --max-wall gives it"
        return ""

    def _give_up(self, worker: _Worker, reason: str) -> Outcome:
        self._busy.remove(worker)
        worker.stop()
        return Outcome("timeout", reason, worker.phase)

    def _lose(self, worker: _Worker, what: str = "") -> Outcome:
        """Give up a worker that has ended, or that did ``what`` it must not."""
        self._busy.remove(worker)
        code = worker.stop()
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with code {code}"
        reason = f"the process that worked on it {what or f'ended {how}'}"
        return Outcome("crashed", reason, worker.phase)


def _start(words: list[str], place: int, job: VideoJob) -> _Worker:
    """Start a worker; its end of the line is put at ``place`` among the words that start it."""
    ours, theirs = socket.socketpair()
    ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _PATIENCE)
    search_path = os.pathsep.join([str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    with theirs:
        try:
            process = subprocess.Popen(
                [*words[:place], str(theirs.fileno()), *words[place:]],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                start_new_session=True,
                env={**_ALLOCATION, **os.environ, "PYTHONPATH": search_path},
            )
        except OSError as error:
            reason = error.strerror or error
            raise SetUpError(f"no worker can be started ({reason}): use fewer --jobs") from error
    return _Worker(process, Connection(ours.detach()), job, time.monotonic())


def _hand_over(connection: Connection, path: Path) -> None:
    """Give a worker the file at ``path`` as an open one; one that cannot be opened is not given."""
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        try:
            with open_file(path) as file:
                socket.send_fds(line, [b"f"], [file.fileno()])
        except VideoError:
            line.send(b"-")
