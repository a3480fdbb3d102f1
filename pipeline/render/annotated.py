"""The annotated video: the whole source with every track drawn in."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.layout import ANNOTATED
from pipeline.render.canvas import Canvas
from pipeline.render.draw import draw_track
from pipeline.render.encode import Mp4Writer
from pipeline.render.job import Made, RenderJob, RowsByFrame, VideoFile
from pipeline.render.redact import Redaction
from pipeline.render.sound import Piece, PlayableSound
from pipeline.types import Frame, Kind


class Annotated:
    """Writes ``annotated.mp4``; none for a video without a track, in which nothing can be drawn."""

    def __init__(self, job: RenderJob, folder: Path, sound: PlayableSound | None) -> None:
        self._tracks = job.tracks
        self._rows = RowsByFrame(job.tracks)
        self._redaction = Redaction(job)
        self._frames = len(job.scan.time) if len(job.tracks.frame) else 0
        self.made = Made()
        if self._frames:
            self._canvas = Canvas.of(job.size_of(0))
            times = job.times_of(0, self._frames - 1)
            path, info = folder / ANNOTATED, job.scan.info
            self._writer = Mp4Writer(path, self._canvas.size, times, info, job.settings, sound)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the video, or give it up where an error is under way."""
        if not self._frames:
            return
        writer = self._writer
        writer.__exit__(kind, error, trace)
        self.made.videos.append(VideoFile(ANNOTATED, writer.frames, writer.seconds, writer.sound))

    def wants(self, index: int) -> bool:
        """Tell whether the frame is part of the video: every one is."""
        return index < self._frames

    def hear(self, piece: Piece) -> None:
        """Append a piece of sound."""
        if self._frames:
            self._writer.hear(piece)

    def write(self, frame: Frame) -> None:
        """Append the frame with its boxes, over faces that are hidden if the settings say so."""
        placed = self._canvas.place(frame.picture)
        self._redaction.hide(placed, frame.index)
        rows = self._rows[frame.index]
        for row, box in zip(rows, placed.boxes(self._tracks.boxes[rows]), strict=True):
            filled = self._tracks.kind[row] == Kind.INTERPOLATED
            draw_track(placed.sheet, box, int(self._tracks.track_id[row]), bool(filled))
        self._writer.write(placed.sheet, frame.time)
