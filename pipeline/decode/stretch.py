"""Divide a video at key frames into stretches that are decoded side by side.

What comes of it must be what one pass gives. So only those videos are divided whose packets all
state their times and which have an index of their key frames, and every stretch goes on for some
frames into the next one, so that both can be compared. Where anything is out of the ordinary
(damage, times that must be mended, interlacing, another size), the video is indivisible.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from io import FileIO

from av.video.frame import VideoFrame

from pipeline.decode.account import Account
from pipeline.decode.picture import FrameMaker
from pipeline.decode.playback import Playback
from pipeline.decode.seek import CODECS, CONTAINERS
from pipeline.settings import DecodeSettings
from pipeline.types import Frame

SHORTEST = 10.0
"""Seconds of a stretch: to get a decoder and a detector ready costs about one."""

SHARED = 5
"""Frames of a stretch that the one before it decodes too."""

_CODECS = tuple(name for name in CODECS if not name.startswith("mpeg"))
"""Those of MPEG-1, 2 and 4 conceal damage without a word, each time in another way."""


class Indivisible(Exception):
    """The video is to be decoded in one pass."""


def sensible(playback: Playback, count: int) -> int:
    """Return into how many stretches a video is divided, of so many that are wanted.

    Raises:
        Indivisible: It is too short, or it cannot be done with certainty.
    """
    codec, container = playback.stream.codec_context.codec, playback.container
    known = container.format.name in CONTAINERS and codec.canonical_name in _CODECS
    count = min(count, int((playback.account.duration or 0) / SHORTEST))
    if count < 2 or not known:
        raise Indivisible
    return count


def divide(playback: Playback, count: int) -> list[int]:
    """Return the times (ticks, ascending) of key frames that divide a video into equal stretches.

    Args:
        playback: A pass of its own, of no further use.
        count: Stretches that are wanted; fewer where key frames are rare.

    Raises:
        Indivisible: There is no key frame to divide it at.
    """
    begin = playback.first.pts or 0
    length = (playback.account.duration or 0) / playback.time_base
    found = {_key_frame(playback, begin + round(length * k / count)) for k in range(1, count)}
    bounds = sorted(time for time in found if time is not None and time > begin)
    if not bounds:
        raise Indivisible
    return bounds


def _key_frame(playback: Playback, aim: int) -> int | None:
    """Return the time of the key frame that a seek leads to, in ticks."""
    try:
        playback.container.seek(aim, stream=playback.stream)
        packet = next(playback.container.demux(playback.stream))
    except Exception:  # its type says nothing; see pipeline.decode.container
        return None
    return packet.pts if packet.size and packet.is_keyframe else None


class Stretch:
    """The frames from one key frame to another, and the first ones from there on."""

    def __init__(
        self, file: FileIO, settings: DecodeSettings, begin: int | None, end: int | None
    ) -> None:
        """Bounds are the times (ticks) of key frames; ``None``: where the video begins or ends."""
        self._file, self._settings = file, settings
        self._begin, self._end = begin, end
        self.account: Account
        """Of the stretch, once all its frames were taken."""

    def is_own(self, frame: Frame) -> bool:
        """Tell whether a frame is of this stretch, and not of the next."""
        return self._end is None or frame.pts < self._end

    def frames(self) -> Iterator[Frame]:
        """Decode them; they count from 0.

        Raises:
            Indivisible: Something is out of the ordinary.
            VideoError: As :class:`pipeline.decode.playback.Playback` does.
        """
        make, beyond = FrameMaker(), 0
        with contextlib.closing(Playback(self._file, self._settings)) as playback:
            for index, frame in enumerate(self._decoded(playback)):
                made = make(playback, index, frame)
                beyond += not self.is_own(made)
                yield made
                if beyond == SHARED:
                    break
            self.account = playback.account
        if _harmed(self.account):
            raise Indivisible

    def _decoded(self, playback: Playback) -> Iterator[VideoFrame]:
        """Yield frames as long as each is what one pass would give."""
        due = self._begin
        for frame in playback.frames() if due is None else playback.stretch_from(due):
            astray = due is not None and not (frame.key_frame and frame.pts == due)
            if astray or frame.interlaced_frame or _harmed(playback.account):
                raise Indivisible
            due = None
            yield frame
        if due is not None:
            raise Indivisible


def _harmed(account: Account) -> bool:
    lost = account.failed or account.damaged or account.mended
    return bool(lost or account.size_changes or account.stopped)
