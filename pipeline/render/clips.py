"""The clips: one video a track, over its time, which follows its person and boxes it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.layout import CLIP
from pipeline.names import counted
from pipeline.render.clip_plan import MAX_OPEN, ClipPlan, plan_clips, wanted_frames
from pipeline.render.draw import draw_track
from pipeline.render.encode import Mp4Writer
from pipeline.render.job import Made, RenderJob, RowsByFrame, VideoFile
from pipeline.render.sound import Piece, PlayableSound
from pipeline.render.view import View
from pipeline.types import Frame, Kind


class Clips:
    """Writes ``track_0001/clip.mp4``: opened at the track's first frame, closed at its last."""

    def __init__(self, job: RenderJob, folder: Path, sound: PlayableSound | None) -> None:
        self._job = job
        self._folder = folder
        self._sound = sound
        self._rows = RowsByFrame(job.tracks)
        plans, omitted = plan_clips(job)
        self._wanted = wanted_frames(plans, len(job.scan.time))
        self._starting: defaultdict[int, list[ClipPlan]] = defaultdict(list)
        for plan in plans:
            self._starting[plan.first].append(plan)
        self._open: dict[int, tuple[View, Mp4Writer]] = {}
        self._last_piece: Piece | None = None
        self.made = Made()
        if omitted:
            self.made.warnings.append(
                f"no clip of {counted(omitted, 'track')}: more than {MAX_OPEN} people at once."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the open clips, or give them up where an error is under way."""
        try:
            if kind is None:
                self._close_before(len(self._wanted))
        finally:
            for _, writer in self._open.values():
                writer.abandon()

    def wants(self, index: int) -> bool:
        """Tell whether the frame is part of any clip."""
        return index < len(self._wanted) and bool(self._wanted[index])

    def hear(self, piece: Piece) -> None:
        """Append a piece of sound to the clips that are open."""
        for _, writer in self._open.values():
            writer.hear(piece)
        self._last_piece = piece

    def write(self, frame: Frame) -> None:
        """Append the frame to every clip that it is part of."""
        self._close_before(frame.index)
        for plan in self._starting.pop(frame.index, ()):
            self._open[plan.track_id] = View.of(self._job, plan), self._opened(plan)
        rows = {int(self._job.tracks.track_id[row]): row for row in self._rows[frame.index]}
        for view, writer in self._open.values():
            placed = view.place(frame)
            row = rows.get(view.plan.track_id)
            if row is not None:
                box = placed.boxes(self._job.tracks.boxes[row : row + 1])[0]
                filled = self._job.tracks.kind[row] == Kind.INTERPOLATED
                draw_track(placed.sheet, box, view.plan.track_id, bool(filled))
            writer.write(placed.sheet, frame.time)

    def _opened(self, plan: ClipPlan) -> Mp4Writer:
        job, folder = self._job, self._folder / self._job.folder_of(plan.track_id)
        folder.mkdir(exist_ok=True)
        times = job.times_of(plan.first, plan.last)
        path, info = folder / CLIP, job.scan.info
        writer = Mp4Writer(path, plan.size, times, info, job.settings, self._sound)
        if self._last_piece is not None:  # it may reach into the clip
            writer.hear(self._last_piece)
        return writer

    def _close_before(self, frame: int) -> None:
        """Finish the clips whose last frame comes before ``frame``."""
        for track_id, (view, writer) in list(self._open.items()):
            if view.plan.last < frame:
                writer.close()
                del self._open[track_id]
                path = f"{self._job.folder_of(track_id)}/{CLIP}"
                made = VideoFile(path, writer.frames, writer.seconds, writer.sound)
                self.made.videos.append(made)
