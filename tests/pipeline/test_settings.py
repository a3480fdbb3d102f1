"""Durations, and limits that a video runs into."""

import pytest

from pipeline.errors import LimitExceeded, SetUpError
from pipeline.run import Extent
from pipeline.settings import (
    DecodeSettings,
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
