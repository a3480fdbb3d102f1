"""Deinterlacing: as many frames as before, without combs."""

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from pipeline.decode.deinterlace import deinterlaced
from pipeline.types import Image
from tests.pipeline.video_files import bgr_frame, grey_frames, opened, write_video

INTERLACED = (1 << 18) | (1 << 29)
"""FFmpeg's flags for interlaced DCT and motion."""


def comb(index: int) -> Image:
    """Return a bright bar that moves on between the fields."""
    picture = np.full((96, 128, 3), 40, np.uint8)
    for field in (0, 1):
        left = 4 * (2 * index + field)
        picture[field::2, left : left + 24] = 200
    return picture


def combing(picture: Image) -> float:
    """Return how much each row differs from the mean of its neighbours."""
    rows = picture[..., 1].astype(np.float32)
    return float(np.abs(rows[1:-1] - (rows[:-2] + rows[2:]) / 2).mean())


def write_interlaced(path: Path, count: int, size: tuple[int, int] = (128, 96)) -> Path:
    def interlace(stream: VideoStream) -> None:
        stream.codec_context.flags |= INTERLACED

    frames = [bgr_frame(comb(index)[: size[1], : size[0]].copy()) for index in range(count)]
    options = {"qscale": "2"}
    return write_video(path, frames, codec="mpeg2video", options=options, prepare=interlace)


@pytest.mark.parametrize("count", [1, 2, 10])
def test_no_frame_is_lost(tmp_path: Path, count: int) -> None:
    with opened(write_interlaced(tmp_path / "a.mp4", count)) as video:
        times = [round(frame.time, 6) for frame in video.frames()]
    assert times == [round(index / 25, 6) for index in range(count)]


def test_combs_are_gone(tmp_path: Path) -> None:
    with opened(write_interlaced(tmp_path / "a.ts", 10)) as video:
        after = np.mean([combing(frame.picture.bgr()) for frame in video.frames()])
    before = np.mean([combing(comb(index)) for index in range(10)])
    assert after < before / 3


def test_tiny_pictures_are_left_as_they_are(tmp_path: Path) -> None:
    path = write_interlaced(tmp_path / "a.mp4", 3, size=(8, 8))
    with opened(path) as video:
        assert len(list(video.frames())) == 3


def test_the_bar_is_where_it_was(tmp_path: Path) -> None:
    with opened(write_interlaced(tmp_path / "a.ts", 10)) as video:
        for frame in video.frames():
            bright = np.flatnonzero(frame.picture.luma()[48] > 120)
            left = 8 * frame.index
            assert left - 2 <= bright.min() <= left + 6
            assert left + 20 <= bright.max() <= left + 30


def timed(frames: Iterable[VideoFrame]) -> list[VideoFrame]:
    """Return the frames, a tick apart."""
    listed = list(frames)
    for index, frame in enumerate(listed):
        frame.pts, frame.time_base = index, Fraction(1, 25)
    return listed


def test_progressive_frames_are_passed_on_untouched() -> None:
    frames = timed(grey_frames(5))
    passed = list(deinterlaced(frames))
    assert all(one is other for one, other in zip(passed, frames, strict=True))


def test_a_change_of_size_or_kind_loses_nothing(tmp_path: Path) -> None:
    with av.open(str(write_interlaced(tmp_path / "a.ts", 4))) as container:
        interlaced = list(container.decode(video=0))
    assert all(frame.interlaced_frame for frame in interlaced)
    small, large = list(grey_frames(2, (64, 48))), list(grey_frames(2, (96, 64)))
    frames = timed([*small, *interlaced[:2], *large, *interlaced[2:]])
    out = list(deinterlaced(frames))
    assert [frame.pts for frame in out] == list(range(8))
    assert [frame.width for frame in out] == [frame.width for frame in frames]
    assert not any(frame.interlaced_frame for frame in out)


def test_an_interlaced_picture_is_still_turned_upright(tmp_path: Path) -> None:
    def prepare(stream: VideoStream) -> None:
        stream.codec_context.flags |= INTERLACED
        stream.set_display_rotation(90)

    frames = [bgr_frame(comb(index)) for index in range(3)]
    path = write_video(tmp_path / "a.mp4", frames, codec="mpeg2video", prepare=prepare)
    with opened(path) as video:
        assert {frame.picture.bgr().shape for frame in video.frames()} == {(128, 96, 3)}
