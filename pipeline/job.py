"""What a worker is told about a video."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from pipeline.facts import Source
from pipeline.keys import STAGES
from pipeline.settings import Settings
from pipeline.sources import Content


@dataclass(frozen=True, slots=True)
class VideoJob:
    """Everything that working on one video needs."""

    source: Source
    content: Content
    folder: str
    """Where the result will be, below the output folder."""
    stage: Path
    """Empty folder in which the result is built."""
    previous: Path | None
    """Folder of an older result of the same content, whose scan serves if it is still valid."""
    settings: Settings
    keys: dict[str, str]
    weights: dict[str, str]
    """``name`` and ``sha256``."""
    detectors: int = 1
    """How many look at its frames side by side."""
    file: FileIO | None = None
    """The source, open already, for who must not open it."""

    @property
    def result_settings(self) -> dict[str, Any]:
        """The settings that results depend on, by stage."""
        return {stage: asdict(getattr(self.settings, stage)) for stage in ("decode", *STAGES)}
