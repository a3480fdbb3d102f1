"""Sound in any codec and with any fault becomes pieces that an MP4 takes, in ascending order."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from av.audio.stream import AudioStream
from av.packet import Packet

from pipeline.render.encode import Mp4Writer
from pipeline.render.sheet import Sheet
from pipeline.render.sound import Piece, playable
from pipeline.settings import RenderSettings
from tests.helpers import make_info
from tests.pipeline.render.scenes import BeepSource, beep_times

FOREVER = 1e12


@dataclass
class Changed:
    """A source whose packets have been tampered with."""

    source: BeepSource
    change: Callable[[int, Packet], Packet]

    @property
    def stream(self) -> AudioStream:
        return self.source.stream

    def packets(self) -> Iterator[Packet]:
        for index, packet in enumerate(self.source.packets()):
            yield self.change(index, packet)


def pieces_of(codec: str, change: Callable[[int, Packet], Packet]) -> list[Piece]:
    sound = playable(Changed(BeepSource(codec, seconds=2), change))
    return list(sound.until(FOREVER)) if sound else []


def shifted(seconds: float, start: int = 40) -> Callable[[int, Packet], Packet]:
    """Return a change that moves every packet from ``start`` on in time."""

    def change(index: int, packet: Packet) -> Packet:
        if index >= start:
            packet.pts += round(seconds / packet.time_base)
        return packet

    return change


def emptied(index: int, packet: Packet) -> Packet:
    """Return a packet of the same time in which nothing makes sense."""
    spoilt = Packet(b"\xff" * 40)
    spoilt.pts, spoilt.time_base, spoilt.stream = packet.pts, packet.time_base, packet.stream
    return spoilt


def untouched(index: int, packet: Packet) -> Packet:
    return packet


def test_sound_is_handed_out_as_far_as_the_picture_has_come() -> None:
    sound = playable(BeepSource("aac", seconds=2))
    assert sound is not None
    first = list(sound.until(0.5))
    assert 0.45 < first[-1].start < 0.5
    assert list(sound.until(0.5)) == []
    rest = list(sound.until(FOREVER))
    assert rest[0].start >= 0.5
    assert not sound


@pytest.mark.parametrize("codec", ["aac", "flac", "libopus"])
def test_pieces_follow_each_other_without_a_gap(codec: str) -> None:
    pieces = pieces_of(codec, untouched)
    assert max(abs(b.start - a.end) for a, b in pairwise(pieces)) < 0.002
    assert pieces[-1].end == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize("seconds", [0.3, 30])
def test_a_gap_is_filled_where_the_sound_is_encoded_anew(seconds: float) -> None:
    pieces = pieces_of("libopus", shifted(seconds))
    assert max(b.start - a.end for a, b in pairwise(pieces)) < 0.001
    assert pieces[-1].end == pytest.approx(2 + seconds, abs=0.05)


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_a_leap_of_hours_ends_the_sound(codec: str) -> None:
    pieces = pieces_of(codec, shifted(1e6))
    assert 20 < len(pieces) < 80
    assert pieces[-1].end < 2


def test_a_leap_of_minutes_is_kept_but_not_filled() -> None:
    pieces = pieces_of("libopus", shifted(600))
    assert len(pieces) < 110
    assert pieces[-1].end == pytest.approx(602, abs=0.05)


@pytest.mark.parametrize("codec", ["aac", "libopus"])
def test_times_that_run_backwards_still_give_ascending_pieces(codec: str) -> None:
    pieces = pieces_of(codec, shifted(-0.4))
    assert all(a.start < b.start for a, b in pairwise(pieces))
    assert len(pieces) > 60


@pytest.mark.parametrize("codec", ["libopus", "flac"])
def test_sound_that_cannot_be_decoded_is_none(codec: str) -> None:
    assert pieces_of(codec, emptied) == []


def test_sound_without_a_packet_is_none() -> None:
    source = BeepSource("aac", seconds=1)
    list(source.packets())
    assert playable(source) is None


def test_a_packet_that_the_file_refuses_ends_the_sound_and_not_the_picture(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "a.mp4"
    sound = playable(BeepSource("aac", seconds=2))
    assert sound is not None
    pieces = list(sound.until(FOREVER))
    times = np.arange(51) / 25
    with Mp4Writer(path, (64, 48), times, make_info(), RenderSettings(), sound) as writer:
        for time in times[:-1]:
            writer.write(Sheet((64, 48)), time)
        for piece in [*pieces[:70], pieces[3], *pieces[70:]]:
            writer.hear(piece)
    assert "sound ends" in caplog.text
    assert writer.frames == 50
    assert beep_times(path) == pytest.approx([1.0], abs=0.001)
