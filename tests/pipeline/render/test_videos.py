"""The annotated video and the clips, as a player gets them."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from resource import RLIMIT_FSIZE, getrlimit, setrlimit

import av
import numpy as np
import pytest
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from pipeline.render import RenderJob, render, verify
from pipeline.render.draw import colour
from tests.pipeline.render.scenes import (
    BOX,
    BeepSource,
    beep_times,
    beeps,
    decoded,
    frames_of,
    job_of,
    picture,
)

UNEVEN = np.array([0, 40, 400, 401, 900, 1500])
"""Ticks."""


def rendered(job: RenderJob, folder: Path, sound: BeepSource | None = None) -> Path:
    """Render and verify; return the annotated video."""
    verify(folder, render(frames_of(job), job, folder, sound))
    return folder / "annotated.mp4"


@pytest.mark.parametrize("tick", [(1, 1000), (1, 90_000), (1001, 30_000), (1, 10**9)])
def test_frames_keep_their_times_and_the_last_its_duration(
    tick: tuple[int, int], tmp_path: Path
) -> None:
    base = Fraction(*tick)
    job = job_of(
        (0, 5), time=3.5 + UNEVEN * float(base) * (1 if base > Fraction(1, 10**6) else 1e6)
    )
    info = replace(job.scan.info, time_base=base)
    job = replace(job, scan=replace(job.scan, info=info))
    path = rendered(job, tmp_path)
    times = [time for time, _ in decoded(path)]
    assert times == pytest.approx(job.scan.time - job.start, abs=1e-6)
    with av.open(str(path)) as file:
        video = file.streams.video[0]
        assert video.start_time == 0
        assert float(video.duration * video.time_base) == pytest.approx(job.end_of(5) - job.start)


def test_any_player_takes_the_video(tmp_path: Path) -> None:
    path = rendered(job_of((0, 5), size=(63, 47)), tmp_path)
    assert boxes_of(path.read_bytes())[:2] == ["ftyp", "moov"]
    with av.open(str(path)) as file:
        codec = file.streams.video[0].codec_context
        assert (codec.name, codec.pix_fmt) == ("h264", "yuv420p")
        assert (codec.width, codec.height) == (64, 48)
        assert codec.colorspace == Colorspace.ITU709
        assert codec.color_primaries == ColorPrimaries.BT709
        assert codec.color_trc == ColorTrc.BT709
        assert codec.color_range == ColorRange.MPEG
        assert not {"creation_time", "encoder", "title"} & {*file.metadata}


def boxes_of(data: bytes) -> list[str]:
    """Return the names of an MP4's outermost boxes in their order."""
    names, place = [], 0
    while place < len(data):
        length, name = struct.unpack_from(">I4s", data, place)
        names.append(name.decode())
        place += length
    return names


def test_colours_are_kept_and_odd_sides_padded_by_their_edge(tmp_path: Path) -> None:
    path = rendered(job_of((0, 0), size=(63, 47), settings={"crf": 1}), tmp_path)
    image = decoded(path)[4][1].astype(int)
    assert image.shape == (48, 64, 3)
    expected = picture(4, (63, 47)).astype(int)
    for x in (3, 60):  # far from the middle, where two colours meet
        assert np.abs(image[40, x] - expected[40, x]).max() <= 6
    assert np.abs(image[:, 63] - image[:, 62]).max() <= 6
    assert np.abs(image[47] - image[46]).max() <= 6


def test_boxes_are_drawn_in_their_tracks_colour_in_both_videos(tmp_path: Path) -> None:
    job = job_of((1, 3), size=(128, 96), settings={"crf": 1, "clip_size": 48})
    path = rendered(job, tmp_path)
    annotated, clip = decoded(path), decoded(tmp_path / "track_0001/clip.mp4")
    assert len(clip) == 3
    assert clip[0][1].shape == (48, 64, 3)
    x, y = int(BOX[0]) - 1, int(BOX[3]) - 6
    for image, scale in ((annotated[1][1], 1), (clip[0][1], 2)):
        near = image[y // scale, x // scale - 2 : x // scale + 2].astype(int)
        assert np.abs(near - colour(1)).max(axis=1).min() < 60
    assert np.abs(annotated[0][1].astype(int) - picture(0, (128, 96))).mean() < 3


def test_a_clip_boxes_its_own_person_alone(tmp_path: Path) -> None:
    job = job_of((0, 3), (0, 3), settings={"crf": 1})
    boxes = job.tracks.boxes.copy()
    boxes[job.tracks.track_id == 2] = 44, 12, 60, 30
    job = replace(job, tracks=replace(job.tracks, boxes=boxes))
    rendered(job, tmp_path)
    (_, image), *_ = decoded(tmp_path / "track_0001/clip.mp4")
    untouched = picture(0, (64, 48)).astype(int)
    changed = np.abs(image - untouched).max(axis=2) > 60
    assert changed[:, :40].any()
    assert not changed[:, 42:].any()


def test_a_frame_of_another_size_is_fitted_in_on_black(tmp_path: Path) -> None:
    job = job_of((0, 0), settings={"crf": 1})
    job.scan.size[3:] = 48, 96  # shown at 24 x 48, in the middle of 64
    image = decoded(rendered(job, tmp_path))[3][1]
    assert image.shape == (48, 64, 3)
    assert image[:, :18].max() < 12
    assert image[:, 46:].max() < 12
    assert image[:, 24:40].min(axis=(0, 2)).max() > 40


@pytest.mark.parametrize(
    ("codec", "kept"),
    [("aac", "aac"), ("libmp3lame", "mp3float"), ("libopus", "aac"), ("pcm_s16le", "aac")],
)
def test_sound_stays_in_step_and_is_copied_where_browsers_play_it(
    codec: str, kept: str, tmp_path: Path
) -> None:
    job = job_of((0, 79), (30, 79), frames=80)
    source = BeepSource(codec)
    before = beep_times(beeps(codec, 3))  # as the source itself is heard: codecs delay
    path = rendered(job, tmp_path, source)
    with av.open(str(path)) as file:
        assert file.streams.audio[0].codec_context.name == kept
    assert beep_times(path) == pytest.approx(before, abs=0.001)
    clip = tmp_path / "track_0002/clip.mp4"
    assert beep_times(clip) == pytest.approx([before[-1] - 30 / 25], abs=0.001)


def test_sound_begins_and_ends_with_the_picture(tmp_path: Path) -> None:
    """The picture lasts from 0.5 s to 1.7 s, the sound from 0 s to 3 s."""
    job = job_of((0, 29), frames=30, time=0.5 + np.arange(30) / 25)
    path = rendered(job, tmp_path, BeepSource())
    assert beep_times(path) == pytest.approx([0.5], abs=0.001)
    with av.open(str(path)) as file:
        sound = file.streams.audio[0]
        assert abs(float(sound.duration * sound.time_base) - 1.2) < 0.025


@pytest.mark.parametrize("settings", [{"audio": False}, {"video": "clips", "audio": False}])
def test_sound_is_left_out_when_it_is_not_wanted(settings: dict[str, bool], tmp_path: Path) -> None:
    job = job_of((0, 5), settings=settings)
    rendered(job, tmp_path, BeepSource())
    for path in tmp_path.rglob("*.mp4"):
        with av.open(str(path)) as file:
            assert not file.streams.audio


def test_a_name_that_is_no_text_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "a:b %d \udcff"
    folder.mkdir()
    rendered(job_of((0, 5)), folder)


@pytest.mark.parametrize("video", ["annotated", "clips"])
@pytest.mark.parametrize("limit", [100, 2500, 12_000, 40_000])
def test_a_full_disk_is_an_error_of_the_system(limit: int, video: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    job = job_of((0, 29), (3, 29), frames=30, settings={"quality": 1, "crf": 1, "video": video})
    frames = frames_of(job)
    for frame in frames:
        frame.picture.image[:] = np.roll(noise, frame.index * 17)  # type: ignore[attr-defined]
    before = list(Path("/proc/self/fd").iterdir())
    with files_limited_to(limit), pytest.raises(OSError, match="File too large"):
        render(frames, job, tmp_path)
    assert list(Path("/proc/self/fd").iterdir()) == before


@contextmanager
def files_limited_to(size: int) -> Iterator[None]:
    soft, hard = getrlimit(RLIMIT_FSIZE)
    setrlimit(RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        setrlimit(RLIMIT_FSIZE, (soft, hard))
