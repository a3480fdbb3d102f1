"""Every expected error, and the exit code that each one stands for.

    FacepicsError
    ├── SetUpError          2   arguments, settings, inputs, device or weights
    ├── VideoError          3   one video could not be worked on; the batch goes on
    │   ├── NotAVideo           nothing in the file can be played as a video
    │   ├── Unreadable          a video, but broken, encrypted or of an unknown codec
    │   ├── Refused             would read other files or the network; not a regular file
    │   ├── LimitExceeded       larger than the limits allow
    │   ├── StaleScan           its frames are no longer those of its scan
    │   └── SourceChanging      changed while it was read, or too young to be complete
    ├── OutputError         4   the output folder cannot be written to, or is full
    └── Locked             11   another run works on the same output folder

A message is one sentence that says what to do. Whatever is not in this tree is a defect of the
program and shows its traceback.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar


class ExitCode(IntEnum):
    """What a run's exit code means; where several hold, the most severe one is given."""

    OK = 0
    UNEXPECTED = 1
    SET_UP = 2
    SOME_FAILED = 3
    OUTPUT = 4
    LOCKED = 11
    INTERRUPTED = 130
    TERMINATED = 143


class FacepicsError(Exception):
    """An expected error: one sentence for the user, and an exit code."""

    exit_code: ClassVar[ExitCode] = ExitCode.UNEXPECTED


class SetUpError(FacepicsError):
    """The run cannot start as it was asked to."""

    exit_code = ExitCode.SET_UP


class OutputError(FacepicsError):
    """The output folder cannot be written to, or its disk is full."""

    exit_code = ExitCode.OUTPUT


class Locked(FacepicsError):
    """Another run holds the output folder."""

    exit_code = ExitCode.LOCKED


class VideoError(FacepicsError):
    """One video could not be worked on. ``status`` is what is recorded for it."""

    exit_code = ExitCode.SOME_FAILED
    status: ClassVar[str] = "failed"


class NotAVideo(VideoError):
    """Nothing in the file can be played as a video."""


class Unreadable(VideoError):
    """The file is a video, but it is broken, encrypted or of an unknown codec."""


class Refused(VideoError):
    """The file is of a kind that is never opened: a playlist, a link, a device."""

    status = "refused"


class LimitExceeded(VideoError):
    """The video is larger than the limits of the settings allow."""

    status = "limit"


class StaleScan(VideoError):
    """The file gives other frames than it gave when it was scanned; scan it again."""


class SourceChanging(VideoError):
    """The file changed while it was read."""

    status = "changing"
