"""Chosen frames without the rest: the very pictures of a whole pass, and little else decoded."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from av.video.frame import VideoFrame

from pipeline.decode import Video, seek
from pipeline.decode.playback import Playback
from pipeline.types import Frame, Scan
from tests.helpers import make_scan
from tests.pipeline.test_deinterlace import write_interlaced
from tests.pipeline.video_files import bgr_frame, opened, write_video

COUNT = 120
KINDS = {
    "b-frames.mp4": ("libx264", {"bf": "3", "g": "12"}),
    "fragments.mp4": ("libx264", {"bf": "3", "g": "12"}),
    "open.mp4": ("libx264", {"g": "12", "x264-params": "open-gop=1:bframes=3:scenecut=0"}),
    "open.mkv": ("libx264", {"g": "12", "x264-params": "open-gop=1:bframes=3:scenecut=0"}),
    "hevc.mp4": ("libx265", {"x265-params": "keyint=12:bframes=3:open-gop=1:log-level=none"}),
    "a.flv": ("libx264", {"g": "12", "bf": "2"}),
    "a.webm": ("libvpx-vp9", {"g": "12", "cpu-used": "8", "deadline": "realtime"}),
    "mpeg4.avi": ("mpeg4", {"g": "12", "bf": "2"}),
    "mpeg2.mkv": ("mpeg2video", {"g": "12", "bf": "2"}),
    "mjpeg.avi": ("mjpeg", {}),
}


@pytest.fixture(autouse=True)
def leaps_pay_in_short_videos(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seek, "BEGINNING", 5)
    monkeypatch.setattr(seek, "NEAR", 3)


def noise(count: int = COUNT) -> Iterator[VideoFrame]:
    """Yield pictures that differ from one another in every codec: a pattern that moves."""
    pattern = np.random.default_rng(1).integers(0, 256, (12, 16 + count, 3), np.uint8)
    pattern = pattern.repeat(4, 0).repeat(4, 1)
    for index in range(count):
        yield bgr_frame(np.ascontiguousarray(pattern[:, 2 * index : 2 * index + 64]))


def write(path: Path, codec: str, options: dict[str, str]) -> Path:
    pixels = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    movflags = {"movflags": "frag_keyframe+empty_moov"} if "fragments" in path.name else {}
    return write_video(
        path, noise(), codec=codec, pixels=pixels, options=options, container_options=movflags
    )


def whole_pass(video: Video) -> tuple[list[Frame], Scan]:
    frames = list(video.frames())
    pts = np.array([frame.pts for frame in frames])
    return frames, replace(make_scan([], len(frames), pts=pts), audit=video.audit)


def content(frame: Frame) -> tuple[int, int, float, bytes]:
    return frame.index, frame.pts, frame.time, frame.picture.bgr().tobytes()


def assert_same(path: Path, numbers: Sequence[int]) -> int:
    """Check the frames of these numbers against those of a whole pass; return how many came."""
    with opened(path) as video:
        frames, seen = whole_pass(video)
        wanted = np.isin(np.arange(len(frames)), numbers)
        due = list(numbers)
        for came, frame in enumerate(video.frames_at(wanted, seen), 1):
            assert frame.index <= due[0]
            if frame.index == due[0]:
                assert content(frame) == content(frames[due.pop(0)])
            if not due:
                return came
    raise AssertionError(f"{due} did not come")


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_are_those_of_a_whole_pass_and_few_others_are_decoded(
    tmp_path: Path, kind: str
) -> None:
    path = write(tmp_path / kind, *KINDS[kind])
    assert assert_same(path, [70]) <= 45
    assert assert_same(path, [119]) <= 45
    assert assert_same(path, [2, 110]) <= 45
    assert_same(path, [0, 3, 36, 60, 83, 84, 85, 119])


@pytest.mark.parametrize("kind", ["b-frames.mp4", "fragments.mp4", "open.mkv", "hevc.mp4"])
def test_frames_to_which_no_other_refers_are_spared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = write(tmp_path / kind, *KINDS[kind])
    monkeypatch.setattr(seek, "BEGINNING", COUNT)  # no leaps
    for number in range(100, 112):
        assert assert_same(path, [number]) < 0.8 * number
    assert assert_same(path, [*range(20, 30), 110]) < 90


# x265 crashed once with fields and several threads.
@pytest.mark.parametrize(
    ("codec", "options"),
    [("libx264", "tff=1"), ("libx265", "interlace=tff:pools=none:frame-threads=1")],
)
def test_nothing_is_spared_of_what_is_interlaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: str, options: str
) -> None:
    params = {codec.removeprefix("lib") + "-params": f"{options}:keyint=12:bframes=3"}
    path = write_video(tmp_path / "a.mp4", noise(60), codec=codec, options=params)
    monkeypatch.setattr(seek, "BEGINNING", COUNT)
    assert assert_same(path, [40]) == 41


def test_what_turns_out_interlaced_is_decoded_as_a_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {"x264-params": "tff=1:keyint=12:bframes=3"}
    path = write_video(tmp_path / "a.mp4", noise(60), options=params)
    unknown = property(lambda _: False, lambda *_: None)
    monkeypatch.setattr(Playback, "interlaced", unknown, raising=False)
    assert assert_same(path, [40]) == 41


def test_a_transport_stream_is_sought_with_room_for_its_times_to_settle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.ts", noise(200), options={"g": "12", "bf": "3"})
    assert assert_same(path, [190]) <= 100
    assert assert_same(path, [60, 130, 131, 199]) < 250


def test_interlaced_frames_are_made_progressive_as_ever(tmp_path: Path) -> None:
    path = write_interlaced(tmp_path / "a.mkv", 60)
    for number in (*range(6, 16), 59):
        assert assert_same(path, [number]) <= 40


@pytest.mark.parametrize("codec", ["libx264", "huffyuv"])
def test_where_nothing_can_be_sought_all_is_decoded(tmp_path: Path, codec: str) -> None:
    name, pixels = ("a.h264", "yuv420p") if codec == "libx264" else ("a.avi", "yuv422p")
    path = write_video(tmp_path / name, noise(60), codec=codec, pixels=pixels)
    assert assert_same(path, [10, 50]) == 51


@pytest.mark.parametrize("mark", ["times_mended", "failed", "damaged"])
def test_where_times_may_be_ambiguous_all_is_decoded(tmp_path: Path, mark: str) -> None:
    with opened(write(tmp_path / "a.mkv", *KINDS["open.mkv"])) as video:
        _, seen = whole_pass(video)
        uncertain = replace(seen, audit=replace(seen.audit, **{mark: 1}))
        wanted = np.isin(np.arange(COUNT), [70])
        assert len(list(video.frames_at(wanted, uncertain))) == COUNT


def test_what_is_decoded_without_its_key_frame_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some demuxers land between key frames; here all do."""
    frames_from = Playback.frames_from
    monkeypatch.setattr(
        Playback, "frames_from", lambda self, pts: islice(frames_from(self, pts), 3, None)
    )
    monkeypatch.setattr(seek, "_SPARING", ())  # so that every frame comes
    with opened(write(tmp_path / "a.mkv", *KINDS["open.mkv"])) as video:
        _, seen = whole_pass(video)
        wanted = np.isin(np.arange(COUNT), [70])
        came = [frame.index for frame in video.frames_at(wanted, seen)]
    begin = next(index for index in came if index)
    assert came == list(range(begin, 71))
    assert seen.pts[begin] % (12 * 40) == 0


def test_frames_that_recover_bit_by_bit_are_no_key_frames(tmp_path: Path) -> None:
    options = {"x264-params": "intra-refresh=1:keyint=12:bframes=2"}
    path = write_video(tmp_path / "a.mp4", noise(), options=options)
    assert_same(path, [30, 60, 119])


def test_times_that_come_twice_lead_nowhere(tmp_path: Path) -> None:
    options = {"g": "12", "x264-params": "scenecut=0"}
    once = write_video(tmp_path / "once.ts", noise(60), options=options).read_bytes()
    other = write_video(tmp_path / "other.ts", list(noise(90))[30:], options=options).read_bytes()
    path = tmp_path / "both.ts"
    path.write_bytes(once + other)
    assert assert_same(path, [40, 80, 110]) == 111


def test_one_key_frame_alone_is_not_sought_again_and_again(tmp_path: Path) -> None:
    options = {"g": "1000", "x264-params": "scenecut=0"}
    path = write_video(tmp_path / "a.mp4", noise(), options=options)
    assert assert_same(path, range(6, 120, 6)) <= 3 * 120


def test_a_place_that_is_not_as_it_was_ends_in_a_whole_pass(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mkv", *KINDS["open.mkv"])
    with opened(path) as video:
        _, seen = whole_pass(video)
        seen.pts[60] += 1
        wanted = np.isin(np.arange(COUNT), [62])
        assert [frame.index for frame in video.frames_at(wanted, seen)][-COUNT:] == list(
            range(COUNT)
        )
