"""One video worked through in staging, with a detector that finds a face in every picture."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from detectors import Detections, Detector
from detectors.team import Team
from pipeline.errors import NotAVideo, SourceChanging
from pipeline.facts import Source, Status
from pipeline.job import VideoJob
from pipeline.keys import stage_keys
from pipeline.layout import SCAN
from pipeline.manifest import FILE_NAME, Manifest
from pipeline.run import work
from pipeline.scan import scanfile
from pipeline.settings import DecodeSettings, LinkSettings, RenderSettings, Settings
from pipeline.sources import Content, Fingerprint, sha256_of
from tests.pipeline.records import seal
from tests.pipeline.video_files import write_video

SETTINGS = Settings(link=LinkSettings(threshold=0.5, cut_threshold=1))


class OneFace:
    """Finds the same face in every picture, and counts the pictures."""

    name, runtime, smallest_face = "one face", "none", 20.0
    seen = 0

    def __call__(self, images: Sequence[np.ndarray]) -> list[Detections]:
        self.seen += len(images)
        face = np.array([[8, 8, 32, 32]], np.float32)
        return [Detections(face, np.ones(1, np.float32)) for _ in images]


def job_of(tmp_path: Path, name: str, previous: Path | None = None) -> VideoJob:
    path = tmp_path / name
    stage = tmp_path / f"stage of {name} {previous is None}"
    stage.mkdir()
    return VideoJob(
        source=Source(path, name),
        content=Content(Fingerprint.of(path), sha256_of(path)),
        folder=name,
        stage=stage,
        previous=previous,
        settings=SETTINGS,
        keys=stage_keys(SETTINGS, ""),
        weights={"name": "one face", "sha256": ""},
    )


def run(job: VideoJob, detector: Callable[[], Detector] = OneFace) -> Manifest:
    work(job, detector, lambda *_: None)
    return Manifest.read(job.stage)


def never() -> OneFace:
    raise AssertionError("scanned again")


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


def test_a_kept_scan_gives_the_same_results_without_a_detector(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 20)
    first = job_of(tmp_path, "a.mp4")
    assert run(first).status == Status.DONE
    again = job_of(tmp_path, "a.mp4", previous=first.stage)
    run(again, never)
    assert contents(again.stage) == contents(first.stage)


def test_every_stage_tells_how_far_it_is(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 20)
    job, told = job_of(tmp_path, "a.mp4"), list[tuple[str, int, int | None]]()
    work(job, OneFace, lambda *progress: told.append(progress))
    stages = dict.fromkeys(stage for stage, *_ in told)
    assert list(stages) == ["scan", "link", "select", "render", "write", "verify"]
    for stage in stages:
        steps = [(done, total) for of, done, total in told if of == stage]
        assert steps.pop(0) == (0, None)
        assert steps
        assert all(total is not None and done <= total for done, total in steps)
    files = len(Manifest.read(job.stage).outputs)
    assert ("verify", files - 1, files) in told


@pytest.mark.parametrize("limit", [{"max_frames": 100}, {"max_duration": "4s"}])
def test_what_is_too_long_is_given_up_early_by_several_detectors_too(
    tmp_path: Path, limit: dict[str, Any]
) -> None:
    write_video(tmp_path / "a.mp4", 600, options={"g": "50"})
    settings = replace(SETTINGS, decode=DecodeSettings(**limit))
    members = list[OneFace]()

    def make() -> OneFace:
        members.append(OneFace())
        return members[-1]

    result = run(replace(job_of(tmp_path, "a.mp4"), settings=settings), lambda: Team(make, 2))
    assert result.status == Status.LIMIT
    assert sum(member.seen for member in members) <= 150


def test_a_kept_scan_that_no_longer_fits_is_made_anew(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 20)
    first = job_of(tmp_path, "a.mp4")
    run(first)
    expected = contents(first.stage)
    old = scanfile.load(first.stage / SCAN)
    off = {"pts": old.pts + 1, "time": old.time + 1e-3}
    scanfile.save(replace(old, **off), first.stage / SCAN)
    seal(first.stage, Manifest.read(first.stage))

    detector = OneFace()
    again = job_of(tmp_path, "a.mp4", previous=first.stage)
    assert run(again, lambda: detector).status == Status.DONE
    assert detector.seen == 20
    assert contents(again.stage) == expected


@pytest.mark.parametrize("first", [1 << 54, 1 << 59])
def test_times_too_large_for_seconds_are_made_anew(tmp_path: Path, first: int) -> None:
    ticks = [first + 40 * index for index in range(40)]
    write_video(tmp_path / "a.mkv", 40, ticks=ticks, time_base=Fraction(1, 1000))
    result = run(job_of(tmp_path, "a.mkv"))
    assert (result.status, result.counts.faces) == (Status.DONE, 40)
    assert result.warnings == ("times that were missing or were out of line: 40",)


def test_without_videos_little_is_decoded_again_for_the_same_crops(tmp_path: Path) -> None:
    write_video(tmp_path / "a.mp4", 600, options={"g": "12"})
    whole = job_of(tmp_path, "a.mp4")
    run(whole)
    crops = replace(SETTINGS, render=RenderSettings(video="none"))
    chosen = replace(job_of(tmp_path, "a.mp4", previous=whole.stage), settings=crops)
    rendered = []
    work(chosen, never, lambda stage, *_: rendered.append(stage == "render"))
    assert sum(rendered) < 400
    jpegs = {name: data for name, data in contents(whole.stage).items() if name.endswith(".jpg")}
    assert len(jpegs) > 1
    assert jpegs == {n: d for n, d in contents(chosen.stage).items() if n.endswith(".jpg")}


@pytest.mark.parametrize("content", ["video", "text"])
def test_a_file_that_changes_while_it_is_read_is_left_for_later(
    tmp_path: Path, content: str
) -> None:
    path = tmp_path / "a.ts"
    if content == "video":
        write_video(path, 20)
    else:
        path.write_text("not yet a video")
    job = job_of(tmp_path, "a.ts")
    with path.open("ab") as file:
        file.write(bytes(188))
    with pytest.raises(SourceChanging):
        run(job)
    assert not (job.stage / FILE_NAME).exists()


def test_what_is_no_video_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("no video")
    job = job_of(tmp_path, "a.txt")
    with pytest.raises(NotAVideo):
        run(job)
    assert contents(job.stage) == {}
