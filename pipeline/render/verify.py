"""What was written is read again before anyone sees it: a full disk can fail in silence."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np

from pipeline.errors import OutputError
from pipeline.names import printable
from pipeline.render.job import RenderResult, VideoFile
from pipeline.render.metadata import BrokenRecord, read_record
from pipeline.render.xmp import BrokenImage
from pipeline.types import Tell, to_nobody

_JITTER = 0.002
"""Seconds by which a video's length may differ from what was meant: rounding to ticks."""


def verify(folder: Path, result: RenderResult, tell: Tell = to_nobody) -> None:
    """Check that every file of ``result`` below ``folder`` is whole, and tell how many are.

    Crops are decoded; of videos, packets are counted and times read, which costs no decoding.

    Raises:
        OutputError: naming the first file that is not.
    """
    files = len(result.images) + len(result.videos)
    for done, path in enumerate(result.images):
        tell(done, files)
        _verify_crop(folder, path)
    for done, video in enumerate(result.videos, len(result.images)):
        tell(done, files)
        _verify_video(folder, video)


def _verify_crop(folder: Path, path: str) -> None:
    data = _read(folder, path)
    if not data or cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) is None:
        raise _not_whole(folder, path, "it cannot be read back")
    try:
        read_record(data)
    except (BrokenImage, BrokenRecord) as error:
        raise _not_whole(folder, path, str(error)) from error


def _verify_video(folder: Path, video: VideoFile) -> None:
    try:
        with av.open(f"file:{folder / video.path}", format="mp4") as file:
            stream = file.streams.video[0]
            frames = sum(packet.size > 0 for packet in file.demux(stream))
            seconds = float((stream.duration or 0) * (stream.time_base or 0))
            sounds = bool(file.streams.audio)
    except (av.FFmpegError, OSError, IndexError) as error:
        raise _not_whole(folder, video.path, "it cannot be read back") from error
    if frames != video.frames:
        raise _not_whole(folder, video.path, f"it has {frames} frames, not {video.frames}")
    if abs(seconds - video.seconds) > _JITTER:
        raise _not_whole(folder, video.path, f"it lasts {seconds:.3f} s, not {video.seconds:.3f}")
    if video.sound and not sounds:
        raise _not_whole(folder, video.path, "it has no sound")


def _read(folder: Path, path: str) -> bytes:
    try:
        return (folder / path).read_bytes()
    except OSError as error:
        raise _not_whole(folder, path, error.strerror or "it cannot be read back") from error


def _not_whole(folder: Path, path: str, why: str) -> OutputError:
    shown = printable(str(folder / path))
    return OutputError(f"{shown} was not written as meant: {why}; check the disk and run again.")
