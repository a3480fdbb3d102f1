"""The driver: one reading of the frames feeds all outputs, and no more than that."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.errors import StaleScan
from pipeline.render import OUTPUTS, RenderJob, render
from pipeline.types import Frame
from tests.pipeline.render.scenes import ArrayPicture, files_below, frames_of, job_of


def asked_of(frames: list[Frame]) -> list[list[str]]:
    """Return which conversions each frame's picture was asked for."""
    return [frame.picture.asked for frame in frames if isinstance(frame.picture, ArrayPicture)]


@pytest.mark.parametrize(
    ("video", "files"),
    [
        ("none", ["track_0001/best.jpg"]),
        ("annotated", ["annotated.mp4", "track_0001/best.jpg"]),
        ("clips", ["track_0001/best.jpg", "track_0001/clip.mp4"]),
        ("both", ["annotated.mp4", "track_0001/best.jpg", "track_0001/clip.mp4"]),
    ],
)
def test_the_settings_say_which_videos_are_made(
    video: str, files: list[str], tmp_path: Path
) -> None:
    job = job_of((2, 2), settings={"video": video}, best_only=True)
    result = render(frames_of(job), job, tmp_path)
    assert files_below(tmp_path) == files
    assert sorted([*result.images, *(v.path for v in result.videos)]) == files


def test_every_output_can_be_asked_for(tmp_path: Path) -> None:
    made = set()
    for name in OUTPUTS:
        (tmp_path / name).mkdir()
        job = job_of((2, 2))
        with OUTPUTS[name](job, tmp_path / name, None) as output:
            for frame in frames_of(job):
                if output.wants(frame.index):
                    output.write(frame)
        made |= set(files_below(tmp_path / name))
    (tmp_path / "all").mkdir()
    render(frames_of(job), job, tmp_path / "all")
    assert made == set(files_below(tmp_path / "all"))


def test_without_videos_reading_ends_at_the_last_crop(tmp_path: Path) -> None:
    job = job_of((1, 3), settings={"video": "none"})
    frames = frames_of(job)
    given: list[int] = []

    def read() -> Iterator[Frame]:
        for frame in frames:
            given.append(frame.index)
            yield frame

    render(read(), job, tmp_path)
    assert given == [0, 1, 2, 3]
    assert asked_of(frames) == [[], ["bgr"], [], ["bgr"], [], []]


def test_who_gives_the_frames_is_told_which_are_wanted(tmp_path: Path) -> None:
    job = job_of((1, 3), settings={"video": "none"})
    (tmp_path / "all").mkdir()
    (tmp_path / "chosen").mkdir()
    render(frames_of(job), job, tmp_path / "all")
    told = []

    def read(wanted: NDArray[np.bool_]) -> Iterator[Frame]:
        told.extend(np.flatnonzero(wanted).tolist())
        frames = frames_of(job)
        for index in (1, 0, 1, 2, 3):  # some come in between, and some again
            yield frames[index]

    render(read, job, tmp_path / "chosen")
    assert told == [1, 3]
    names = files_below(tmp_path / "all")
    assert names == files_below(tmp_path / "chosen") != []
    for name in names:
        chosen = (tmp_path / "chosen" / name).read_bytes()
        assert chosen == (tmp_path / "all" / name).read_bytes()


def test_nothing_is_read_where_nothing_is_wanted(tmp_path: Path) -> None:
    def read() -> Iterator[Frame]:
        raise AssertionError("read")
        yield

    assert files_below(tmp_path) == []
    result = render(read(), job_of(), tmp_path)
    assert (result.images, result.videos, files_below(tmp_path)) == ((), (), [])


def test_a_picture_is_converted_once_for_all_outputs(tmp_path: Path) -> None:
    job = job_of((1, 3), (1, 3), (2, 4))
    frames = frames_of(job)
    render(frames, job, tmp_path)
    seen = [["yuv"], *[["bgr", "yuv"]] * 4, ["yuv"]]
    assert [sorted(asked) for asked in asked_of(frames)] == seen


@pytest.mark.parametrize("lost", [slice(0, 3), slice(1, 6), slice(0, 0)])
def test_other_frames_than_those_of_the_scan_are_an_error(lost: slice, tmp_path: Path) -> None:
    job = job_of((0, 5))
    with pytest.raises(StaleScan):
        render(frames_of(job)[lost], job, tmp_path)


def test_other_times_than_those_of_the_scan_are_an_error(tmp_path: Path) -> None:
    job = job_of((0, 5))
    with pytest.raises(StaleScan):
        render([replace(f, time=f.time + 0.04) for f in frames_of(job)], job, tmp_path)


def test_frames_beyond_the_scan_are_not_read(tmp_path: Path) -> None:
    job: RenderJob = job_of((0, 5))
    more = [*frames_of(job), replace(frames_of(job)[-1], index=6, time=9.0)]
    assert {v.path: v.frames for v in render(more, job, tmp_path).videos}["annotated.mp4"] == 6


def test_many_tracks_in_a_row_keep_few_files_open(tmp_path: Path) -> None:
    spans = [(frame, frame + 1) for frame in range(0, 60, 2)]
    job = job_of(*spans, frames=60, settings={"video": "clips"})
    frames, most = frames_of(job), 0

    def read() -> Iterator[Frame]:
        nonlocal most
        for frame in frames:
            yield frame
            most = max(most, len(list(Path("/proc/self/fd").iterdir())))

    before = len(list(Path("/proc/self/fd").iterdir()))
    result = render(read(), job, tmp_path)
    assert len(result.videos) == 30
    assert most <= before + 1
    assert np.unique([video.frames for video in result.videos]).tolist() == [2]
