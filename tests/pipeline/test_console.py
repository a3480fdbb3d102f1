"""What a person sees while a batch runs."""

from pathlib import Path

import pytest

from pipeline.console import Progress
from pipeline.facts import Source, Status, VideoResult

FIRST, SECOND = (Source(Path("/") / name, name) for name in ("first.mp4", "second.mp4"))


def test_one_of_several_videos_is_followed_to_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(enabled=True) as bars:
        bars.begin(2)
        for done in range(3):
            bars.video(FIRST, "scan", done, 3)
            bars.video(SECOND, "scan", done, 3)
        bars.video(FIRST, "render", 0, 3)
        seen = capsys.readouterr().err
        assert "scan first.mp4" in seen
        assert "render first.mp4" in seen
        assert "second.mp4" not in seen
        bars.end(VideoResult(FIRST, Status.DONE))
        bars.video(SECOND, "scan", 3, 3)
        assert "scan second.mp4" in capsys.readouterr().err


def test_nothing_is_shown_unless_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with Progress(enabled=False) as bars:
        bars.begin(1)
        bars.video(FIRST, "scan", 1, 3)
        bars.end(VideoResult(FIRST, Status.DONE))
    assert capsys.readouterr().err == ""
