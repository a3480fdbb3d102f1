"""What a person sees while a batch runs."""

from pathlib import Path
from typing import Any

import pytest

from pipeline.batch import BatchResult
from pipeline.console import Progress, show_summary
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


def test_the_summary_names_what_a_run_came_to(capsys: pytest.CaptureFixture[str]) -> None:
    def of(name: str, status: Status, **facts: Any) -> VideoResult:
        return VideoResult(Source(Path("/") / name, name), status, **facts)

    videos = (
        of("a.mp4", Status.DONE, warnings=("frames with damage: 2",)),
        of("b.mp4", Status.DONE, warnings=("known long since",), reused=True),
        of("c.mp4", Status.EMPTY),
        of("d.mp4", Status.PURGED, reason="it was purged", reused=True),
        of("e.mp4", Status.SKIPPED, reason="the file is empty", reused=True),
        of("f.txt", Status.SKIPPED, reason="no video"),
        of("g.mkv", Status.FAILED, phase="open", reason="no frame"),
    )
    show_summary(BatchResult(Path("/out"), 1.0, videos, left=2, gone=3))
    said = capsys.readouterr().out
    assert "7 (1 done, 1 failed, 1 no faces, 1 purged, 2 skipped, 1 unchanged)" in said
    assert "left  2 for the next run" in said
    assert "gone  3 from where they were; their results stay" in said
    assert "warnings  for 2 of them" in said
    lists = said.partition("not whole:")[2]
    assert [line.strip() for line in lists.splitlines() if line.strip()] == [
        "failed during open  g.mkv: no frame",
        "with new warnings:",
        "done  a.mp4: frames with damage: 2",
        "no videos, though called so:",
        "skipped  e.mp4: the file is empty",
    ]
