"""A video in stretches side by side: what one pass gives, or it is not divided."""

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import Detections
from detectors.team import Team
from pipeline.decode import Indivisible, stretch
from pipeline.errors import VideoError
from pipeline.scan import divided, scan, scan_divided
from pipeline.settings import ScanSettings
from pipeline.types import Image, Scan
from tests.pipeline.test_deinterlace import write_interlaced
from tests.pipeline.test_scan import WhiteSquares
from tests.pipeline.test_seek import COUNT, KINDS, noise, write
from tests.pipeline.video_files import opened, write_video

SETTINGS = ScanSettings(min_face=20, least_side=0)
DIVISIBLE = ["b-frames.mp4", "fragments.mp4", "open.mp4", "open.mkv", "hevc.mp4", "a.webm"]


@pytest.fixture(autouse=True)
def short_videos_are_divided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stretch, "SHORTEST", 0.5)


class Noted(WhiteSquares):
    """Tells apart any two pictures: a face as large and as sure as two of their pixels."""

    def _faces(self, image: Image) -> Detections:
        first, last = image[0, 0, 0], image[-1, -1, 0]
        box = np.array([[0, 0, 5.0 + first, 5.0 + last]], np.float32)
        return Detections(box, np.float32([0.5 + first / 1000]))


def team(count: int, make: Callable[[], Any] = Noted) -> Team:
    return Team(make, count)


def both(path: Path, count: int) -> tuple[Scan, Scan]:
    """Return what one pass sees, and what so many stretches see."""
    with opened(path) as video:
        whole = scan(video, team(1), SETTINGS, 4)
    with opened(path) as video:
        return whole, scan_divided(video, team(count), SETTINGS, 4, lambda _: None)


def assert_same(one: Scan, other: Scan) -> None:
    for field in fields(Scan):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, np.ndarray):
            assert left.dtype == right.dtype, field.name
            np.testing.assert_array_equal(left, right, field.name)
        else:
            assert left == right, field.name


def assert_indivisible(path: Path, **settings: Any) -> None:
    with opened(path) as video, pytest.raises(Indivisible):
        scan_divided(video, team(3), ScanSettings(**settings), 4, lambda _: None)
    with opened(path) as video:
        assert len(scan(video, team(3), SETTINGS, 4).pts) > 0


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("kind", DIVISIBLE)
def test_stretches_see_what_one_pass_sees(tmp_path: Path, kind: str, count: int) -> None:
    whole, parts = both(write(tmp_path / kind, *KINDS[kind]), count)
    assert len(whole.pts) == COUNT
    assert len(whole.frame) == COUNT
    assert_same(whole, parts)


def test_stretches_are_about_equal_and_begin_with_key_frames(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", "libx264", {"g": "10", "bf": "0", "x264-params": "scenecut=0"})
    with opened(path) as video:
        lengths = [
            [frame.index for frame in one.frames() if one.is_own(frame)]
            for one in video.stretches(4)
        ]
    assert [len(one) for one in lengths] == [30, 30, 30, 30]


def test_a_stretch_tells_how_the_scene_changes_at_its_beginning(tmp_path: Path) -> None:
    """A cut exactly where two stretches meet."""
    pictures = [*noise(60), *list(noise(200))[140:]]
    path = write_video(tmp_path / "a.mp4", pictures, options={"g": "60"})
    whole, parts = both(path, 2)
    assert_same(whole, parts)
    assert parts.cut_score.argmax() == 60
    assert whole.camera[1:60].any()


def test_short_videos_and_others_than_every_frame_are_for_one_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.mp4", *KINDS["b-frames.mp4"])
    assert_indivisible(path, every="2")
    monkeypatch.setattr(stretch, "SHORTEST", 3.0)
    assert_indivisible(path)


@pytest.mark.parametrize("name", ["a.ts", "a.avi", "a.flv"])
def test_containers_without_times_or_index_are_for_one_pass(tmp_path: Path, name: str) -> None:
    assert_indivisible(write(tmp_path / name, *KINDS["b-frames.mp4"]))


def test_codecs_that_conceal_in_silence_are_for_one_pass(tmp_path: Path) -> None:
    assert_indivisible(write(tmp_path / "mpeg2.mkv", *KINDS["mpeg2.mkv"]))


def test_one_key_frame_alone_divides_nothing(tmp_path: Path) -> None:
    options = {"g": "1000", "x264-params": "scenecut=0"}
    assert_indivisible(write(tmp_path / "a.mp4", "libx264", options))


def test_interlaced_video_is_for_one_pass(tmp_path: Path) -> None:
    assert_indivisible(write_interlaced(tmp_path / "a.mkv", 60))


def test_frames_that_recover_bit_by_bit_are_for_one_pass_or_the_same(tmp_path: Path) -> None:
    options = {"x264-params": "intra-refresh=1:keyint=12:bframes=2"}
    path = write(tmp_path / "a.mp4", "libx264", options)
    with contextlib.suppress(Indivisible):
        assert_same(*both(path, 3))


def test_damage_is_for_one_pass(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", *KINDS["b-frames.mp4"])
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)
    assert_indivisible(path)


@pytest.mark.parametrize("kind", ["open.mkv", "hevc.mp4", "a.webm"])
def test_whatever_is_damaged_stretches_see_what_one_pass_sees(tmp_path: Path, kind: str) -> None:
    """Bits are turned over anywhere, in the index too."""
    path, random = write(tmp_path / kind, *KINDS[kind]), np.random.default_rng(3)
    whole, divided_at_all = path.read_bytes(), 0
    for _ in range(10):
        data = bytearray(whole)
        for place in random.integers(0, len(data), random.integers(1, 4)):
            data[place] ^= 1 << random.integers(8)
        path.write_bytes(data)
        with contextlib.suppress(Indivisible, VideoError):
            assert_same(*both(path, 4))
            divided_at_all += 1
    assert divided_at_all


def test_times_that_must_be_mended_are_for_one_pass(tmp_path: Path) -> None:
    ticks = [40 * index for index in range(COUNT)]
    ticks[70] = ticks[69]  # stands still
    options: dict[str, Any] = {"codec": "ffv1", "time_base": Fraction(1, 1000)}
    assert_indivisible(write_video(tmp_path / "a.mkv", noise(), ticks=ticks, **options))
    ticks[70] += 20
    assert_same(*both(write_video(tmp_path / "b.mkv", noise(), ticks=ticks, **options), 3))


def test_where_stretches_do_not_meet_one_pass_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if a decoder gave other pictures after a key frame than it gives on the way."""
    path = write(tmp_path / "a.mp4", *KINDS["b-frames.mp4"])
    own, marks = divided._mark, iter(range(1000))
    monkeypatch.setattr(divided, "_mark", lambda frame: (own(frame)[0], next(marks)))
    assert_indivisible(path)


class Failing(Noted):
    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        raise ZeroDivisionError


def test_what_fails_in_a_stretch_is_told_and_ends_the_others(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", *KINDS["b-frames.mp4"])
    before = threading.active_count()
    with opened(path) as video, pytest.raises(ZeroDivisionError):
        scan_divided(video, team(3, Failing), SETTINGS, 4, lambda _: None)
    assert threading.active_count() <= before


def test_what_has_no_memory_in_stretches_is_for_one_pass(tmp_path: Path) -> None:
    class Large(Noted):
        def __call__(self, images: Sequence[Image]) -> list[Detections]:
            raise MemoryError

    path = write(tmp_path / "a.mp4", *KINDS["b-frames.mp4"])
    with opened(path) as video, pytest.raises(Indivisible):
        scan_divided(video, team(2, Large), SETTINGS, 4, lambda _: None)


def test_progress_goes_up_to_about_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(divided, "_TELL_EVERY", 0.001)
    told: list[int] = []
    with opened(write(tmp_path / "a.mp4", *KINDS["b-frames.mp4"])) as video:
        scan_divided(video, team(2), SETTINGS, 4, told.append)
    assert told == sorted(set(told))
    assert COUNT <= told[-1] <= COUNT + stretch.SHARED
