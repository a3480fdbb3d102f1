"""How large clips are, and how many are open at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.render.clip_plan import MAX_OPEN, MAX_PIXELS, plan_clips, wanted_frames
from tests.pipeline.render.scenes import job_of, with_boxes

HD = (1920, 1080)
Size = tuple[int, int]


@pytest.mark.parametrize(
    ("picture", "face", "settings", "window", "size"),
    [
        (HD, 100, {}, (250, 250), (250, 250)),
        (HD, 101, {}, (252, 252), (252, 252)),
        (HD, 100, {"clip_margin": 0.5}, (200, 200), (200, 200)),
        (HD, 20, {}, (160, 160), (160, 160)),
        (HD, 600, {}, (1500, 1080), (1000, 720)),
        (HD, 100, {"clip_margin": 100}, HD, (1280, 720)),
        (HD, 100, {"clip_size": 100}, (250, 250), (100, 100)),
        ((641, 361), 100, {"clip_margin": 100}, (640, 360), (640, 360)),
        ((64, 48), 20, {}, (64, 48), (64, 48)),
        ((1, 1), 1, {}, (2, 2), (2, 2)),
    ],
)
def test_a_window_has_room_around_the_largest_face_within_the_picture(
    picture: Size, face: int, settings: dict[str, float], window: Size, size: Size
) -> None:
    job = job_of((0, 3), size=picture, settings=settings)
    job = with_boxes(job, [(0, 0, face / 2, face / 3), (5, 5, 5 + face * 0.9, 5 + face)] * 2)
    (plan,), _ = plan_clips(job)
    assert (plan.window, plan.size) == (window, size)


def test_clips_get_smaller_only_while_many_are_seen() -> None:
    everything = {"clip_margin": 100}
    spans = [*[(0, 49)] * 4, *[(50, 60)] * 5]
    plans, _ = plan_clips(job_of(*spans, frames=100, size=HD, settings=everything))
    assert [plan.size for plan in plans] == [(1280, 720)] * 4 + [(1144, 642)] * 5


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=160),
    st.sampled_from([HD, (64, 48), (3840, 2160), (500, 4000)]),
    st.sampled_from([0.0, 0.75, 100.0]),
)
def test_all_open_clips_together_are_bounded(
    spans: list[tuple[int, int]], size: Size, margin: float
) -> None:
    ordered = sorted((min(s), max(s)) for s in spans)
    job = job_of(*ordered, frames=100, size=size, settings={"clip_margin": margin})
    plans, omitted = plan_clips(job)
    assert len(plans) + omitted == len(spans)
    number, pixels = np.zeros(100), np.zeros(100)
    for plan in plans:
        number[plan.first : plan.last + 1] += 1
        pixels[plan.first : plan.last + 1] += plan.size[0] * plan.size[1]
    assert number.max() <= MAX_OPEN
    assert pixels.max() <= MAX_PIXELS
    assert np.array_equal(wanted_frames(plans, 100), number > 0)


def test_who_comes_first_has_a_clip_and_the_others_are_counted() -> None:
    job = job_of(*[(0, 5)] * MAX_OPEN, (3, 9), (6, 9), frames=10)
    plans, omitted = plan_clips(job)
    assert omitted == 1
    assert {plan.track_id for plan in plans} == {*range(1, MAX_OPEN + 1), MAX_OPEN + 2}
