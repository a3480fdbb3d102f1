"""Interlaced frames made progressive, one for one, by FFmpeg's bwdif filter."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

import av
import av.filter
from av.video.frame import VideoFrame

_THREADS = 2
_SMALLEST = 16
"""Pixels; the filter takes no tiny pictures."""


def deinterlaced(frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
    """Yield as many frames as come in, in their order, without the combs of interlacing.

    Each frame must have its ``pts``; the one that comes out for it has the same. Nothing is done
    before the first frame that is marked as interlaced. From then on all go through the filter,
    which leaves frames alone that are not marked.
    """
    bwdif: _Bwdif | None = None
    for frame in frames:
        if bwdif is not None and not bwdif.fits(frame):
            yield from bwdif.drain()
            bwdif = None
        if bwdif is None and not _has_combs(frame):
            yield frame
            continue
        bwdif = bwdif or _Bwdif(frame)
        yield from bwdif.push(frame)
    if bwdif is not None:
        yield from bwdif.drain()


class _Bwdif:
    """The filter for frames of one size and format."""

    def __init__(self, frame: VideoFrame) -> None:
        self._shape = _shape(frame)
        self._waiting: deque[VideoFrame] = deque()
        self._graph = av.filter.Graph()
        self._graph.threads = _THREADS
        source = self._graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        bwdif = self._graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced")
        self._graph.link_nodes(source, bwdif, self._graph.add("buffersink")).configure()

    def fits(self, frame: VideoFrame) -> bool:
        """Return whether ``frame`` is of the size and format that the filter was made for."""
        return _shape(frame) == self._shape

    def push(self, frame: VideoFrame) -> Iterator[VideoFrame]:
        """Put a frame in and yield what is ready; the filter looks one frame ahead."""
        self._waiting.append(frame)
        self._graph.vpush(frame)
        yield from self._ready()

    def drain(self) -> Iterator[VideoFrame]:
        """Yield what is left."""
        self._graph.vpush(None)
        yield from self._ready()

    def _ready(self) -> Iterator[VideoFrame]:
        while self._waiting:
            try:
                frame = self._graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            original = self._waiting.popleft()
            frame.pts, frame.time_base = original.pts, original.time_base
            yield frame


def _has_combs(frame: VideoFrame) -> bool:
    return frame.interlaced_frame and min(frame.width, frame.height) >= _SMALLEST


def _shape(frame: VideoFrame) -> tuple[int, int, str]:
    return frame.width, frame.height, frame.format.name
