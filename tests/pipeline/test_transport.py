"""Whether a transport stream ends between two packets."""

from io import FileIO
from pathlib import Path

import pytest

from pipeline.decode.transport import ends_within_packet

SIZES = {188: 0, 192: 4, 204: 0}
"""Bytes of a packet, and how many of them come before the sync byte."""


def packets(size: int, count: int = 40) -> bytes:
    ahead = SIZES[size]
    return (b"\x00" * ahead + b"\x47" + b"\x11" * (size - ahead - 1)) * count


def cut_off(path: Path, data: bytes) -> bool:
    path.write_bytes(data)
    with FileIO(str(path)) as file:
        file.seek(7)
        told = ends_within_packet(file)
        assert file.tell() == 7
    return told


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("begin", [0, 1, 100])
def test_only_whole_packets_are_an_end(tmp_path: Path, size: int, begin: int) -> None:
    data = packets(size)
    assert not cut_off(tmp_path / "a.ts", data[begin:])
    for more in (1, 5, 100, size - 1):
        assert cut_off(tmp_path / "a.ts", (data + data[:more])[begin:])


@pytest.mark.parametrize("size", SIZES)
def test_what_is_behind_the_packets_says_nothing(tmp_path: Path, size: int) -> None:
    for more in (b"\x00" * 700, b"\xff" * 5000):
        assert not cut_off(tmp_path / "a.ts", packets(size) + more)


@pytest.mark.parametrize("data", [b"", b"\x47", b"\x47" * 3, b"no packets at all" * 200])
def test_what_has_no_packets_is_not_cut_off(tmp_path: Path, data: bytes) -> None:
    assert not cut_off(tmp_path / "a.ts", data)
