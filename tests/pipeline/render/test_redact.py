"""Faces hidden in the annotated video."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.render import RenderJob, render, verify
from pipeline.render.canvas import Placed
from pipeline.render.redact import Redaction
from pipeline.render.sheet import Rectangle, Sheet
from tests.helpers import make_scan
from tests.pipeline.render.scenes import BOX, BeepSource, decoded, frames_of, job_of, picture


def hidden(job: RenderJob, frame: int, scale: float = 1, offset: int = 0) -> np.ndarray[Any, Any]:
    """Return (48, 64) which pixels of a noisy picture a redaction of ``frame`` changes."""
    before = noisy()
    placed = Placed(noisy(), (scale, scale), (offset, offset))
    Redaction(job).hide(placed, frame)
    return placed.sheet.y != before.y


def noisy() -> Sheet:
    sheet = Sheet((64, 48))
    rng = np.random.default_rng(1)
    for plane in sheet.planes.planes:
        plane[:] = rng.integers(64, 236, plane.shape)
    return sheet


def with_faces(job: RenderJob, *faces: tuple[int, tuple[float, ...], float]) -> RenderJob:
    return replace(job, scan=make_scan(faces, len(job.scan.time), size=(64, 48)))


def test_every_box_is_covered_with_room_also_where_it_was_filled_in() -> None:
    job = job_of((1, 3), filled=2, settings={"redact": "solid"})
    assert not hidden(job, 0).any()
    for frame in (1, 2, 3):
        changed = hidden(job, frame)
        rows, columns = changed.any(axis=1).nonzero()[0], changed.any(axis=0).nonzero()[0]
        assert (columns[0], rows[0], columns[-1], rows[-1]) == (16, 8, 39, 39)
        assert changed[8:40, 16:40].all()


def test_boxes_are_hidden_where_they_lie_on_the_canvas() -> None:
    changed = hidden(job_of((0, 0), settings={"redact": "solid"}), 0, 0.5, 10)
    assert changed[16:25, 20:28].all()
    assert not changed[:, 32:].any()


def test_what_is_in_no_track_is_hidden_too_a_little_longer_than_it_was_seen() -> None:
    job = with_faces(job_of(frames=30, settings={"redact": "solid"}), (10, BOX, 0.5))
    frames = [frame for frame in range(30) if hidden(job, frame)[12:30, 20:36].all()]
    assert frames == list(range(4, 17))  # a quarter of a second at 25 frames a second


def test_where_looks_are_rare_a_face_is_hidden_from_look_to_look_and_to_the_end() -> None:
    job = job_of(frames=60, settings={"redact": "solid"})
    job = replace(job, scan=make_scan([(20, BOX, 0.5)], 60, size=(64, 48), every=20))
    frames = [frame for frame in range(60) if hidden(job, frame)[12:30, 20:36].all()]
    assert frames == list(range(1, 40))  # looks at 0, 20 and 40
    last = replace(job, scan=make_scan([(40, BOX, 0.5)], 60, size=(64, 48), every=20))
    assert all(hidden(last, frame)[12:30, 20:36].all() for frame in range(21, 60))


def test_what_does_not_count_is_not_hidden() -> None:
    job = with_faces(job_of(settings={"redact": "solid"}), (0, BOX, 0.4))
    assert not hidden(job, 0).any()
    assert hidden(replace(job, threshold=0.4), 0).any()


def test_boxes_beyond_the_picture_and_without_size_do_no_harm() -> None:
    boxes = [(-50, -50, -20, -20), (60, 40, 90, 90), (5, 5, 5, 5), (-9, -9, 999, 3)]
    job = with_faces(job_of(settings={"redact": "blur"}), *((0, box, 0.5) for box in boxes))
    changed = hidden(job, 0)
    assert changed[42:, 62:].any()
    assert not changed[8:24, :48].any()


def test_the_many_sightings_of_a_still_face_are_hidden_as_few_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(1)
    faces = [(k, tuple(BOX + rng.uniform(-1, 1, 4)), 0.5) for k in range(100)]
    job = job_of(frames=100, settings={"redact": "solid"})
    scan = make_scan(faces, 100, size=(64, 48), rate=240)
    filled = list[Rectangle]()
    monkeypatch.setattr(Sheet, "fill", lambda _, area, ink: filled.append(area))
    Redaction(replace(job, scan=scan)).hide(Placed(noisy(), (1, 1), (0, 0)), 50)
    assert 0 < len(filled) < 20
    assert all(x1 <= BOX[0] and y1 <= BOX[1] for x1, y1, *_ in filled)


def test_a_blur_leaves_no_detail() -> None:
    before = noisy()
    placed = Placed(noisy(), (1, 1), (0, 0))
    Redaction(job_of((0, 0), settings={"redact": "blur"})).hide(placed, 0)
    for k, (noise, now) in enumerate(
        zip(before.planes.planes, placed.sheet.planes.planes, strict=True)
    ):
        first, last, beyond = (part >> min(k, 1) for part in (16, 40, 42))
        rows = slice(8 >> min(k, 1), 34 >> min(k, 1))
        assert steps(now[rows, first:last]) < 24 < steps(noise[rows, first:last])
        assert (now[:, beyond:] == noise[:, beyond:]).all()


def steps(plane: np.ndarray[Any, Any]) -> int:
    """Return the largest difference of neighbours in a row."""
    return int(np.abs(np.diff(plane.astype(int), axis=1)).max())


def test_nothing_is_hidden_unless_it_was_asked_for() -> None:
    assert not hidden(job_of((0, 0)), 0).any()


@pytest.mark.parametrize("how", ["solid", "blur"])
def test_a_redacted_video_is_all_that_is_written(how: str, tmp_path: Path) -> None:
    job = job_of((1, 3), size=(128, 96), settings={"crf": 1, "redact": how})
    result = render(frames_of(job), job, tmp_path, BeepSource())
    verify(tmp_path, result)
    assert [path.name for path in tmp_path.rglob("*")] == ["annotated.mp4"]
    assert (result.crops, result.images) == ({}, ())
    images = [image for _, image in decoded(tmp_path / "annotated.mp4")]
    _, _, x2, y2 = map(int, BOX)
    assert np.abs(images[0].astype(int) - picture(0, (128, 96))).mean() < 3
    if how == "solid":
        beside_the_label = images[2][y2 - 4 : y2 - 1, x2 - 4 : x2 - 1]
        inside = beside_the_label.astype(int)
        assert np.abs(inside - 32).max() < 12


@pytest.mark.parametrize("video", ["none", "clips"])
def test_without_an_annotated_video_a_redacted_result_has_no_picture(
    video: str, tmp_path: Path
) -> None:
    job = job_of((1, 3), settings={"video": video, "redact": "solid"})
    assert render(frames_of(job), job, tmp_path).videos == ()
    assert list(tmp_path.iterdir()) == []
