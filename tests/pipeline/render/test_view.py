"""Where the window of a clip lies."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.planes import Planes
from pipeline.render import RenderJob
from pipeline.render.clip_plan import plan_clips
from pipeline.render.view import View
from pipeline.types import Frame, Picture
from tests.pipeline.render.scenes import ArrayPicture, job_of, to_bgr, with_boxes

HD = (1920, 1080)


def view_of(job: RenderJob) -> View:
    (plan,), _ = plan_clips(job)
    return View.of(job, plan)


def frame_of(index: int, picture: Picture) -> Frame:
    return Frame(index, index, index / 25, picture)


class Places:
    """A picture whose pixels say where they are."""

    def __init__(self, size: tuple[int, int]) -> None:
        self.width, self.height = size
        y, x = np.mgrid[: size[1], : size[0]]
        self._planes = Planes(
            (x % 251).astype(np.uint8),
            (y[::2, ::2] % 251).astype(np.uint8),
            (x[::2, ::2] // 251 * 16 + y[::2, ::2] // 251).astype(np.uint8),
        )

    def yuv(self, size: tuple[int, int] | None = None) -> Planes:
        return self._planes

    bgr = luma = None


@given(st.lists(st.tuples(st.floats(-30, 2000), st.floats(-30, 1100)), min_size=1, max_size=40))
def test_the_face_stays_in_a_window_that_stays_in_the_picture(
    way: list[tuple[float, float]],
) -> None:
    boxes = [(x, y, x + 80, y + 100) for x, y in way]
    job = with_boxes(job_of((0, len(way) - 1), frames=len(way), size=HD), boxes)
    view, picture = view_of(job), Places(HD)
    for index, box in enumerate(boxes):
        placed = view.place(frame_of(index, picture))
        assert placed.sheet.size == (250, 250)
        left, top = (-round(offset) for offset in placed.offset)
        assert 0 <= left <= 1920 - 250
        assert 0 <= top <= 1080 - 250
        shown = [plane[0, 0] for plane in placed.sheet.planes.planes]
        assert shown == [left % 251, top % 251, left // 251 * 16 + top // 251]
        seen = np.clip(np.array(box), 0, [1920, 1080, 1920, 1080])  # of the face, in the picture
        x1, y1, x2, y2 = placed.boxes(seen[None])[0]
        assert min(x1, y1) >= -1.51
        assert max(x2, y2) <= 251.51


def test_a_window_goes_calmly_with_a_face_that_trembles() -> None:
    rng = np.random.default_rng(0)
    x = 500 + 2 * np.arange(100) + rng.normal(0, 4, 100)
    job = with_boxes(job_of((0, 99), frames=100, size=HD), [(v, 300, v + 80, 400) for v in x])
    way = view_of(job).centres[:, 0]
    assert np.abs(way - (x + 40))[10:-10].max() < 16
    assert np.abs(np.diff(way, 2)).max() < np.abs(np.diff(x, 2)).max() / 10


def test_a_window_goes_straight_on_while_nothing_is_seen() -> None:
    job = job_of((0, 1), frames=101, size=HD)
    job = with_boxes(job, [(500, 300, 600, 400), (900, 300, 1000, 400)])
    job.tracks.frame[1] = 100
    way = view_of(job).centres
    assert len(way) == 101
    assert np.abs(way[30:71, 0] - (550 + 4 * np.arange(30, 71))).max() < 1


def test_a_smaller_window_is_enlarged_by_nothing_and_a_larger_one_is_scaled() -> None:
    settings = {"clip_size": 125}
    job = with_boxes(job_of((0, 0), frames=1, size=HD, settings=settings), [(500, 300, 600, 400)])
    placed = view_of(job).place(frame_of(0, Places(HD)))
    assert placed.sheet.size == (124, 124)
    box = placed.boxes(np.array([[500, 300, 600, 400]], np.float32))[0]
    np.testing.assert_allclose(box, np.array([76, 76, 176, 176]) * 124 / 250, atol=1e-3)


def test_a_frame_may_shrink_to_a_pixel() -> None:
    job = job_of((0, 0), frames=1, size=HD, settings={"clip_size": 60})
    view = view_of(with_boxes(job, [(500, 300, 600, 400)]))
    pixel = ArrayPicture(np.full((1, 1, 3), 255, np.uint8))
    assert view.place(frame_of(0, pixel)).sheet.size == (60, 60)


def test_a_frame_that_is_smaller_than_the_window_lies_on_black() -> None:
    job = with_boxes(job_of((0, 0), frames=1, size=HD), [(500, 300, 600, 400)])
    white = ArrayPicture(np.full((100, 300, 3), 255, np.uint8))
    shown = to_bgr(view_of(job).place(frame_of(0, white)).sheet)
    assert shown.shape == (250, 250, 3)
    assert shown[:100].min() >= 250
    assert shown[100:].max() == 0
