"""How large clips are, and how many are open at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.render.canvas import Canvas
from pipeline.render.clip_plan import MAX_OPEN, MAX_PIXELS, plan_clips, wanted_frames
from tests.pipeline.render.scenes import job_of

HD = (1920, 1080)


@pytest.mark.parametrize(
    ("source", "height", "size"),
    [
        (HD, 720, (1280, 720)),
        ((640, 360), 720, (640, 360)),
        ((641, 361), 720, (642, 362)),
        ((1080, 1920), 720, (404, 720)),
        (HD, 721, (1280, 720)),
        (HD, 719, (1278, 718)),
        ((10, 4000), 100, (2, 100)),
    ],
)
def test_clips_are_at_most_so_high_and_never_enlarged(
    source: tuple[int, int], height: int, size: tuple[int, int]
) -> None:
    assert Canvas.of(source, height).size == size


def heights(*spans: tuple[int, int], size: tuple[int, int] = HD) -> list[int]:
    plans, _ = plan_clips(job_of(*spans, frames=100, size=size))
    return [plan.canvas.size[1] for plan in sorted(plans, key=lambda plan: plan.track_id)]


def test_clips_get_smaller_only_while_many_are_seen() -> None:
    crowd = [(50, 60)] * 5
    assert heights(*[(0, 49)] * 4, *crowd) == [720] * 4 + [604] * 5
    assert heights((0, 99), *crowd) == [508] * 6
    assert heights(*[(0, 9)] * 100, size=(64, 48)) == [48] * 100


@given(
    st.lists(st.tuples(st.integers(0, 99), st.integers(0, 99)), max_size=160),
    st.sampled_from([HD, (64, 48), (3840, 2160), (500, 4000)]),
)
def test_all_open_clips_together_are_bounded(
    spans: list[tuple[int, int]], size: tuple[int, int]
) -> None:
    job = job_of(*sorted((min(s), max(s)) for s in spans), frames=100, size=size)
    plans, omitted = plan_clips(job)
    assert len(plans) + omitted == len(spans)
    number, pixels = np.zeros(100), np.zeros(100)
    for plan in plans:
        number[plan.first : plan.last + 1] += 1
        pixels[plan.first : plan.last + 1] += plan.canvas.size[0] * plan.canvas.size[1]
    assert number.max() <= MAX_OPEN
    assert pixels.max() <= MAX_PIXELS
    assert np.array_equal(wanted_frames(plans, 100), number > 0)


def test_who_comes_first_has_a_clip_and_the_others_are_counted() -> None:
    job = job_of(*[(0, 5)] * MAX_OPEN, (3, 9), (6, 9), frames=10)
    plans, omitted = plan_clips(job)
    assert omitted == 1
    assert {plan.track_id for plan in plans} == {*range(1, MAX_OPEN + 1), MAX_OPEN + 2}
