"""What runs in a worker's process: jobs in, messages out (:mod:`pipeline.workers` is the parent).

It is shut in before it reads the first file (:mod:`pipeline.sandbox`): what this module imports
must start no thread.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
from dataclasses import replace
from io import FileIO
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Any

from pipeline import sandbox
from pipeline.errors import NotAVideo, SetUpError, SourceChanging
from pipeline.sandbox import Confinement

if TYPE_CHECKING:
    import detectors
    from pipeline.job import VideoJob

_REPORT_EVERY = 0.1
"""Seconds between two messages of progress."""


def _take_over(connection: Connection) -> FileIO:
    """Return the open file that a worker is given.

    Raises:
        SourceChanging: There is none: it could be opened a moment ago.
    """
    with socket.socket(fileno=os.dup(connection.fileno())) as line:
        _, descriptors, _, _ = socket.recv_fds(line, 1, 1)
    if not descriptors:
        raise SourceChanging("the file can no longer be opened; it is tried again next time")
    return FileIO(descriptors[0])


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


def _serve(connection: Connection, device: str, confinement: Confinement) -> None:
    """Work on jobs until the parent hangs up."""
    # None: Python finds no such module. OpenVINO does without its converter, which takes a tenth
    # of a second to load, and loads what reports on its use.
    sys.modules["openvino.tools.ovc"] = None  # type: ignore[assignment]
    _send(connection, isolation=sandbox.enter(confinement))
    from pipeline import run

    loaded: dict[str, detectors.Detector] = {}
    reporter = _Reporter(connection)
    sandbox.limit_memory(confinement.memory)
    while True:
        try:
            job: VideoJob = connection.recv()
        except EOFError:
            return
        _send(connection, **_attempt(run, job, loaded, device, reporter, confinement))


def _attempt(
    run: Any,
    job: VideoJob,
    loaded: dict[str, detectors.Detector],
    device: str,
    reporter: _Reporter,
    confinement: Confinement,
) -> dict[str, Any]:
    import detectors
    from detectors.team import Team
    from pipeline.render import encoders

    def load() -> detectors.Detector:
        scan = job.settings.scan
        sandbox.limit_memory(0)
        try:
            return detectors.load(
                scan.weights,
                device=device,
                threshold=scan.score_floor,
                precision=scan.precision,  # type: ignore[arg-type]  # a choice of the settings
            )
        finally:
            sandbox.limit_memory(confinement.memory)

    def detector() -> detectors.Detector:
        scan = job.settings.scan
        key = f"{scan.weights} {scan.score_floor} {scan.precision} {job.detectors}"
        if key not in loaded:
            loaded[key] = Team(load, job.detectors) if job.detectors > 1 else load()
        return loaded[key]

    try:
        if job.settings.render.video != "none":
            encoders.try_out(job.settings.render.encoder)
        with _take_over(reporter.connection) as file:
            seconds = run.work(replace(job, file=file), detector, reporter)
        return _outcome("done", seconds=seconds)
    except NotAVideo as error:
        return _outcome("skipped", reason=str(error))
    except SourceChanging as error:
        return _outcome("changing", reason=str(error))
    except (detectors.DetectorError, SetUpError) as error:
        return {"set_up": str(error)}
    except Exception as error:
        return _failed(error, job, reporter, confinement)


def _failed(
    error: Exception, job: VideoJob, reporter: _Reporter, confinement: Confinement
) -> dict[str, Any]:
    """Say what an error means that no stage has foreseen."""
    from pipeline.publish import WRITE_ERRORS, output_error

    phase, output = reporter.stage, job.stage.parents[2]
    if not job.stage.is_dir():
        return {"output": f"{output} was removed or exchanged during the run: run again"}
    if isinstance(error, MemoryError):
        reason = f"it needs more memory than --worker-memory {confinement.memory:g} (GB) gives it"
        return _outcome("limit", phase=phase, reason=reason)
    if isinstance(error, OSError) and error.errno in WRITE_ERRORS:
        if error.errno == errno.EFBIG and sandbox.file_size_is_ours(confinement):
            reason = f"an output is larger than --max-output {confinement.file_size:g} (GB)"
            return _outcome("limit", phase=phase, reason=reason)
        return {"output": str(output_error(error, output))}
    _send(reporter.connection, defect=traceback.format_exc())
    reason = f"unexpected {type(error).__name__}: {error}"
    return _outcome("crashed", phase=phase, reason=reason)


def _outcome(kind: str, **facts: Any) -> dict[str, Any]:
    return {"outcome": {"kind": kind, **facts}}


def _send(connection: Connection, **message: Any) -> None:
    with open(connection.fileno(), "wb", closefd=False) as line:  # sends all of it, however long
        line.write(json.dumps(message).encode() + b"\n")


def _main() -> None:
    """Entry of the child process: ``python -m pipeline.worker DESCRIPTOR DEVICE CONFINEMENT``."""
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    descriptor, device, confinement = sys.argv[1:]
    with contextlib.suppress(ConnectionError):  # the parent has ended: nobody listens any more
        _serve(Connection(int(descriptor)), device, Confinement.from_json(confinement))


if __name__ == "__main__":
    _main()
