"""Sound of any codec to AAC, without a gap: where the source has one, there is silence."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from av.packet import Packet
from numpy.typing import NDArray

_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
"""Samples a second that AAC knows and browsers play."""
_USUAL_RATE = 48_000
_BITS_A_CHANNEL = 96_000
_TOLERANCE = 0.04
"""Seconds by which times may jitter before silence is put in or sound left out."""
_LONGEST_SILENCE = 60
"""Seconds that are filled; the times of broken files can leap by years."""

Samples = NDArray[np.float32]


class AacEncoder:
    """Encodes one stream; its packets are on the clock of the source."""

    def __init__(self, source: AudioStream) -> None:
        codec = source.codec_context
        self._rate = codec.sample_rate if codec.sample_rate in _RATES else _USUAL_RATE
        self._layout = "mono" if codec.channels == 1 else "stereo"
        # An encoder's parameters are complete only once its file has begun: this one is not kept.
        self._file = av.open(io.BytesIO(), "w", format="mp4")
        self.stream = self._file.add_stream(
            "aac",
            rate=self._rate,
            layout=self._layout,
            bit_rate=_BITS_A_CHANNEL * (1 if self._layout == "mono" else 2),
            options={"flags": "+bitexact"},
        )
        self._file.start_encoding()
        self._end: int | None = None  # of the pending samples, in samples on the source's clock
        self._pending = self._silence(0)

    def encode(self, packets: Iterable[Packet[AudioStream]]) -> Iterator[Packet[AudioStream]]:
        """Yield AAC packets for a stream's packets; what cannot be decoded is left out."""
        for time, samples in self._decoded(packets):
            yield from self._place(time, samples)
        yield from self._fill_block()
        yield from self.stream.encode(None)

    @property
    def _block(self) -> int:
        return self.stream.codec_context.frame_size

    def _silence(self, length: int) -> Samples:
        return np.zeros((1 if self._layout == "mono" else 2, length), np.float32)

    def _decoded(
        self, packets: Iterable[Packet[AudioStream]]
    ) -> Iterator[tuple[float | None, Samples]]:
        """Yield time (s) and samples (channels, N) of each decoded frame."""
        resampler, form = None, None
        for packet in packets:
            for frame in _frames(packet):
                if form != (form := (frame.format.name, frame.layout.name, frame.sample_rate)):
                    resampler = AudioResampler("fltp", self._layout, self._rate)
                assert resampler is not None
                time = frame.time
                frame.pts = None  # the filter would fill or cut by itself
                for part in resampler.resample(frame):
                    yield time, part.to_ndarray().astype(np.float32, copy=False)
                    time = None

    def _place(self, time: float | None, samples: Samples) -> Iterator[Packet[AudioStream]]:
        """Put samples where their time says, and yield what is complete."""
        if self._end is None:
            self._end = round((time or 0.0) * self._rate)
        place = self._end if time is None else round(time * self._rate)
        gap = place - self._end
        tolerance = _TOLERANCE * self._rate
        if gap > _LONGEST_SILENCE * self._rate:
            yield from self._fill_block()
            self._end = place
        elif gap > tolerance:
            yield from self._append(self._silence(gap))
        yield from self._append(samples[:, -gap:] if gap < -tolerance else samples)

    def _fill_block(self) -> Iterator[Packet[AudioStream]]:
        yield from self._append(self._silence(-self._pending.shape[1] % self._block))

    def _append(self, samples: Samples) -> Iterator[Packet[AudioStream]]:
        """Append samples to the pending ones and yield the packets that are full."""
        if self._end is None:
            return
        self._end += samples.shape[1]
        self._pending = np.concatenate((self._pending, samples), axis=1)
        while self._pending.shape[1] >= self._block:
            block, self._pending = np.split(self._pending, (self._block,), axis=1)
            frame = AudioFrame.from_ndarray(
                np.ascontiguousarray(block), format="fltp", layout=self._layout
            )
            frame.sample_rate = self._rate
            frame.time_base = self.stream.codec_context.time_base
            frame.pts = self._end - self._pending.shape[1] - self._block
            yield from self.stream.encode(frame)


def _frames(packet: Packet[AudioStream]) -> list[AudioFrame]:
    try:
        return packet.decode()
    except av.FFmpegError:
        return []
