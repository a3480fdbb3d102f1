"""The second pass: crops, the annotated video and the clips, from one reading of the frames.

    with open_video(path, settings.decode) as video, video.sound() as sound:
        result = render(video.frames(), job, folder, sound)
    verify(folder, result)

An output is a class in its file here and a line in ``OUTPUTS``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import StaleScan
from pipeline.render.annotated import Annotated
from pipeline.render.clips import Clips
from pipeline.render.crops import Crops
from pipeline.render.job import Made, RenderJob, RenderResult, VideoFile
from pipeline.render.shared import shared
from pipeline.render.sound import Piece, PlayableSound, SoundSource, playable
from pipeline.render.verify import verify
from pipeline.types import Frame

__all__ = ["OUTPUTS", "Output", "RenderJob", "RenderResult", "VideoFile", "render", "verify"]


class Output(Protocol):
    """Makes files from the frames of a video, which come in ascending order.

    Everything is whole when the context is left; after an error nothing of it is of use, but
    nothing is left open either. Disk errors are raised as ``OSError``.
    """

    made: Made
    """Complete only after the context was left."""

    def __enter__(self) -> Self:
        """Return the output itself."""

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Finish the files, or give them up where an error is under way."""

    def wants(self, index: int) -> bool:
        """Tell whether the frame of this index is to be written."""

    def hear(self, piece: Piece) -> None:
        """Take the next piece of sound; those that start before a frame come before it."""

    def write(self, frame: Frame) -> None:
        """Take a frame that is wanted; its pictures are shared and must not be changed."""


OUTPUTS: dict[str, Callable[[RenderJob, Path, PlayableSound | None], Output]] = {
    "crops": Crops,
    "annotated": Annotated,
    "clips": Clips,
}

_VIDEOS = {
    "none": (),
    "annotated": ("annotated",),
    "clips": ("clips",),
    "both": ("annotated", "clips"),
}

_REDACTED = ("annotated",)
"""What can hide the faces that it shows."""


Frames = Iterable[Frame] | Callable[[NDArray[np.bool_]], Iterable[Frame]]
"""All frames of a video; or what gives them, told which are wanted: others may come in between."""


def render(
    frames: Frames, job: RenderJob, folder: Path, sound: SoundSource | None = None
) -> RenderResult:
    """Write every output of a video below ``folder``, and read no further than needed.

    Args:
        frames: The same as those of the job's scan.
        job: What to render.
        folder: An existing folder.
        sound: The source's sound, where it has any.

    Raises:
        StaleScan: if the frames are not those of the scan.
        OSError: if the disk is full or the folder cannot be written to.
    """
    names = _outputs(job)
    heard = playable(sound) if sound and set(names) - {"crops"} and job.settings.audio else None
    with ExitStack() as stack:
        outputs = [stack.enter_context(OUTPUTS[name](job, folder, heard)) for name in names]
        _feed(frames, job, outputs, heard)
    return RenderResult(
        crops=dict(chain.from_iterable(output.made.crops.items() for output in outputs)),
        images=tuple(sorted(path for output in outputs for path in output.made.images)),
        videos=tuple(video for output in outputs for video in output.made.videos),
        warnings=tuple(warning for output in outputs for warning in output.made.warnings),
    )


def _outputs(job: RenderJob) -> tuple[str, ...]:
    """Return what is to be written: of redacted videos nothing that is there to show a face."""
    videos = _VIDEOS[job.settings.video]
    if job.settings.redact == "none":
        return ("crops", *videos)
    return tuple(name for name in videos if name in _REDACTED)


def _feed(
    frames: Frames, job: RenderJob, outputs: Sequence[Output], sound: PlayableSound | None
) -> None:
    """Hand every frame that is wanted, and the sound up to it, to the outputs."""
    count = len(job.scan.time)
    wanted = np.array([any(output.wants(i) for output in outputs) for i in range(count)], np.bool_)
    due = deque(np.flatnonzero(wanted).tolist())
    if not due:
        return
    last = due[-1]
    for frame in frames(wanted) if callable(frames) else frames:
        _check_same(frame, due[0], job)
        _hear(sound, frame.time, outputs)
        if frame.index == due[0]:
            _write(frame, outputs)
            due.popleft()
        if not due:
            break
    if due:
        raise StaleScan("it gave fewer frames than in its scan; run again with --force")
    _hear(sound, job.end_of(last), outputs)


def _check_same(frame: Frame, due: int, job: RenderJob) -> None:
    if frame.index > due or frame.time != job.scan.time[frame.index]:
        raise StaleScan("it gave other frames than in its scan; run again with --force")


def _write(frame: Frame, outputs: Sequence[Output]) -> None:
    copy = shared(frame)
    for output in outputs:
        if output.wants(frame.index):
            output.write(copy)


def _hear(sound: PlayableSound | None, time: float, outputs: Sequence[Output]) -> None:
    for piece in sound.until(time) if sound else ():
        for output in outputs:
            output.hear(piece)
