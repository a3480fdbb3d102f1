"""A manifest that a taken-over worker may have written harms nobody."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.job import VideoJob
from pipeline.manifest import FILE_NAME, BrokenManifest
from pipeline.received import receive
from tests.pipeline.test_run import job_of, run
from tests.pipeline.video_files import write_video


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> VideoJob:
    folder = tmp_path_factory.mktemp("done")
    write_video(folder / "a.mp4", 20)
    job = job_of(folder, "a.mp4")
    run(job)
    return job


@pytest.fixture
def job(done: VideoJob, tmp_path: Path) -> VideoJob:
    shutil.copytree(done.stage, tmp_path / "stage")
    return replace(done, stage=tmp_path / "stage")


def test_what_a_worker_makes_is_taken(job: VideoJob) -> None:
    assert receive(job).counts.tracks == 1


def test_what_it_makes_of_no_video_is_taken(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"\0" * 99)
    job = job_of(tmp_path, "a.mp4")
    job = replace(job, source=replace(job.source, named=True))
    run(job)
    assert receive(job).status == "failed"


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"name": "b.mp4"},
        {"sha256": "0" * 64},
        {"size": 1},
        {"keys": {}},
        {"settings": {"render": []}},
        {"weights": {}},
        {"program": "0"},
        {"duplicate_of": "b.mp4"},
        {"attempts": 0},
        {"status": "duplicate"},
        {"status": "skipped"},
        {"status": "crashed"},
        {"phase": "\ud800"},
        {"reason": 7},
        {"detector": ["x"]},
        {"warnings": [1]},
        {"warnings": ["\udcff"]},
        {"counts": {"frames": 1 << 80}},
        {"counts": {"frames": {}}},
        {"counts": {"frames": True}},
        {"counts": {"frames": 1.5}},
        {"health": {"gaps": float("inf")}},
        {"health": {"gaps": "much"}},
        {"video": 3},
        {"outputs": {}},
        {"outputs": {"../a.mp4": {"size": 1, "sha256": ""}}},
    ],
)
def test_what_no_worker_of_ours_says_is_refused(job: VideoJob, change: dict[str, Any]) -> None:
    whole = json.loads((job.stage / FILE_NAME).read_bytes())
    for part in ("counts", "health"):
        if part in change:
            change = {part: whole[part] | change[part]}
    assert any(whole[name] != value for name, value in change.items())
    write(job, lambda said: said.update(change))
    with pytest.raises(BrokenManifest):
        receive(job)


@pytest.mark.parametrize("rate", ["1/0", "1" + "0" * 400, "nan", [1]])
def test_a_frame_rate_that_is_none_is_refused(job: VideoJob, rate: Any) -> None:
    write(job, lambda said: said["video"].update(frame_rate=rate))
    with pytest.raises(BrokenManifest):
        receive(job)


def test_a_hash_that_is_none_is_refused(job: VideoJob) -> None:
    write(job, lambda said: said["outputs"]["mot.txt"].update(sha256=5))
    with pytest.raises(BrokenManifest):
        receive(job)


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[" * 100_000, b"\xff", b"7"])
def test_what_is_no_manifest_is_refused(job: VideoJob, content: bytes | None) -> None:
    (job.stage / FILE_NAME).unlink()
    if content is not None:
        (job.stage / FILE_NAME).write_bytes(content)
    with pytest.raises(BrokenManifest):
        receive(job)


@pytest.mark.parametrize("name", [FILE_NAME, "mot.txt", "pipe"])
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_what_is_no_file_is_refused_and_not_waited_for(job: VideoJob, name: str, kind: str) -> None:
    path = job.stage / name
    if name == "pipe":
        write(job, lambda said: said["outputs"].update(pipe={"size": 0, "sha256": ""}))
    path.unlink(missing_ok=True)
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "link":
            path.symlink_to("/dev/zero")
        case "folder":
            path.mkdir()
            (path / "more").write_bytes(b"x")
    with pytest.raises(BrokenManifest):
        receive(job)


def test_what_cannot_be_got_at_is_refused(job: VideoJob) -> None:
    (job.stage / "mot.txt").chmod(0)
    with pytest.raises(BrokenManifest):
        receive(job)
    (job.stage / "mot.txt").chmod(0o600)
    hidden = job.stage / "x"
    (hidden / "h").mkdir(parents=True)
    hidden.chmod(0)
    with pytest.raises(BrokenManifest):
        receive(job)
    hidden.chmod(0o700)
    with pytest.raises(BrokenManifest):
        receive(job)


def test_files_that_do_not_fit_are_refused(job: VideoJob) -> None:
    (job.stage / "more.txt").write_bytes(b"x")
    with pytest.raises(BrokenManifest):
        receive(job)
    (job.stage / "more.txt").unlink()
    (job.stage / "mot.txt").write_bytes(b"")
    with pytest.raises(BrokenManifest):
        receive(job)


def write(job: VideoJob, change: Callable[[dict[str, Any]], Any]) -> None:
    """Write the manifest anew with a change of what it says."""
    said = json.loads((job.stage / FILE_NAME).read_bytes())
    change(said)
    (job.stage / FILE_NAME).write_text(json.dumps(said))
