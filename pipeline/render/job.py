"""What rendering starts from, and what it leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pipeline.layout import track_folder
from pipeline.settings import RenderSettings
from pipeline.types import Look, Scan, Tracks


@dataclass(frozen=True, eq=False)
class RenderJob:
    """One video and everything that the earlier stages found out about it."""

    source: str
    """Path of the video below the folder that was given; stands in every crop."""
    source_sha256: str
    weights: str
    """Name of the detector's weights; stands in every crop."""
    program: str
    """Version of facepics; stands in every crop."""
    scan: Scan
    tracks: Tracks
    looks: tuple[Look, ...]
    settings: RenderSettings
    threshold: float = 0.5
    """Score from which a detection counts."""
    best_only: bool = False
    """Whether each track's best look is all that is kept: no numbered copy beside ``best``."""

    @property
    def start(self) -> float:
        """Presentation time of the first frame, in seconds."""
        return float(self.scan.time[0]) if len(self.scan.time) else 0.0

    def end_of(self, frame: int) -> float:
        """Return when a video that ends with a frame is over, in seconds.

        That is when the next frame begins, or after the usual length of a frame: where a recorder
        paused, the next one can be days away.
        """
        time = self.scan.time
        end = float(time[frame]) + self._usual_length
        return min(end, float(time[frame + 1])) if frame + 1 < len(time) else end

    @cached_property
    def _usual_length(self) -> float:
        """Seconds of a frame."""
        time = self.scan.time
        return float(np.median(np.diff(time)) if len(time) > 1 else 1 / self.scan.info.frame_rate)

    def times_of(self, first: int, last: int) -> NDArray[np.float64]:
        """Return (N + 1,) when the frames ``first`` to ``last`` begin and the last ends (s)."""
        return np.append(self.scan.time[first : last + 1], self.end_of(last))

    def folder_of(self, track_id: int) -> str:
        """Return the name of a track's folder."""
        return track_folder(track_id, int(self.tracks.track_id[-1]))

    def size_of(self, frame: int) -> tuple[int, int]:
        """Return (width, height) of a frame's upright picture."""
        width, height = self.scan.size[frame]
        return int(width), int(height)


@dataclass(frozen=True, slots=True)
class VideoFile:
    """A video that was written."""

    path: str
    """Below the result's folder, ``/`` between the parts."""
    frames: int
    seconds: float
    sound: bool


@dataclass(slots=True)
class Made:
    """What an output has written so far; the fields are those of :class:`RenderResult`."""

    crops: dict[tuple[int, int], str] = field(default_factory=dict)
    images: list[str] = field(default_factory=list)
    videos: list[VideoFile] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class RenderResult:
    """Everything that was written. Paths are below the folder, ``/`` between the parts."""

    crops: Mapping[tuple[int, int], str]
    """(track id, rank) -> path; the best look's is ``best``, which has a numbered copy."""
    images: tuple[str, ...]
    """Every crop's path, sorted."""
    videos: tuple[VideoFile, ...]
    warnings: tuple[str, ...] = ()
    """One sentence each."""


class RowsByFrame:
    """Finds the rows of tracks that belong to a frame."""

    def __init__(self, tracks: Tracks) -> None:
        self._order = np.argsort(tracks.frame, kind="stable")
        self._frame = tracks.frame[self._order]

    def __getitem__(self, frame: int) -> NDArray[np.intp]:
        """Return the rows (K,) of a frame, by ascending track."""
        first, last = np.searchsorted(self._frame, (frame, frame + 1))
        return self._order[first:last]
