"""One pass through the video stream of an open file: every frame that can be decoded, in order.

Damage ends nothing early that need not end: packets that cannot be decoded are counted and
skipped, a file that breaks off keeps what was decoded, and the decoder is emptied at the end.
"""

from __future__ import annotations

import itertools
from collections.abc import Container, Iterable, Iterator
from fractions import Fraction
from functools import partial
from io import FileIO

from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.decode.account import Account
from pipeline.decode.clock import Clock, frame_rate, with_following
from pipeline.decode.container import choose_video, open_container, too_large, video_streams
from pipeline.decode.deinterlace import deinterlaced
from pipeline.decode.transport import ends_within_packet
from pipeline.errors import LimitExceeded, Unreadable
from pipeline.settings import DecodeSettings

_ENDLESS = ("mpegts", "mpeg")
"""Formats of files that say nowhere how long they are; FFmpeg guesses it from the last time."""

FAILURES_IN_A_ROW = 1000
"""Packets that fail one after another before the rest is given up: more than the usual distance
of key frames."""


class Playback:
    """A demuxer and a decoder at work. Close it."""

    def __init__(self, file: FileIO, settings: DecodeSettings) -> None:
        """Open ``file`` and decode ``first``, its first frame.

        Raises:
            VideoError: as ``open_container`` and ``choose_video`` do, or there is no frame.
        """
        self._settings = settings
        self._needed: Container[int] | None = None
        self.interlaced = False
        """Whether frames came that were, before they were made progressive."""
        self.container = open_container(file, settings)
        try:
            self.stream = choose_video(self.container, settings)
            self.rate = frame_rate(self.stream)
            self.time_base = self.stream.time_base or Fraction(1, 90000)
            self.account = _announced(self.container, self.stream)
            self.account.cut_off = self.account.endless and ends_within_packet(file)
            self._set_decoder_up()
            self._frames = deinterlaced(self._timed(self._decoded_frames()))
            self.first = next(self._frames, None) or self._fail()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the demuxer back; the file stays open."""
        self.container.close()

    def frames(self) -> Iterator[VideoFrame]:
        """Yield all frames; their ``pts`` are ticks of ``time_base`` and always advance."""
        return itertools.chain([self.first], self._frames)

    def frames_from(self, pts: int) -> Iterator[VideoFrame]:
        """Yield what is decoded after a seek to ``pts``; nothing where the file allows none.

        Their ``pts`` are as the file says. The first frames may be harmed, being decoded without
        what they refer to, and need not be those that were aimed at.
        """
        if not self._seek(pts):
            return
        for frame in self._decoded_frames():
            frame.pts, frame.time_base = _stated(frame), self.time_base
            yield frame

    def stretch_from(self, begin: int) -> Iterator[VideoFrame]:
        """Yield the frames from the key frame with time ``begin`` on; the account begins anew.

        Nothing comes where the file allows no seeking.
        """
        if not self._seek(begin):
            return
        self.account = _announced(self.container, self.stream)
        # Between a key frame and those before it there may be frames that need both.
        leading = partial(_lies_before, begin)
        yield from self._timed(itertools.dropwhile(leading, self._decoded_frames()))

    def spare(self, needed: Container[int]) -> None:
        """Decode no more frames that are not needed, by their times, and to which none refers."""
        self._needed = needed

    def _seek(self, pts: int) -> bool:
        """Go to the key frame before a time, in ticks; tell whether the file allows it."""
        try:
            self.container.seek(pts, stream=self.stream)
        except Exception:  # its type says nothing; see pipeline.decode.container
            return False
        return True

    def pixel_aspect(self, frame: VideoFrame) -> Fraction | None:
        """Return a frame's pixel width by height: as the file says, or the codec after a change."""
        if (frame.width, frame.height) == (self.first.width, self.first.height):
            return self.stream.sample_aspect_ratio
        return self.stream.codec_context.sample_aspect_ratio

    def _set_decoder_up(self) -> None:
        """Let the demuxer skip other pictures, and bound the decoder."""
        for other in video_streams(self.container):
            other.discard = Discard.default if other is self.stream else Discard.all
        codec = self.stream.codec_context
        # In several threads FFmpeg loses or keeps by chance what it knows of a frame's damage, and
        # takes more of the cores, which other videos, or other parts of this one, are to fill.
        codec.thread_count = 1
        # FFmpeg counts the padding of rows too, so its limit only stops what is far too large
        codec.options = {"max_pixels": str(self._max_pixels * 5 // 4 + (1 << 16))}

    @property
    def _max_pixels(self) -> int:
        return int(self._settings.max_megapixels * 1e6)

    def _timed(self, frames: Iterable[VideoFrame]) -> Iterator[VideoFrame]:
        """Yield decoded frames with their times, and count them."""
        account, clock = self.account, Clock(1 / (self.rate * self.time_base))
        for frame, following in with_following(frames):
            frame.pts = clock.tick(_stated(frame), map(_stated, following))
            frame.time_base = self.time_base
            length = frame.duration * self.time_base or 1 / self.rate
            size = (frame.width, frame.height)
            account.note_frame(float(frame.pts * self.time_base), float(length), size)
            account.mended = clock.mended
            if frame.is_corrupt:
                account.note_damage()
            self.interlaced |= frame.interlaced_frame
            yield frame
        account.ended = True

    def _decoded_frames(self) -> Iterator[VideoFrame]:
        """Yield what the decoder makes of the packets."""
        for packet in self._whole_packets():
            yield from self._decode(packet)
            if self.account.failed_in_a_row >= FAILURES_IN_A_ROW:
                self.account.stopped = "too many packets in a row could not be decoded"
                return
        yield from self._decode(None)

    def _whole_packets(self) -> Iterator[Packet[Stream]]:
        """Yield the stream's packets, but not one at the end of the file that is cut off.

        Its error would come up while the decoder is emptied, and lose the frames before it.
        """
        held: Packet[Stream] | None = None
        for packet in self._packets():
            if held is not None:
                yield held
            held = packet if packet.is_corrupt else None
            if held is None:
                yield packet
        if held is not None:
            self.account.note_failure("the last one is cut off")

    def _packets(self) -> Iterator[Packet[Stream]]:
        """Yield the stream's packets, up to where the file ends or breaks off."""
        packets, begun = self.container.demux(), False
        while True:
            try:
                packet = next(packets)
            except StopIteration:
                return
            except MemoryError as error:
                raise LimitExceeded("reading the file needs too much memory") from error
            except Exception as error:  # its type says nothing; see pipeline.decode.container
                self.account.stopped = f"the file breaks off ({_text(error)})"
                return
            self._note_end(packet)
            if packet.stream_index == self.stream.index and packet.size:
                if packet.has_sidedata("encryption_info") and not begun:
                    raise Unreadable("the video is encrypted")  # some of the noise may decode
                begun = True
                yield packet

    def _decode(self, packet: Packet[Stream] | None) -> list[VideoFrame]:
        """Return the frames that are ready with ``packet``; with ``None`` all that are left."""
        if self._needed is not None:
            time = None if packet is None else packet.pts
            needed = time is None or time in self._needed
            self.stream.codec_context.skip_frame = "DEFAULT" if needed else "NONREF"
        try:
            frames = self.stream.codec_context.decode(packet)
        except MemoryError as error:
            raise LimitExceeded("decoding the video needs too much memory") from error
        except Exception as error:  # its type says nothing; see pipeline.decode.container
            self.account.note_failure(_text(error))
            return []
        if frames:
            self.account.failed_in_a_row = 0
        return frames

    def _note_end(self, packet: Packet[Stream]) -> None:
        """Remember how far the data reach, whatever the stream."""
        if packet.pts is not None and packet.time_base:
            end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self.account.end_of_data = max(self.account.end_of_data, end)

    def _fail(self) -> VideoFrame:
        """Raise the error for a stream without a frame."""
        codec, account = self.stream.codec_context, self.account
        if codec.width * codec.height > self._max_pixels:
            raise too_large(codec.width, codec.height)
        why = account.error or account.stopped or "there is none"
        raise Unreadable(f"no frame can be decoded: {why}")


def _stated(frame: VideoFrame) -> int | None:
    """Return the time that the file says, in ticks."""
    return frame.dts if frame.pts is None else frame.pts


def _lies_before(pts: int, frame: VideoFrame) -> bool:
    stated = _stated(frame)
    return stated is not None and stated < pts


def _announced(container: InputContainer, stream: VideoStream) -> Account:
    """Open the account with what the file says of itself."""
    seconds: float | None = None
    if stream.duration is not None and stream.time_base:
        seconds = float(stream.duration * stream.time_base)
    elif container.duration is not None:
        seconds = container.duration / 1e6
    streams = len(video_streams(container))
    return Account(
        duration=seconds if seconds is not None and seconds > 0 else None,
        of_stream=stream.duration is not None,
        expected=stream.frames or None,
        endless=container.format.name in _ENDLESS,
        note=f"of {streams} video streams, number {stream.index} is used" if streams > 1 else "",
    )


def _text(error: Exception) -> str:
    """Return what an exception of FFmpeg says, without its number and the file."""
    return str(getattr(error, "strerror", None) or error).lower()
