"""``.facepics/purged.json``: what was purged, so that no later run brings it back.

A tombstone stands for a content, wherever its file lies and whatever it is called. It says that no
result of it is to be made, or, where single tracks were purged, that the result which is left
stands whatever the settings are. It is not kept with what is remembered of sources, because that
may be lost at any time.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from pipeline.errors import SetUpError
from pipeline.names import decoded, encoded
from pipeline.publish import MARKER, write_whole

FILE_NAME = "purged.json"
SCHEMA = 1


@dataclass(frozen=True, slots=True)
class PurgedTrack:
    """Where and when a person was seen whose track was purged."""

    track_id: int
    first_s: float
    """Presentation time of the source."""
    last_s: float
    box: tuple[float, float, float, float]
    """Around all boxes of the track; pixels of the upright picture."""


@dataclass(frozen=True, slots=True)
class Tombstone:
    """What was purged of one content."""

    name: str
    """Path of its source below the folder that was given."""
    tracks: tuple[PurgedTrack, ...] = ()
    """Empty: everything was purged."""

    @property
    def whole(self) -> bool:
        """Whether nothing of the content is to be kept."""
        return not self.tracks

    def with_track(self, track: PurgedTrack) -> Tombstone:
        """Return the tombstone that stands for this track of the same content too."""
        others = (other for other in self.tracks if other.track_id != track.track_id)
        return Tombstone(self.name, (*others, track))

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make it from what JSON gives back; raises KeyError, TypeError or ValueError."""
        tracks = tuple(
            PurgedTrack(**{**track, "box": tuple(track["box"])}) for track in values["tracks"]
        )
        return cls(decoded(values["name"]), tracks)


def read(output: Path) -> dict[str, Tombstone]:
    """Return SHA-256 of a content -> its tombstone.

    Raises:
        SetUpError: If the file cannot be read: going on without it could bring purged people back.
    """
    path = output / MARKER / FILE_NAME
    try:
        data = json.loads(path.read_bytes())
        if data["schema"] != SCHEMA:
            raise ValueError(f"it is of schema {data['schema']}, not {SCHEMA}")
        return {sha256: Tombstone.of(values) for sha256, values in data["purged"].items()}
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SetUpError(
            f"{path} is damaged ({error}): restore it, or remove it to let everything that was "
            "purged be done again"
        ) from error


def write(output: Path, stones: Mapping[str, Tombstone]) -> None:
    """Replace all tombstones in one step; raises OSError."""
    purged = {
        sha256: {**asdict(stone), "name": encoded(stone.name)} for sha256, stone in stones.items()
    }
    text = json.dumps({"schema": SCHEMA, "purged": purged}, indent=1, sort_keys=True) + "\n"
    write_whole(output / MARKER / FILE_NAME, text.encode())
