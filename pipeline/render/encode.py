"""An MP4 that plays everywhere: H.264, 4:2:0, BT.709, index at the front, exact times, sound."""

from __future__ import annotations

import contextlib
import logging
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream
from numpy.typing import NDArray

from pipeline.facts import VideoInfo
from pipeline.render.encoders import choose_encoder
from pipeline.render.sheet import Sheet
from pipeline.render.sound import Piece, PlayableSound
from pipeline.settings import RenderSettings

_MOST_TICKS = 2**31 - 1
"""For which one frame can be shown, in MP4."""
_FINEST_CLOCK = 1_000_000
"""Ticks a second; finer clocks of sources are rounded to it."""
_FASTEST_RATE = 1000
_PREROLL = 0.001
"""Seconds. The piece of sound that ends where a video begins is needed to decode the next one."""

log = logging.getLogger(__name__)


class Mp4Writer:
    """Writes one video. Its file is whole once :meth:`close` has returned.

    Leaving the context closes it, or gives the file up where an error is under way.

    Raises:
        OSError: from every method, where the disk is full or the file cannot be written.
    """

    def __init__(
        self,
        path: Path,
        size: tuple[int, int],
        times: NDArray[np.float64],
        info: VideoInfo,
        settings: RenderSettings,
        sound: PlayableSound | None,
    ) -> None:
        """Prepare a file; nothing is opened before the first frame.

        Args:
            path: The file to make.
            size: Even width and height.
            times: Seconds on the source's clock at which each frame begins, and the last ends.
            info: For the clock and the frame rate.
            settings: For preset and quality.
            sound: For the kind of sound; pieces come by :meth:`hear`.
        """
        self._start, self._end = float(times[0]), float(times[-1])
        self._base = _time_base(info.time_base, float(np.diff(times).max()))
        self._last = -1
        self._shown = 0  # ticks for which the last frame is shown
        self.frames = 0
        self.sound = False
        """Whether there is any in the video."""
        self._file = self._opened(path)
        self._video = self._video_stream(size, info, settings)
        self._sound = None if sound is None else self._file.add_stream_from_template(sound.template)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    @property
    def seconds(self) -> float:
        """How long the video lasts; right once it is closed."""
        return float((self._last + self._shown) * self._base)

    def write(self, sheet: Sheet, time: float) -> None:
        """Append a frame of the video's size, at ``time`` (s)."""
        self._last += self._ticks_until(time)
        frame = sheet.frame
        frame.pts, frame.time_base = self._last, self._base
        self._file.mux(self._video.encode(frame))
        self.frames += 1

    def hear(self, piece: Piece) -> None:
        """Append a piece of sound if it belongs to the video's span."""
        within = self._start - _PREROLL <= piece.end and piece.start < self._end
        if self._sound is None or not within:
            return
        try:
            self._file.mux(piece.packet(self._sound, self._start))
            self.sound = True
        except av.FFmpegError as error:
            if isinstance(error, OSError):
                raise
            log.warning("the sound ends at %.3f s: %s", piece.start, error)
            self._sound = None

    def close(self) -> None:
        """Write what is pending and the index."""
        self._shown = self._ticks_until(self._end)
        try:
            self._file.mux([self._closing(packet) for packet in self._video.encode(None)])
        except BaseException:
            self.abandon()
            raise
        self._file.close()

    def abandon(self) -> None:
        """Let go of the file as it is: it is of no use."""
        with contextlib.suppress(av.FFmpegError, OSError):
            self._file.close()

    def _opened(self, path: Path) -> OutputContainer:
        options = {
            "movflags": "+faststart",
            "fflags": "+bitexact",
            "video_track_timescale": str(self._base.denominator),
        }
        return av.open(f"file:{path}", "w", format="mp4", options=options)

    def _video_stream(
        self, size: tuple[int, int], info: VideoInfo, settings: RenderSettings
    ) -> VideoStream:
        encoder = choose_encoder(settings)
        stream = self._file.add_stream(
            encoder.codec,
            rate=_frame_rate(info.frame_rate),
            options=dict(encoder.options),
            width=size[0],
            height=size[1],
            time_base=self._base,
        )
        assert isinstance(stream, VideoStream)
        codec = stream.codec_context
        codec.pix_fmt = encoder.pixel_format
        codec.thread_count = 1
        codec.color_primaries = ColorPrimaries.BT709
        codec.color_trc = ColorTrc.BT709
        codec.colorspace = Colorspace.ITU709
        codec.color_range = ColorRange.MPEG
        return stream

    def _closing(self, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        """Return one of the last packets; the very last one says how long its frame is shown."""
        packet.duration = self._shown
        return packet

    def _ticks_until(self, time: float) -> int:
        """Return the ticks from the last frame to ``time`` (s), as MP4 can hold them."""
        ticks = round((Fraction(time) - Fraction(self._start)) / self._base) - self._last
        return min(max(ticks, 1), _MOST_TICKS)


def _time_base(base: Fraction, longest: float) -> Fraction:
    """Return the source's own tick where MP4 can count in it, else the finest that it can.

    Args:
        base: Seconds a tick.
        longest: Seconds for which a frame is shown at most.
    """
    finest = min(_FINEST_CLOCK, max(1, int(_MOST_TICKS / max(longest, 1))))
    return base if base.denominator <= finest else Fraction(1, finest)


def _frame_rate(rate: Fraction) -> Fraction:
    """Return a rate that the encoder takes; frames are shown by their times anyway."""
    return rate.limit_denominator(1001) if 1 <= rate <= _FASTEST_RATE else Fraction(25)
