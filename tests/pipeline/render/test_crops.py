"""What is cut out, how it is named, and what it looks like."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.layout import crop_name, track_folder
from pipeline.render import render
from pipeline.render.crops import crop_window
from pipeline.settings import RenderSettings
from tests.pipeline.render.scenes import files_below, frames_of, job_of, look_of, picture

SQUARE = RenderSettings(margin=0.5)
FREE = RenderSettings(margin=0.5, shape="free")


@pytest.mark.parametrize(
    ("box", "settings", "window"),
    [
        pytest.param((40, 40, 60, 60), SQUARE, (30, 30, 70, 70), id="inside"),
        pytest.param((40, 40, 50, 60), SQUARE, (25, 30, 65, 70), id="as wide as it is high"),
        pytest.param((40, 40, 50, 60), FREE, (35, 30, 55, 70), id="as the box is"),
        pytest.param((0, 40, 20, 60), SQUARE, (0, 30, 40, 70), id="shifted from the left"),
        pytest.param((90, 80, 110, 100), SQUARE, (80, 60, 120, 100), id="shifted up, to the edge"),
        pytest.param((-30, 40, 10, 60), SQUARE, (0, 10, 80, 90), id="face cut off by the edge"),
        pytest.param((20, 20, 80, 80), SQUARE, (0, 0, 100, 100), id="smaller where it must be"),
        pytest.param((0, 0, 120, 60), SQUARE, (0, 0, 120, 100), id="a face wider than high"),
        pytest.param((0, 0, 120, 100), FREE, (0, 0, 120, 100), id="the whole picture"),
    ],
)
def test_a_window_has_its_margin_and_no_bars(
    box: tuple[float, float, float, float],
    settings: RenderSettings,
    window: tuple[int, int, int, int],
) -> None:
    assert crop_window(box, (120, 100), settings) == window


edges = st.floats(-500, 500)


@given(
    box=st.tuples(edges, edges, st.floats(0, 400), st.floats(0, 400)),
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    margin=st.floats(0, 4),
    shape=st.sampled_from(["square", "free"]),
)
def test_a_window_always_lies_within_the_picture(
    box: tuple[float, float, float, float], size: tuple[int, int], margin: float, shape: str
) -> None:
    x, y, width, height = box
    settings = RenderSettings(margin=margin, shape=shape)
    x1, y1, x2, y2 = crop_window((x, y, x + width, y + height), size, settings)
    assert 0 <= x1 < x2 <= size[0]
    assert 0 <= y1 < y2 <= size[1]


def test_a_crop_is_the_window_of_the_full_size_picture(tmp_path: Path) -> None:
    job = job_of((2, 2), settings={"video": "none", "format": "png", "margin": 0.25})
    render(frames_of(job), job, tmp_path)
    crop = cv2.imread(str(tmp_path / "track_0001/best.png"))
    x1, y1, x2, y2 = crop_window(job.looks[0].box, (64, 48), job.settings)
    assert np.array_equal(crop, picture(2, (64, 48))[y1:y2, x1:x2])


def test_the_best_crop_has_a_numbered_copy(tmp_path: Path) -> None:
    job = job_of((1, 4), settings={"video": "none"})
    result = render(frames_of(job), job, tmp_path)
    first, second = "000001_00m00.040s_1.jpg", "000004_00m00.160s_2.jpg"
    assert files_below(tmp_path) == [f"track_0001/{name}" for name in (first, second, "best.jpg")]
    folder = tmp_path / "track_0001"
    assert (folder / first).read_bytes() == (folder / "best.jpg").read_bytes()
    assert result.crops == {(1, 1): "track_0001/best.jpg", (1, 2): f"track_0001/{second}"}


def test_the_best_crop_alone_has_none(tmp_path: Path) -> None:
    job = job_of((1, 1), settings={"video": "none"}, best_only=True)
    render(frames_of(job), job, tmp_path)
    assert files_below(tmp_path) == ["track_0001/best.jpg"]


@pytest.mark.parametrize(("low", "high"), [({"quality": 10}, {"quality": 95})])
@pytest.mark.parametrize("extension", ["jpg", "webp"])
def test_quality_costs_bytes(
    extension: str, low: dict[str, int], high: dict[str, int], tmp_path: Path
) -> None:
    sizes = []
    for name, quality in (("low", low), ("high", high)):
        (tmp_path / name).mkdir()
        settings = {"video": "none", "format": extension, **quality}
        job = job_of((1, 1), settings=settings, size=(320, 240))
        (path,) = render(frames_of(job), job, tmp_path / name).crops.values()
        sizes.append((tmp_path / name / path).stat().st_size)
    assert sizes[0] < sizes[1]


def test_names_sort_in_time_and_say_it() -> None:
    assert crop_name(look_of(1, 123, 0), 4.92, 500, "jpg") == "000123_00m04.920s_1.jpg"
    assert crop_name(look_of(1, 5, 0), 59.9996, 500, "jpg") == "000005_01m00.000s_1.jpg"
    assert crop_name(look_of(1, 5, 0), 7200.5, 500, "jpg") == "000005_120m00.500s_1.jpg"
    early, late = (
        crop_name(look_of(1, frame, 0), 0, 2_000_000, "png") for frame in (999_999, 1_500_000)
    )
    assert early < late


def test_folders_sort_however_many_tracks_there_are() -> None:
    assert track_folder(7, 300) == "track_0007"
    assert track_folder(7, 12_345) == "track_00007"
    assert track_folder(12_345, 12_345) == "track_12345"
