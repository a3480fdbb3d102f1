"""Whether this machine can do what facepics needs: a line for each check, and what to do.

Everything is tried rather than looked up where that is cheap: the detector looks at a picture, a
lock is taken twice, two folders trade places. A check is a function in ``CHECKS``.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Literal

import numpy as np
from av.codec import Codec
from av.codec.codec import UnknownCodecError

import detectors
import detectors.weights
from detectors import DetectorError
from pipeline.errors import ExitCode, SetUpError
from pipeline.names import printable
from pipeline.publish import EXCHANGE, renameat2
from pipeline.render.encoders import HARDWARE, try_out

TESTED = {
    "av": "18.1.0",
    "click": "8.5.1",
    "Jinja2": "3.1.6",
    "numpy": "2.4.6",
    "opencv-python-headless": "5.0.0.93",
    "openvino": "2026.4.1",
    "pyarrow": "26.0.1",
    "safetensors": "0.8.0",
    "scipy": "1.17.1",
    "torch": "2.13.0",
    "tqdm": "4.70.1",
}
"""Versions that the tests passed with: those of ``constraints.txt``."""
_STAND_IN = {"opencv-python-headless": "opencv-python"}
"""The same library under another name, with windows that nobody opens here."""
_TESTED_ON = ("CPython", (3, 11), "Linux", "x86_64")
_DECODERS = {
    "H.264": ("h264",),
    "HEVC": ("hevc",),
    "AV1": ("libdav1d", "libaom-av1", "libgav1"),
    "VP9": ("vp9", "libvpx-vp9"),
}
"""FFmpeg's own AV1 decoder is not among them: it needs a graphics card."""
_ENCODERS = {"H.264": ("libx264",), "AAC": ("aac",)}
_INSTALL = "install again: pip install -c constraints.txt ."
_SCARCE, _TOO_LITTLE = 10e9, 1e9
"""Bytes free on the disk of the results."""


class State(StrEnum):
    """How well something is."""

    OK = "ok"
    NOTE = "note"
    """It works, but not as tested or as well as it could."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    state: State
    text: str
    """What is, and what to do where it is not well."""

    def __str__(self) -> str:
        return f"{self.state.value:5} {printable(self.text)}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What facepics is to be run with."""

    output: Path
    weights: str = "faceboxes"
    device: str = "auto"


def examine(plan: Plan) -> list[Finding]:
    """Try everything that a run needs; leaves nothing behind."""
    return [finding for check in CHECKS for finding in check(plan)]


def exit_code(findings: list[Finding]) -> ExitCode:
    """Return 0, or 2 where something is wrong."""
    wrong = any(finding.state is State.WRONG for finding in findings)
    return ExitCode.SET_UP if wrong else ExitCode.OK


def python(_: Plan) -> Iterator[Finding]:
    """Look at the interpreter and the system."""
    here = (
        platform.python_implementation(),
        sys.version_info[:2],
        platform.system(),
        platform.machine(),
    )
    words = f"{here[0]} {platform.python_version()} on {here[2]} {here[3]}"
    if here[1] < (3, 11):
        yield Finding(State.WRONG, f"{words}: install Python 3.11 or later")
    elif here[2] != "Linux":
        yield Finding(State.WRONG, f"{words}: facepics needs Linux")
    elif here != _TESTED_ON:
        yield Finding(State.NOTE, f"{words}: tested is CPython 3.11 on Linux x86_64")
    else:
        yield Finding(State.OK, words)


def libraries(_: Plan) -> Iterator[Finding]:
    """Compare the versions that are installed with those that were tested."""
    same = 0
    for name, tested in TESTED.items():
        version = _version(name) or _version(_STAND_IN.get(name, ""))
        if version is None:
            yield Finding(State.WRONG, f"{name} is not installed: {_INSTALL}")
        elif version.partition("+")[0] == tested:  # torch 2.13.0+cpu is a build of 2.13.0
            same += 1
        else:
            yield Finding(State.NOTE, f"{name} is {version}, tested was {tested}")
    if same == len(TESTED):
        yield Finding(State.OK, f"all {same} libraries are of the versions that were tested")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name) if name else None
    except metadata.PackageNotFoundError:
        return None


def codecs(_: Plan) -> Iterator[Finding]:
    """Look for what reads common videos and writes ours."""
    yield _known(_DECODERS, "r", "read")
    yield _known(_ENCODERS, "w", "written")
    working = ", ".join(name for name in HARDWARE if _encodes(name))
    yield Finding(State.OK, f"--encoder: x264{working and f', {working}'} can be used here")


def _known(wanted: Mapping[str, tuple[str, ...]], mode: Literal["r", "w"], verb: str) -> Finding:
    lacking = [name for name, codecs in wanted.items() if not _has_codec(codecs, mode)]
    if lacking:
        text = f"{', '.join(lacking)} cannot be {verb} with this PyAV: {_INSTALL}"
        return Finding(State.WRONG, text)
    return Finding(State.OK, f"{', '.join(wanted)} can be {verb}")


def _encodes(name: str) -> bool:
    try:
        try_out(name)
    except SetUpError:
        return False
    return True


def _has_codec(names: tuple[str, ...], mode: Literal["r", "w"]) -> bool:
    for name in names:
        with contextlib.suppress(UnknownCodecError):
            Codec(name, mode)
            return True
    return False


def detector(plan: Plan) -> Iterator[Finding]:
    """Read the weights, compare their hash, and let the detector look at a picture."""
    try:
        entry = detectors.weights.find(plan.weights)
        detectors.weights.read_tensors(entry)
        yield Finding(State.OK, f"weights {entry.name}, sha256 {entry.sha256[:12]}… as stated")
        loaded = detectors.load(plan.weights, device=plan.device)
        loaded([np.zeros((96, 128, 3), np.uint8)])
        yield Finding(State.OK, f"detector runs with {loaded.runtime}")
    except DetectorError as error:
        yield Finding(State.WRONG, str(error))


def output(plan: Plan) -> Iterator[Finding]:
    """Write where the results will be, and try what publishing them needs."""
    place = _existing(plan.output.absolute())
    try:
        with tempfile.TemporaryDirectory(prefix=".facepics-doctor-", dir=place) as folder:
            yield Finding(State.OK, f"{place} can be written to")
            yield _locks(Path(folder))
            yield _exchanges(Path(folder))
    except OSError as error:
        yield Finding(
            State.WRONG, f"{place} cannot be written to ({error.strerror}): choose another folder"
        )
        return
    yield _room(place)


def _existing(path: Path) -> Path:
    """Return ``path`` or the nearest folder above it that is there."""
    return next(there for there in (path, *path.parents) if there.exists())


def _locks(folder: Path) -> Finding:
    path = folder / "lock"
    first = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    second = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    held = False
    try:
        fcntl.flock(first, fcntl.LOCK_EX | fcntl.LOCK_NB)
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        held = True
    except OSError:
        held = False
    finally:
        os.close(first)
        os.close(second)
    if held:
        return Finding(State.OK, "locks hold (flock)")
    text = "locks do not hold on this file system: never start two runs on it, or use a local disk"
    return Finding(State.WRONG, text)


def _exchanges(folder: Path) -> Finding:
    for name in ("one", "two"):
        (folder / name).mkdir()
    (folder / "one" / "mark").touch()
    done = renameat2(folder / "one", folder / "two", EXCHANGE)
    if done and (folder / "two" / "mark").exists():
        return Finding(State.OK, "results are replaced in one step (renameat2)")
    text = "results are replaced in two steps on this file system: a power cut between the two"
    return Finding(State.NOTE, f"{text} loses the older one, which the next run makes again")


def _room(place: Path) -> Finding:
    free = shutil.disk_usage(place).free
    words = f"{free / 1e9:.1f} GB are free on the disk of {place}"
    if free < _TOO_LITTLE:
        return Finding(State.WRONG, f"{words}: free some")
    if free < _SCARCE:
        return Finding(State.NOTE, f"{words}: a long archive may need more")
    return Finding(State.OK, words)


CHECKS: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    python,
    libraries,
    codecs,
    detector,
    output,
)
