"""What every output must do, whatever it makes."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.render import OUTPUTS, Output, RenderJob, RenderResult, verify
from pipeline.render.job import Made
from pipeline.render.sound import Piece, PlayableSound, playable
from tests.pipeline.render.scenes import BeepSource, files_below, frames_of, job_of

UNEVEN = np.array([0.5, 0.54, 0.9, 0.901, 1.4, 2.0])

JOBS: dict[str, Callable[[], RenderJob]] = {
    "no tracks": job_of,
    "one frame": lambda: job_of((0, 0), frames=1),
    "first to last frame": lambda: job_of((0, 5), filled=3),
    "tracks that overlap and follow": lambda: job_of((0, 2), (1, 4), (4, 5), (5, 5)),
    "1x1": lambda: job_of((0, 5), size=(1, 1)),
    "3x5": lambda: job_of((0, 5), size=(3, 5)),
    "too wide": lambda: job_of((0, 1), size=(16_390, 3), frames=2),
    "17x13": lambda: job_of((0, 5), size=(17, 13)),
    "uneven times": lambda: job_of((1, 5), time=UNEVEN),
    "size changes": lambda: with_size_change(job_of((1, 5))),
    "png": lambda: job_of((1, 3), settings={"format": "png", "shape": "free"}),
    "webp": lambda: job_of((1, 3), settings={"format": "webp", "clip_size": 16}),
}


def with_size_change(job: RenderJob) -> RenderJob:
    job.scan.size[3:] = 30, 62
    return job


def feed(output: Output, job: RenderJob, sound: PlayableSound | None = None) -> None:
    """Do what the driver does, for one output alone."""
    for frame in frames_of(job):
        for piece in sound.until(frame.time) if sound else ():
            output.hear(piece)
        if output.wants(frame.index):
            output.write(frame)


def make(name: str, job: RenderJob, folder: Path) -> Made:
    folder.mkdir()
    with OUTPUTS[name](job, folder, None) as output:
        feed(output, job)
    return output.made


def paths_of(made: Made) -> list[str]:
    return sorted([*made.images, *(video.path for video in made.videos)])


@pytest.mark.parametrize("case", JOBS)
@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_makes_what_it_says_whole_and_the_same_each_time(
    name: str, case: str, tmp_path: Path
) -> None:
    job = JOBS[case]()
    made = make(name, job, tmp_path / "1")

    assert paths_of(made) == files_below(tmp_path / "1")
    assert bool(paths_of(made)) == bool(len(job.tracks.ids))
    assert not made.warnings
    verify(tmp_path / "1", RenderResult(made.crops, tuple(made.images), tuple(made.videos)))

    make(name, job, tmp_path / "2")
    for path in paths_of(made):
        assert (tmp_path / "1" / path).read_bytes() == (tmp_path / "2" / path).read_bytes()


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_wants_nothing_beyond_the_video(name: str, tmp_path: Path) -> None:
    job = job_of((0, 5))
    with OUTPUTS[name](job, tmp_path, None) as output:
        feed(output, job)
        assert not any(output.wants(index) for index in range(6, 20))


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_leaves_no_file_open_after_an_error(name: str, tmp_path: Path) -> None:
    before = open_files()
    with pytest.raises(Stop):
        write_and_stop(name, tmp_path)
    assert open_files() == before


def write_and_stop(name: str, folder: Path) -> None:
    job = job_of((0, 5), (2, 4))
    with OUTPUTS[name](job, folder, None) as output:
        for frame in frames_of(job)[:4]:
            output.write(frame)
        raise Stop


@pytest.mark.parametrize("name", OUTPUTS)
def test_an_output_never_writes_into_the_picture(name: str, tmp_path: Path) -> None:
    job = job_of((0, 0), frames=1)
    (frame,) = frames_of(job)
    image = frame.picture.bgr()
    frame.picture.bgr = lambda size=None: image  # type: ignore[method-assign]
    before = image.copy()
    with OUTPUTS[name](job, tmp_path, None) as output:
        output.write(frame)
    assert np.array_equal(image, before)


@pytest.mark.parametrize("name", OUTPUTS)
@pytest.mark.parametrize("codec", ["aac", "pcm_s16le"])
def test_an_output_takes_sound(name: str, codec: str, tmp_path: Path) -> None:
    job = job_of((0, 9), (5, 9), frames=10)
    sound = playable(BeepSource(codec, seconds=1))
    with OUTPUTS[name](job, tmp_path, sound) as output:
        output.hear(Piece(b"\0" * 9, -2.0, -1.0))  # long over when the video begins
        feed(output, job, sound)
    assert all(video.sound for video in output.made.videos)
    verify(tmp_path, RenderResult({}, (), tuple(output.made.videos)))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class Stop(Exception):
    """Something went wrong elsewhere."""
