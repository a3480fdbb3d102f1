"""A source as a stream of upright frames with exact times, and an account of what was lost.

What a container says of itself (frames, duration, rate) is a claim: it is reported, compared and
used to mend times, but frames are counted by decoding.

    with open_video(path, settings) as video:
        for frame in video.frames():
            small = frame.picture.bgr((640, 360))
        video.audit
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from types import TracebackType

import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from numpy.typing import NDArray

from pipeline.decode.colour import transfer
from pipeline.decode.container import (
    choose_audio,
    choose_video,
    open_container,
    video_streams,
)
from pipeline.decode.picture import DecodedPicture, FrameMaker
from pipeline.decode.playback import Playback
from pipeline.decode.seek import Lost, Seeker
from pipeline.decode.stretch import Stretch, divide, sensible
from pipeline.errors import Unreadable, VideoError
from pipeline.facts import DecodeAudit, VideoInfo
from pipeline.settings import DecodeSettings
from pipeline.sources import open_file
from pipeline.types import Frame, Scan


def open_video(path: Path, settings: DecodeSettings, file: FileIO | None = None) -> Video:
    """Open a file and decode its first frame; close the result, or use it in a ``with``.

    ``file`` is the same file, open already, for who must not open it; it stays open.

    Raises:
        NotAVideo: nothing in it can be played as a video.
        Unreadable: it is broken, encrypted, of an unknown codec, or cannot be opened.
        Refused: it refers to other files, or is a link or no regular file.
        LimitExceeded: it has larger pictures or more streams than the settings allow.
    """
    return Video(path, settings, file)


class Video:
    """An opened video."""

    info: VideoInfo
    """What the file says of the stream that was chosen."""

    def __init__(self, path: Path, settings: DecodeSettings, file: FileIO | None = None) -> None:
        self._settings = settings
        self._made = FrameMaker()
        self._file = FileIO(file.fileno(), closefd=False) if file else open_file(path)
        try:
            self._playback = Playback(self._file, settings)
        except VideoError:
            self._file.close()
            raise
        self._used = False
        picture = self._made.picture(self._playback, self._playback.first)
        self.info = _info(self._playback, picture)
        self._try_out(picture)

    def __enter__(self) -> Video:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give everything back; frames that were handed out stay valid."""
        self._playback.close()
        self._file.close()

    def frames(self) -> Iterator[Frame]:
        """Yield the frames from the first one on; a second call begins a second pass.

        Raises:
            LimitExceeded: memory ran out.
        """
        if self._used:
            self._playback = Playback(self._file, self._settings)
        self._used = True
        with contextlib.closing(self._playback) as playback:
            for index, frame in enumerate(playback.frames()):
                yield self._made(playback, index, frame)

    def frames_at(self, wanted: NDArray[np.bool_], seen: Scan) -> Iterator[Frame]:
        """Yield the wanted frames of a video that was scanned, as that pass gave them.

        Where the file allows it, only their neighbourhood is decoded, and of that what they need.
        Others may come too, and may come again: take each when it is its turn.

        Args:
            wanted: (F,) whether a frame is wanted.
            seen: What a whole pass saw.

        Raises:
            LimitExceeded: memory ran out.
        """
        numbers = np.flatnonzero(wanted)
        audit = seen.audit
        # Where times were mended or frames lost, a time in the file may stand for several frames.
        certain = not (audit.times_mended or audit.failed or audit.damaged)
        if certain and len(numbers) < wanted.size:
            with contextlib.suppress(Lost):
                yield from self._sought(numbers, seen.pts)
                return
        yield from self.frames()

    def _sought(self, numbers: NDArray[np.intp], pts: NDArray[np.int64]) -> Iterator[Frame]:
        with contextlib.closing(Playback(self._file, self._settings)) as playback:
            for number, frame in Seeker(playback, pts).frames(numbers):
                yield self._made(playback, number, frame)

    def stretches(self, count: int) -> list[Stretch]:
        """Return the video as at most ``count`` stretches to decode side by side, as a whole pass.

        Raises:
            Indivisible: It is to be decoded in one pass.
        """
        count = sensible(self._playback, count)
        with contextlib.closing(Playback(self._file, self._settings)) as playback:
            bounds = [None, *divide(playback, count), None]
        pairs = itertools.pairwise(bounds)
        return [Stretch(self._file, self._settings, begin, end) for begin, end in pairs]

    @property
    def audit(self) -> DecodeAudit:
        """What became of the stream in the latest pass, so far."""
        return self._playback.account.audit()

    @contextlib.contextmanager
    def sound(self) -> Iterator[Sound | None]:
        """Open the sound that belongs to the video; ``None`` where there is none."""
        with open_container(self._file, self._settings) as container:
            stream = choose_audio(container, choose_video(container, self._settings))
            yield None if stream is None else Sound(container, stream)

    def _try_out(self, picture: DecodedPicture) -> None:
        """Raise Unreadable if no picture can be made of what the decoder gives."""
        try:
            picture.bgr((min(picture.width, 160), min(picture.height, 160)))
        except Exception as error:  # its type says nothing; see pipeline.decode.container
            self.close()
            name = self.info.pixel_format
            raise Unreadable(f"its pictures are of an unknown kind: {name}") from error


class Sound:
    """An audio stream, still encoded."""

    def __init__(self, container: InputContainer, stream: AudioStream) -> None:
        self._container = container
        self.stream = stream
        """The template of an output stream that the packets are copied to, and their decoder."""

    def packets(self) -> Iterator[Packet[AudioStream]]:
        """Yield the packets in file order; where the file is broken, they end."""
        with contextlib.suppress(Exception):  # of whatever type: what was read is kept
            for packet in self._container.demux(self.stream):
                if packet.size:
                    yield packet


def _info(playback: Playback, picture: DecodedPicture) -> VideoInfo:
    """Collect what the container and the first frame say."""
    container, stream, frame = playback.container, playback.stream, playback.first
    return VideoInfo(
        width=picture.width,
        height=picture.height,
        frame_rate=playback.rate,
        time_base=playback.time_base,
        duration=playback.account.duration,
        container=container.format.name,
        codec=stream.codec_context.codec.canonical_name,
        pixel_format=frame.format.name,
        rotation=picture.orientation.rotation,
        mirrored=picture.orientation.mirrored,
        transfer=transfer(frame),
        stream=stream.index,
        video_streams=len(video_streams(container)),
        has_audio=choose_audio(container, stream) is not None,
    )
