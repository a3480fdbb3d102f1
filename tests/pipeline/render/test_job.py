"""What a job says of times."""

import numpy as np
import pytest

from tests.pipeline.render.scenes import job_of

TIMES = np.array([0, 0.04, 0.08, 93_601, 93_601.02, 93_601.06])


@pytest.mark.parametrize(
    ("last", "end"),
    [(1, 0.08), (2, 0.12), (3, 93_601.02), (5, 93_601.1)],
    ids=["even", "before a pause of the recorder", "before a quick frame", "at the end"],
)
def test_a_last_frame_is_shown_until_the_next_but_no_longer_than_usual(
    last: int, end: float
) -> None:
    job = job_of((0, 5), time=TIMES)
    assert job.end_of(last) == pytest.approx(end)
    assert job.times_of(0, last) == pytest.approx([*TIMES[: last + 1], end])
