"""Decoding: every frame, in order, at its own time, and an honest account of what is missing."""

import gc
import struct
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.decode import open_video, playback
from pipeline.decode.colour import Converter
from pipeline.errors import LimitExceeded, NotAVideo, Unreadable
from pipeline.settings import DecodeSettings
from tests.pipeline.video_files import (
    GREYS,
    bgr_frame,
    grey,
    grey_frames,
    middle,
    opened,
    write_video,
)

B_FRAMES = {"bf": "2", "preset": "veryfast"}
MS = Fraction(1, 1000)


def shown(path: Path, **settings: object) -> list[tuple[int, float, int]]:
    """Return number, time and grey of every frame."""
    with opened(path, **settings) as video:
        return [
            (frame.index, round(frame.time, 6), middle(frame.picture.bgr())[1])
            for frame in video.frames()
        ]


def assert_greys(actual: Iterable[int], numbers: Iterable[int]) -> None:
    np.testing.assert_allclose(list(actual), [grey(number) for number in numbers], atol=8)


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "ffv1"), ("a.webm", "libvpx-vp9"), ("a.avi", "mpeg4")],
)
def test_frames_come_in_order_with_their_times(tmp_path: Path, name: str, codec: str) -> None:
    options = B_FRAMES if codec == "libx264" else {}
    frames = shown(write_video(tmp_path / name, 12, codec=codec, options=options))
    assert [number for number, _, _ in frames] == list(range(12))
    assert [time for _, time, _ in frames] == [round(index / 25, 6) for index in range(12)]
    assert_greys((value for _, _, value in frames), range(12))


def test_times_are_the_sources_own(tmp_path: Path) -> None:
    ticks = [10_000, 10_040, 10_200, 10_250, 11_000]
    path = write_video(tmp_path / "a.mkv", 5, codec="ffv1", ticks=ticks, time_base=MS)
    with opened(path) as video:
        frames = list(video.frames())
        assert [frame.pts * video.info.time_base for frame in frames] == [t * MS for t in ticks]
        assert [frame.time for frame in frames] == [10.0, 10.04, 10.2, 10.25, 11.0]
        assert video.audit.times_mended == 0


def test_times_that_stand_still_are_mended_from_the_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", 4, codec="ffv1", ticks=[0, 40, 40, 40], time_base=MS)
    with opened(path) as video:
        assert [frame.time for frame in video.frames()] == [0.0, 0.04, 0.08, 0.12]
        assert video.audit.times_mended == 2
        assert not video.audit.partial


def test_one_wrong_time_spoils_no_other(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", 40, codec="mjpeg", pixels="yuvj420p")
    with av.open(str(path)) as container:
        packet = [bytes(packet) for packet in container.demux() if packet.size][20]
    data = bytearray(path.read_bytes())
    block = nth(bytes(data), packet, 20 // len(GREYS)) - 3  # two bytes of time, one of flags
    data[block : block + 2] = (30_000).to_bytes(2, "big")
    path.write_bytes(data)
    with opened(path) as video:
        times = [round(frame.time, 6) for frame in video.frames()]
        assert video.audit.times_mended == 1
    assert times == [round(index / 25, 6) for index in range(40)]


def test_an_elementary_stream_gets_times_from_the_rate(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.h264", 8)
    with opened(path) as video:
        assert [frame.time for frame in video.frames()] == [index / 25 for index in range(8)]
        assert video.audit.times_mended == 8


def test_the_size_may_change(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.h264", 3).read_bytes()
    large = write_video(tmp_path / "large.h264", grey_frames(4, (96, 64))).read_bytes()
    path = tmp_path / "both.h264"
    path.write_bytes(small + large)
    with opened(path) as video:
        sizes = [frame.picture.bgr().shape[1::-1] for frame in video.frames()]
        assert sizes == [(64, 48)] * 3 + [(96, 64)] * 4
        assert video.audit.size_changes == 1
        assert (video.info.width, video.info.height) == (64, 48)


def test_a_second_pass_is_like_the_first(tmp_path: Path) -> None:
    with opened(write_video(tmp_path / "a.mp4", 9, options=B_FRAMES)) as video:
        first = [(frame.pts, frame.picture.bgr().tobytes()) for frame in video.frames()]
        second = [(frame.pts, frame.picture.bgr().tobytes()) for frame in video.frames()]
    assert len(first) == 9
    assert first == second


def test_pictures_outlive_the_video(tmp_path: Path) -> None:
    with opened(write_video(tmp_path / "a.mp4", 6)) as video:
        kept = [frame.picture for frame in video.frames()]
    assert_greys((middle(picture.bgr())[1] for picture in kept), range(6))


def test_a_pass_can_be_left_early(tmp_path: Path) -> None:
    with opened(write_video(tmp_path / "a.mkv", 30, codec="ffv1")) as video:
        frames = video.frames()
        next(frames)
        frames.close()  # type: ignore[attr-defined]
        audit = video.audit
        assert audit.frames < 30
        assert not audit.truncated
        assert len(list(video.frames())) == 30


def test_what_the_file_says(tmp_path: Path) -> None:
    with opened(write_video(tmp_path / "a.mp4", 10)) as video:
        info = video.info
    assert (info.width, info.height) == (64, 48)
    assert info.frame_rate == 25
    assert info.duration == pytest.approx(0.4)
    assert (info.codec, info.pixel_format, info.transfer) == ("h264", "yuv420p", "sdr")
    assert (info.rotation, info.mirrored) == (0, False)
    assert (info.stream, info.video_streams, info.has_audio) == (0, 1, False)


# --- damage ---------------------------------------------------------------------------------


@pytest.mark.parametrize("length", [-5000.0, 0.0])
def test_a_length_that_none_has_says_nothing(tmp_path: Path, length: float) -> None:
    path = write_video(tmp_path / "a.mkv", 12)
    data = path.read_bytes()
    place = data.index(b"\x44\x89\x88") + 3  # Matroska's Duration, eight bytes
    path.write_bytes(data[:place] + struct.pack(">d", length) + data[place + 8 :])
    with opened(path) as video:
        assert len(list(video.frames())) == 12
        assert video.info.duration is None
        assert not video.audit.partial


@pytest.mark.parametrize("name", ["a.mkv", "a.avi"])
def test_a_file_that_breaks_off_is_partial(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / name, 40, codec="mjpeg", pixels="yuvj420p")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    with opened(path) as video:
        greys = [middle(frame.picture.bgr())[1] for frame in video.frames()]
        audit = video.audit
    assert 15 < len(greys) < 30
    assert_greys(greys, range(len(greys)))
    assert audit.truncated
    assert audit.partial
    assert "announced" in audit.warnings[-1]


@pytest.mark.parametrize(("size", "more"), [(188, {}), (192, {"mpegts_m2ts_mode": "1"})])
@pytest.mark.parametrize("within", ["nothing", "packet", "frame", "next packet"])
def test_a_transport_stream_that_breaks_off_is_partial(
    tmp_path: Path, size: int, more: dict[str, str], within: str
) -> None:
    """It says nowhere how long it is."""
    rng = np.random.default_rng(1)
    noise = (bgr_frame(rng.integers(0, 255, (48, 64, 3), np.uint8)) for _ in range(20))
    path = write_video(tmp_path / "a.ts", noise, container_options=more)
    data = path.read_bytes()
    assert len(data) % size == 0
    if within == "packet":
        path.write_bytes(data[: len(data) * 6 // 10 // size * size + 100])
    elif within == "next packet":
        path.write_bytes(data + data[:100])
    elif within == "frame":
        packets = [data[k : k + size] for k in range(0, len(data), size)]
        filled = [packet for packet in packets if packet[size - 187 : size - 185] != b"\x1f\xff"]
        path.write_bytes(b"".join(filled[:-3]))
    with opened(path) as video:
        count = len(list(video.frames()))
        audit = video.audit
    assert audit.partial == (within != "nothing")
    assert ("may be cut off" in " ".join(audit.warnings)) == audit.partial
    assert count == 20 if within[0] == "n" else 10 <= count <= 20


def test_no_whole_frame_is_lost_where_a_file_breaks_off(tmp_path: Path) -> None:
    path = write_video(
        tmp_path / "a.mp4", 40, options=B_FRAMES, container_options={"movflags": "faststart"}
    )
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux() if packet.size]
    whole, cut = packets[:20], packets[20]
    assert cut.pos is not None
    path.write_bytes(path.read_bytes()[: cut.pos + cut.size // 2])
    with opened(path) as video:
        count = len(list(video.frames()))
        audit = video.audit
    assert len(whole) - 3 <= count <= len(whole)  # B-frames may wait for what is lost
    assert (audit.failed, audit.truncated) == (1, True)


def test_a_broken_packet_costs_its_own_frame_only(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", 12, codec="mjpeg", pixels="yuvj420p")
    overwrite_packets(path, [5])
    frames = shown(path)
    assert [number for number, _, _ in frames] == list(range(11))
    kept = [number for number in range(12) if number != 5]
    assert [time for _, time, _ in frames] == [round(number / 25, 6) for number in kept]
    assert_greys((value for _, _, value in frames), kept)
    with opened(path) as video:
        list(video.frames())
        assert (video.audit.failed, video.audit.truncated) == (1, False)
        assert video.audit.partial


def test_the_rest_is_given_up_when_too_much_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(playback, "FAILURES_IN_A_ROW", 4)
    path = write_video(tmp_path / "a.mkv", 30, codec="mjpeg", pixels="yuvj420p")
    overwrite_packets(path, [3, 4, 5, *range(10, 20)])
    with opened(path) as video:
        assert len(list(video.frames())) == 7
        assert video.audit.truncated
        assert "too many packets" in video.audit.warnings[-1]


def test_without_a_frame_it_is_unreadable(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", 5, codec="mjpeg", pixels="yuvj420p")
    overwrite_packets(path, range(5))
    with pytest.raises(Unreadable, match="no frame can be decoded"):
        opened(path)


def overwrite_packets(path: Path, numbers: Iterable[int]) -> None:
    """Replace the content of packets by zeros."""
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux() if packet.size]
    data = path.read_bytes()
    for number in numbers:
        assert data.count(packets[number]) >= 1
        start = nth(data, packets[number], packets[:number].count(packets[number]))
        data = data[:start] + bytes(len(packets[number])) + data[start + len(packets[number]) :]
        packets[number] = b"overwritten %d" % number
    path.write_bytes(data)


def nth(data: bytes, part: bytes, number: int) -> int:
    """Return where ``part`` begins for the ``number``-th time."""
    start = data.index(part)
    for _ in range(number):
        start = data.index(part, start + 1)
    return start


def test_pictures_of_an_unknown_kind_are_unreadable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr(Converter, "bgr", fail)
    before = open_files()
    with pytest.raises(Unreadable, match="yuv420p"):
        opened(write_video(tmp_path / "a.mp4", 3))
    assert open_files() == before


# --- limits ---------------------------------------------------------------------------------


def test_pictures_above_the_limit_are_not_decoded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", grey_frames(2, (200, 100)), codec="ffv1")
    with opened(path, max_megapixels=0.02) as video:
        assert len(list(video.frames())) == 2
    with pytest.raises(LimitExceeded, match="200x100"):
        opened(path, max_megapixels=0.0199)


def test_pictures_that_grow_above_the_limit_end_the_video(tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.h264", 12).read_bytes()
    large = write_video(tmp_path / "large.h264", grey_frames(4, (640, 480))).read_bytes()
    path = tmp_path / "both.h264"
    path.write_bytes(small + large)
    with opened(path, max_megapixels=0.1) as video:
        assert len(list(video.frames())) == 12
        assert video.audit.partial


def test_files_with_too_many_streams_are_not_opened(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "a.mkv", [(64, 48)] * 3)
    with opened(path, max_streams=3) as video:
        assert video.info.video_streams == 3
    with pytest.raises(LimitExceeded, match="streams"):
        opened(path, max_streams=2)


# --- the choice of streams ------------------------------------------------------------------


def write_streams(path: Path, sizes: list[tuple[int, int]], cover: int | None = None) -> Path:
    """Write a file with a video stream of each size; one of them may be a cover picture."""
    with av.open(str(path), "w") as container:
        streams = [
            video_stream(container, size, number == cover) for number, size in enumerate(sizes)
        ]
        for number, stream in enumerate(streams):
            for frame in grey_frames(1 if number == cover else 3, sizes[number]):
                container.mux(stream.encode(frame))
        for stream in streams:
            container.mux(stream.encode())
    return path


def video_stream(container: OutputContainer, size: tuple[int, int], cover: bool) -> VideoStream:
    stream = container.add_stream("png" if cover else "libx264", rate=25)
    assert isinstance(stream, VideoStream)
    stream.width, stream.height = size
    stream.pix_fmt = "rgb24" if cover else "yuv420p"
    if cover:
        stream.disposition = Disposition.attached_pic
    return stream


def test_the_stream_with_most_picture_is_chosen(tmp_path: Path) -> None:
    path = write_streams(tmp_path / "a.mkv", [(64, 48), (96, 64), (32, 32)])
    with opened(path) as video:
        assert (video.info.width, video.info.stream, video.info.video_streams) == (96, 1, 3)
        assert "3 video streams" in video.audit.warnings[0]
        assert len(list(video.frames())) == 3


@pytest.mark.parametrize("cover", [0, 1])
def test_a_cover_picture_is_no_video(tmp_path: Path, cover: int) -> None:
    path = write_streams(tmp_path / "a.mp4", [(96, 64), (96, 64)], cover)
    with opened(path) as video:
        assert video.info.video_streams == 1
        assert len(list(video.frames())) == 3
        assert video.audit.warnings == ()


# --- sound ----------------------------------------------------------------------------------


def write_sound(path: Path, *, picture: bool) -> Path:
    """Write a second of a tone, with or without a grey picture."""
    with av.open(str(path), "w") as container:
        video = video_stream(container, (64, 48), cover=False) if picture else None
        audio = container.add_stream("aac", rate=48_000, layout="mono")
        assert isinstance(audio, AudioStream)
        if video is not None:
            for frame in grey_frames(25):
                container.mux(video.encode(frame))
            container.mux(video.encode())
        for frame in tone():
            container.mux(audio.encode(frame))
        container.mux(audio.encode())
    return path


def tone() -> Iterator[AudioFrame]:
    for start in range(0, 48_000, 1024):
        wave = np.sin(np.arange(start, start + 1024) / 10).astype(np.float32)[None]
        frame = AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        yield frame


def test_the_sound_comes_as_packets_with_times(tmp_path: Path) -> None:
    with opened(write_sound(tmp_path / "a.mp4", picture=True)) as video:
        assert video.info.has_audio
        assert len(list(video.frames())) == 25
        with video.sound() as sound:
            assert sound is not None
            assert sound.stream.codec_context.name == "aac"
            times = [float(it.pts * it.time_base) for it in sound.packets() if it.pts is not None]
    assert times == sorted(times)
    assert times[0] <= 0
    assert times[-1] == pytest.approx(1, abs=0.03)


def test_a_video_without_sound_has_none(tmp_path: Path) -> None:
    with opened(write_video(tmp_path / "a.mp4", 3)) as video, video.sound() as sound:
        assert sound is None


def test_sound_alone_is_no_video(tmp_path: Path) -> None:
    with pytest.raises(NotAVideo, match="no moving pictures"):
        opened(write_sound(tmp_path / "a.mp4", picture=False))


# --- house keeping --------------------------------------------------------------------------


def test_files_are_given_back(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", 3)
    (tmp_path / "broken.mp4").write_bytes(path.read_bytes()[:300])
    before = open_files()
    with opened(path) as video:
        list(video.frames())
    with pytest.raises(Unreadable):
        opened(tmp_path / "broken.mp4")
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_what_is_told_of_damage_is_the_same_each_time(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = [bgr_frame(rng.integers(0, 256, (48, 64, 3), np.uint8)) for _ in range(20)]
    path = write_video(tmp_path / "a.ts", noise, options=B_FRAMES)
    data = bytearray(path.read_bytes())
    for place in range(len(data) // 3, len(data) - 1000, 2000):
        data[place : place + 20] = bytes(20)
    path.write_bytes(data)
    results = set()
    for _ in range(20):
        with opened(path) as video:
            pixels = b"".join(frame.picture.bgr().tobytes() for frame in video.frames())
            results.add((pixels, str(video.audit)))
    assert len(results) == 1
    assert video.audit.damaged


SAMPLE = Path(__file__).parents[2] / "media" / "sample.mp4"


def test_frames_that_are_done_with_are_freed_at_once() -> None:
    """They are of megabytes each; Python's collector of circles comes after hundreds of them."""
    gc.collect()
    gc.disable()
    try:
        with open_video(SAMPLE, DecodeSettings()) as video:
            for frame in video.frames():
                frame.picture.luma()
                if frame.index == 60:
                    break
            alive = sum(type(one) is VideoFrame for one in gc.get_objects())
    finally:
        gc.enable()
    assert alive < 20
