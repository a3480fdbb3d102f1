"""The sound of a video as packets that every MP4 can take, handed out as the picture goes.

Sound that browsers play in an MP4 is passed on as it is; any other is encoded to AAC, once for
all outputs. Nothing that is wrong with the sound stops the picture.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain, islice
from typing import Protocol

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream

from pipeline.render.aac import AacEncoder

_AAC_PROFILES = ("LC", "HE-AAC", "HE-AACv2")
_MP3_LOWEST_RATE = 16_000
"""MP4 has no place for the slower MPEG 2.5."""
_TRIAL = 8
"""Packets that are put into an MP4 for a trial."""
_LONGEST_GAP = 5 * 3600.0
"""Seconds without sound after which the rest is given up: MP4 counts them in 32 bits of samples."""

log = logging.getLogger(__name__)


class SoundSource(Protocol):
    """The encoded sound of a source, on the clock of its frames."""

    @property
    def stream(self) -> AudioStream:
        """The stream that the packets belong to."""

    def packets(self) -> Iterator[Packet[AudioStream]]:
        """Yield the packets in the order of the file."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One packet of encoded sound."""

    data: bytes
    start: float
    """Seconds, on the clock of the frames."""
    end: float

    def packet(self, stream: AudioStream, origin: float) -> Packet[Stream]:
        """Return the piece as a packet for ``stream``, whose clock starts at ``origin`` (s)."""
        rate = stream.codec_context.sample_rate
        packet = Packet(self.data)
        packet.stream = stream
        packet.time_base = Fraction(1, rate)
        packet.pts = packet.dts = round((self.start - origin) * rate)
        packet.duration = round((self.end - self.start) * rate)
        packet.is_keyframe = True
        return packet


class PlayableSound:
    """Hands out a source's sound piece by piece, in step with the picture."""

    def __init__(self, template: AudioStream, pieces: Iterator[Piece]) -> None:
        self.template = template
        """What the pieces are packets of; a copy of it goes into each video."""
        self._pieces = pieces
        self._next = next(pieces, None)

    def __bool__(self) -> bool:
        """Whether there is anything to hear that was not handed out."""
        return self._next is not None

    def until(self, time: float) -> Iterator[Piece]:
        """Yield the pieces not yet handed out that start before ``time`` (s), ascending."""
        while self._next is not None and self._next.start < time:
            piece = self._next
            # Where times run backwards or leap, the source is broken: one clock cannot hold both.
            self._next = next((p for p in self._pieces if p.start > piece.start), None)
            if self._next and self._next.start > piece.end + _LONGEST_GAP:
                self._next = None
            yield piece


def playable(source: SoundSource) -> PlayableSound | None:
    """Return the sound of a source, encoded anew if need be; None if there is none to play."""
    packets = source.packets()
    first = list(islice(packets, _TRIAL))
    packets = chain(first, packets)
    if _plays_in_mp4(source.stream) and _fits_mp4(source.stream, first):
        sound = PlayableSound(source.stream, _pieces(packets))
    else:
        encoder = AacEncoder(source.stream)
        sound = PlayableSound(encoder.stream, _pieces(encoder.encode(packets)))
    return sound or None


def _pieces(packets: Iterable[Packet[AudioStream]]) -> Iterator[Piece]:
    end = 0.0
    for packet in packets:
        base = packet.time_base
        start = end if packet.pts is None else float(packet.pts * base)
        codec = packet.stream.codec_context
        usual = codec.frame_size / max(1, codec.sample_rate)  # Matroska leaves the first one out
        end = start + (float(packet.duration * base) if packet.duration else usual)
        yield Piece(bytes(packet), start, end)


def _plays_in_mp4(stream: AudioStream) -> bool:
    """Tell whether browsers play the sound as it is: Opus and FLAC in MP4 not all of them do."""
    codec = stream.codec_context
    if codec.codec.canonical_name == "aac":
        return codec.sample_rate > 0 and (codec.profile or "LC") in _AAC_PROFILES
    return codec.codec.canonical_name == "mp3" and codec.sample_rate >= _MP3_LOWEST_RATE


def _fits_mp4(stream: AudioStream, packets: list[Packet[AudioStream]]) -> bool:
    """Tell whether an MP4 really takes the packets: files lie about what is in them."""
    try:
        with av.open(io.BytesIO(), "w", format="mp4") as trial:
            copy = trial.add_stream_from_template(stream)
            for piece in _pieces(packets):
                trial.mux(piece.packet(copy, 0.0))
    except (av.FFmpegError, ValueError) as error:
        log.debug("the sound is encoded anew: %s", error)
        return False
    return bool(packets)
