"""``video.json``: the truth about one source and its results.

A folder of results is whole when its manifest says so and every output has the size and hash
that stand in it. Nothing in a manifest depends on when or where a run took place, so that equal
inputs give equal bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.facts import DecodeAudit, Health, Status, VideoInfo
from pipeline.names import decoded, encoded

SCHEMA = 1
FILE_NAME = "video.json"
_NAMES = ("name", "duplicate_of")  # may hold any bytes: percent-encoded in the file
_TABLES = ("keys", "settings", "weights")


class BrokenManifest(ValueError):
    """The file is no whole manifest of a schema that this version knows."""


@dataclass(frozen=True, slots=True)
class Output:
    """One file of a result."""

    size: int
    """Bytes."""
    sha256: str


@dataclass(frozen=True, slots=True)
class Counts:
    """What was found in a video."""

    frames: int = 0
    faces: int = 0
    """Detections that count (threshold passed)."""
    tracks: int = 0
    crops: int = 0
    dropped_tracks: int = 0
    """Tracks left out because they were too short."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One source and its results."""

    name: str
    """Path of the source below the folder that was given."""
    size: int
    """Bytes of the source."""
    sha256: str
    """Of the source's content."""
    status: Status
    phase: str = ""
    reason: str = ""
    keys: dict[str, str] = field(default_factory=dict)
    """For each stage, a hash of everything that its result depends on."""
    settings: dict[str, Any] = field(default_factory=dict)
    weights: dict[str, str] = field(default_factory=dict)
    """``name`` and ``sha256`` of the detector's weights."""
    detector: str = ""
    """What looked for faces, how exactly and where."""
    program: str = ""
    """Version of facepics."""
    video: VideoInfo | None = None
    audit: DecodeAudit | None = None
    counts: Counts = Counts()
    health: Health | None = None
    """How healthy the tracks are, where there are results."""
    duplicate_of: str = ""
    """Name of the source with the same content whose results stand for this one too."""
    warnings: tuple[str, ...] = ()
    attempts: int = 1
    """How often in a row its worker died or stalled."""
    outputs: dict[str, Output] = field(default_factory=dict)
    """Path below the result's folder -> size and hash; the manifest itself is not in it."""

    def to_json(self) -> str:
        """Return the manifest as text: sorted, indented, the same for the same manifest."""
        data = asdict(self)
        data["schema"] = SCHEMA
        for name in _NAMES:
            data[name] = encoded(data[name])
        if self.video is not None:
            data["video"]["frame_rate"] = str(self.video.frame_rate)
            data["video"]["time_base"] = str(self.video.time_base)
        return json.dumps(data, indent=1, sort_keys=True, ensure_ascii=True) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes) -> Manifest:
        """Read a manifest back; raises :class:`BrokenManifest`."""
        try:
            data = json.loads(text)
            if data.pop("schema") != SCHEMA:
                raise BrokenManifest("the manifest is of another schema")
            for name in _NAMES:
                data[name] = decoded(data[name])
            for table in _TABLES:
                data[table] = dict(data[table])
            data["status"] = Status(data["status"])
            data["video"] = data["video"] and VideoInfo.of(data["video"])
            data["audit"] = data["audit"] and DecodeAudit.of(data["audit"])
            data["counts"] = Counts(**data["counts"])
            data["health"] = Health(**data["health"]) if data.get("health") else None
            data["warnings"] = tuple(data["warnings"])
            data["outputs"] = {name: Output(**output) for name, output in data["outputs"].items()}
            return cls(**data)
        except (
            ArithmeticError,
            AttributeError,
            RecursionError,
            LookupError,
            TypeError,
            ValueError,
        ) as error:
            raise BrokenManifest(f"the manifest is damaged: {error}") from error

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest in ``folder``; raises :class:`BrokenManifest` or OSError."""
        return cls.from_json((folder / FILE_NAME).read_bytes())
