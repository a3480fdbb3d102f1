"""Durations, and limits that a video or a run goes into."""

from pathlib import Path

import pytest

from pipeline.batch import process_batch, process_video
from pipeline.errors import LimitExceeded, OutputError, SetUpError
from pipeline.run import Extent
from pipeline.settings import (
    DecodeSettings,
    LinkSettings,
    RunSettings,
    Settings,
    check_settings,
    parse_duration,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("6h", 21600), ("1.5h", 5400), ("2d", 172800), ("0", 0)],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "90", "h", "-1h", "1e3s", "infs", "nanh", "1 h", "1.2.3s", "²s"]
)
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="90s, 15m"):
        parse_duration(text)
    with pytest.raises(SetUpError, match=r"run.time_budget.*90s, 15m"):
        check_settings(Settings(run=RunSettings(time_budget=text)))


def test_what_is_no_number_of_workers() -> None:
    with pytest.raises(SetUpError, match=r"run.jobs.*auto, or a number"):
        check_settings(Settings(run=RunSettings(jobs="0")))


@pytest.mark.parametrize("value", [float("inf"), float("nan")])
def test_what_is_no_number(value: float) -> None:
    with pytest.raises(SetUpError, match=r"link.max_gap is .*: it must be a number"):
        check_settings(Settings(link=LinkSettings(max_gap=value)))


def test_the_defaults_hold() -> None:
    check_settings(Settings())


def test_a_video_may_be_as_long_as_the_limits() -> None:
    extent = Extent(DecodeSettings(max_frames=3, max_duration="2s"))
    for frames, time in ((1, 100.0), (2, 101.0), (3, 102.0)):
        extent.check(frames, time)
    with pytest.raises(LimitExceeded, match="3 frames"):
        extent.check(4, 102.0)
    with pytest.raises(LimitExceeded, match="2s"):
        extent.check(3, 102.1)


def test_a_hole_of_days_is_not_days_of_video() -> None:
    extent = Extent(DecodeSettings(max_duration="1h"))
    for frames, time in ((1, 0.0), (2, 0.04), (3, 1e6), (4, 1e6 + 0.04)):
        extent.check(frames, time)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    (tmp_path / "media").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "media" / name).write_text(name)
    return tmp_path / "media"


def test_a_run_without_time_stops_cleanly_and_says_what_is_left(
    archive: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = Settings(run=RunSettings(time_budget="0.000001s"))
    result = process_batch([archive], tmp_path / "out", settings)
    assert (result.videos, result.left, result.exit_code) == ((), 2, 0)
    assert "--time-budget 0.000001s is used up" in caplog.text


def test_no_video_is_begun_without_the_room_that_is_kept(archive: Path, tmp_path: Path) -> None:
    settings = Settings(run=RunSettings(min_free=1e9))
    with pytest.raises(OutputError, match=r"GB are left .* --min-free keeps 1e\+09"):
        process_batch([archive], tmp_path / "out", settings)


def test_one_video_is_not_several(tmp_path: Path) -> None:
    (tmp_path / "media").mkdir()
    for name in ("a.mp4", "b.mp4"):
        (tmp_path / "media" / name).write_bytes(b"no video")
    with pytest.raises(SetUpError, match="no single file"):
        process_video(tmp_path / "media", tmp_path / "out")
    assert not (tmp_path / "out").exists()
