"""Decode the neighbourhood of chosen frames only, and get the very pictures of a whole pass.

On the way to them, those to which no other frame refers are left out where that can be done.

What an earlier pass saw tells whether a seek led to where it should: decoding must begin with a
key frame, and from there on frame must follow frame at just the times of that pass, unharmed.
Wherever that is not so, everything is to be decoded: the times are missing or were mended, there
is no index, the key frames of the file are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from pipeline.decode.deinterlace import deinterlaced
from pipeline.decode.playback import Playback

BEGINNING = 250
"""Frames at the beginning that are never sought: some demuxers do not find back there."""

NEAR = 24
"""Frames up to which it does not pay to seek: refilling the decoder costs about as much."""

CODECS = (
    *("h264", "hevc", "vp8", "vp9", "av1", "mpeg1video", "mpeg2video", "mpeg4"),
    *("mjpeg", "prores", "dnxhd", "ffv1"),
)
"""Whose key frames make the decoder forget all that was before."""

CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm")
"""Which lead to any frame, the first one too, and whose packets have the times of their frames."""

_SPARING = ("h264", "hevc")
"""Codecs that mark frames to which none refers, and decode the others all the same without them."""

_STEPS_BACK = (0.0, 1.0, 4.0, 15.0)
"""Seconds by which to aim ahead of a frame: not all demuxers find the key frame before it."""

_GUESSED = {"mpegts": 1.0, "mpeg": 1.0}
"""Seconds until all times are the file's own, by format: not each frame has one there, and what
FFmpeg makes up after a seek can be wrong."""

Numbered = Iterator[tuple[int, VideoFrame]]


class Lost(Exception):
    """Seeking does not lead to where it should."""


class Seeker:
    """Moves through a playback by leaps."""

    def __init__(self, playback: Playback, pts: NDArray[np.int64]) -> None:
        """Start at the beginning.

        Args:
            playback: Of which no frame was taken yet.
            pts: (F,) the times of all frames in an earlier, whole pass, in ticks.
        """
        self._playback = playback
        self._pts = pts
        self._needed = np.ones(len(pts), np.bool_)
        self._spares = False
        self._near = NEAR
        self._steps_back = list(_STEPS_BACK)
        self._settle = _GUESSED.get(playback.container.format.name, 0.0)

    def frames(self, numbers: NDArray[np.intp]) -> Numbered:
        """Yield the frames of these ascending ``numbers``, each with its number.

        Frames that are decoded on the way to one of them come too, and may come again.

        Raises:
            Lost: there is no more that can be trusted.
            LimitExceeded: memory ran out.
        """
        if self._playback.stream.codec_context.codec.canonical_name not in CODECS:
            raise Lost
        position, run = -1, self._begin(numbers)
        for number in numbers.tolist():
            if number > BEGINNING and number - position > self._near:
                run = self._leap(number)
            for position, frame in run:
                if position > number:
                    raise Lost
                yield position, frame
                if position == number:
                    break
            else:
                raise Lost

    def _begin(self, numbers: NDArray[np.intp]) -> Numbered:
        """Return the frames from the first one on, sparing those that may be left out."""
        codec = self._playback.stream.codec_context.codec.canonical_name
        known = self._playback.container.format.name in CONTAINERS and codec in _SPARING
        if not known or self._playback.interlaced:
            return enumerate(self._playback.frames())
        self._spares, self._needed[:] = True, False
        self._needed[numbers] = True
        self._playback.spare(frozenset(self._pts[numbers].tolist()))
        return self._run(0, 0.0)

    def _leap(self, number: int) -> Numbered:
        """Seek to the key frame before a frame, and return the frames from there on."""
        while self._steps_back:
            run = self._run(number, self._settle + self._steps_back[0])
            first = next(run, None)
            if first is not None and self._seconds(first[0], number) >= self._settle:
                # Where key frames are so far apart, shorter leaps are not worth while.
                self._near = max(self._near, number - first[0])
                return chain([first], run)
            del self._steps_back[0]
        raise Lost

    def _seconds(self, first: int, last: int) -> float:
        return float(int(self._pts[last] - self._pts[first]) * self._playback.time_base)

    def _run(self, number: int, seconds: float) -> Numbered:
        """Yield the frames from the key frame on that is found ``seconds`` before a frame."""
        aim = int(self._pts[number]) - round(seconds / self._playback.time_base)
        frames = self._checked(self._playback.frames_from(max(aim, int(self._pts[0]))))
        first = next(frames, None)
        if first is None:
            return
        numbered = ((self._number(frame), frame) for frame in deinterlaced(chain([first], frames)))
        # What is deinterlaced needs the frame before it.
        skipped = first.interlaced_frame and self._number(first) > 0
        yield from islice(numbered, int(skipped), None)

    def _checked(self, frames: Iterator[VideoFrame]) -> Iterator[VideoFrame]:
        """Yield the frames from the first key frame on, as long as they are those of the pass."""
        due, interlaced, failed = -1, False, 0
        for frame in frames:
            number = self._number(frame)
            if due < 0:
                if number != 0 and not frame.key_frame:
                    continue  # it may need what lies before the place where decoding began
                due, interlaced, failed = number, frame.interlaced_frame, self._failures
            missing = number < max(due, 0) or self._needed[due:number].any()
            if missing or frame.is_corrupt or self._failures != failed:
                raise Lost
            if frame.interlaced_frame != interlaced:  # how far back that began is not known here
                raise Lost
            if interlaced and self._spares:  # it needs its neighbours
                raise Lost
            yield frame
            due = number + 1

    @property
    def _failures(self) -> int:
        return self._playback.account.failed

    def _number(self, frame: VideoFrame) -> int:
        """Return which frame of the pass has the time of this one; -1 where none has."""
        if frame.pts is None:
            return -1
        number = int(np.searchsorted(self._pts, frame.pts))
        return number if number < len(self._pts) and self._pts[number] == frame.pts else -1
