"""What is said of a video as a whole: where it is, what it claims to be, what became of it.

No arrays: what decides about a batch reads these records and starts without NumPy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Source:
    """A file that may be a video."""

    path: Path
    """Where it is; absolute."""
    name: str
    """Its path below the folder that was given, ``/`` between the parts: names the result."""
    named: bool = False
    """Whether the user named this very file (and did not just name a folder above it)."""
    young: bool = False
    """Whether it changed too lately to be complete: left for a later run."""


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What the container says of the chosen video stream. Claims, not measurements."""

    width: int
    """Upright, square pixels."""
    height: int
    frame_rate: Fraction
    """Frames a second on average; 25 where the file does not say."""
    time_base: Fraction
    """Seconds a tick of ``pts``."""
    duration: float | None
    """Seconds, where the file says."""
    container: str
    codec: str
    pixel_format: str
    rotation: int
    """Degrees by which the stored picture is turned clockwise to stand upright: 0, 90, 180, 270."""
    mirrored: bool
    """Whether the stored picture is flipped left to right (after the turn)."""
    transfer: str
    """``sdr``, ``pq`` or ``hlg``."""
    stream: int
    """Index of the stream that was chosen."""
    video_streams: int
    """How many there were to choose from, cover pictures left out."""
    has_audio: bool

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make it from what JSON gives back; raises KeyError, TypeError or ValueError."""
        fractions = {name: Fraction(values[name]) for name in ("frame_rate", "time_base")}
        return cls(**{**values, **fractions})


@dataclass(frozen=True, slots=True)
class DecodeAudit:
    """What became of a stream while it was decoded to its end."""

    frames: int
    """Frames decoded."""
    failed: int
    """Packets or frames that could not be decoded."""
    expected: int | None
    """Frames that the container announced, where it did."""
    truncated: bool
    """Whether the stream ended clearly before its announced end."""
    times_mended: int
    """Frames whose time was missing or out of line, and was made from the frame rate."""
    size_changes: int
    """How often the picture changed its size."""
    warnings: tuple[str, ...] = ()
    """One sentence each."""
    damaged: int = 0
    """Frames that the decoder patched up; each time it may do so in another way."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make it from what JSON gives back; raises KeyError, TypeError or ValueError."""
        return cls(**{**values, "warnings": tuple(values["warnings"])})

    @property
    def partial(self) -> bool:
        """Whether frames are missing."""
        return self.failed > 0 or self.truncated


@dataclass(frozen=True, slots=True)
class Health:
    """Parts are of 1; all are 0 in a video without tracks."""

    tracks_per_minute: float = 0.0
    """Of video."""
    fragmented: float = 0.0
    """Part of the tracks that begin where, and soon after, another ended."""
    one_frame: float = 0.0
    """Part of the tracks that were seen in one frame only."""
    gaps: float = 0.0
    """Part of the frames from a track's first to its last in which the face was not seen."""
    filled: float = 0.0
    """Part of the boxes that are interpolated."""
    rescued: float = 0.0
    """Part of the boxes that are weak detections."""
    jitter: float = 0.0
    """How much centres tremble: their mean second difference in time, in face sizes."""
    duplicates: float = 0.0
    """Part of the boxes that lie on another of the same frame."""

    @classmethod
    def mean(cls, healths: Sequence[Self]) -> Self:
        """Return each figure's mean over videos; all are 0 without any."""
        columns = zip(*(astuple(one) for one in healths), strict=True)
        return cls(*(sum(column) / len(healths) for column in columns))

    def describe(self) -> str:
        """Return in a few words what a person looks at first."""
        return (
            f"{self.fragmented:.0%} fragmented, {self.one_frame:.0%} of one frame, "
            f"{self.gaps:.0%} unseen, {self.duplicates:.1%} double, "
            f"jitter {self.jitter:.3f} of a face"
        )


class Status(StrEnum):
    """What became of a source."""

    DONE = "done"
    EMPTY = "empty"
    """Worked through; no face track in it."""
    PARTIAL = "partial"
    """Results exist, but frames are missing."""
    FAILED = "failed"
    CRASHED = "crashed"
    """The process that worked on it died, or met an error that nobody foresaw."""
    TIMEOUT = "timeout"
    LIMIT = "limit"
    CHANGING = "changing"
    REFUSED = "refused"
    DUPLICATE = "duplicate"
    """The same content was worked on under another path."""
    SKIPPED = "skipped"
    """Met while walking, and no video."""
    PURGED = "purged"
    """Its results were taken out for good."""

    @property
    def ok(self) -> bool:
        """Whether the exit code stays 0."""
        return self in (
            Status.DONE,
            Status.EMPTY,
            Status.DUPLICATE,
            Status.SKIPPED,
            Status.PURGED,
        )

    @property
    def may_be_accident(self) -> bool:
        """Whether it says more about the run than about the video."""
        return self in (Status.CRASHED, Status.TIMEOUT)

    @property
    def has_results(self) -> bool:
        """Whether the video was worked through, and its folder holds what came out."""
        return self in (Status.DONE, Status.EMPTY, Status.PARTIAL)


@dataclass(frozen=True, slots=True)
class VideoResult:
    """What became of one source in a run."""

    source: Source
    status: Status
    phase: str = ""
    """The stage at which it ended, where it did not end well."""
    reason: str = ""
    """One sentence, where it did not end well."""
    folder: Path | None = None
    """Where its results are."""
    reused: bool = False
    """Whether an earlier run had done it already."""
    frames: int = 0
    faces: int = 0
    tracks: int = 0
    crops: int = 0
    detector: str = ""
    """What looked for faces, how exactly and where."""
    health: Health | None = None
    """Of the tracks, where there are results."""
    warnings: tuple[str, ...] = ()
    seconds: dict[str, float] = field(default_factory=dict)
    """Wall time by stage; only ever written to the run's record."""
