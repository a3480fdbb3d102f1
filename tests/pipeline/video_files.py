"""Tiny videos for the tests of decoding: flat greys, far enough apart for any codec."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.decode import Video, open_video
from pipeline.settings import DecodeSettings
from pipeline.types import Image

GREYS = (20, 60, 100, 140, 180, 220)
"""Frame i shows the grey GREYS[i % 6]."""

SIZE = (64, 48)


def grey(index: int) -> int:
    return GREYS[index % len(GREYS)]


def grey_frames(count: int, size: tuple[int, int] = SIZE) -> Iterator[VideoFrame]:
    for index in range(count):
        yield bgr_frame(np.full((size[1], size[0], 3), grey(index), np.uint8))


def bgr_frame(picture: Image) -> VideoFrame:
    return VideoFrame.from_ndarray(picture, format="bgr24")


def write_video(
    path: Path,
    frames: int | Iterable[VideoFrame] = 12,
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    ticks: Sequence[int] | None = None,
    time_base: Fraction = Fraction(1, 25),
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    prepare: Callable[[VideoStream], Any] = lambda stream: None,
    **stream_options: Any,
) -> Path:
    """Write frames (or so many greys) at ``ticks`` of ``time_base``: by default 25 a second."""
    pictures = list(grey_frames(frames) if isinstance(frames, int) else frames)
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=25, options=options or {}, **stream_options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = pictures[0].width, pictures[0].height
        stream.pix_fmt = pixels
        stream.codec_context.time_base = time_base
        prepare(stream)
        for index, frame in enumerate(pictures):
            frame.pts = ticks[index] if ticks else index
            frame.time_base = time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def opened(path: Path, **settings: Any) -> Video:
    return open_video(path, DecodeSettings(**settings))


def pictures(path: Path) -> list[Image]:
    with opened(path) as video:
        return [frame.picture.bgr() for frame in video.frames()]


def middle(picture: Image) -> list[int]:
    """Return the colour in the middle, BGR."""
    return [int(value) for value in picture[picture.shape[0] // 2, picture.shape[1] // 2]]
