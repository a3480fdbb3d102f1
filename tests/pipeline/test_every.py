"""How often the detector looks."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import SetUpError
from pipeline.every import parse_every


def looked(text: str, times: Sequence[float]) -> list[int]:
    looks_at = parse_every(text)
    return [index for index, time in enumerate(times) if looks_at(index, time)]


def test_every_nth_frame():
    times = [i / 25 for i in range(10)]
    assert looked("1", times) == list(range(10))
    assert looked("4", times) == [0, 4, 8]


def test_once_in_a_while():
    assert looked("0.2s", [i / 25 for i in range(21)]) == [0, 5, 10, 15, 20]
    assert looked("1s", [7 + i / 30 for i in range(61)]) == [0, 30, 60]
    assert looked(".1s", [i / 25 for i in range(8)]) == [0, 3, 5]


def test_a_gap_is_not_made_up_for():
    assert looked("1s", [0, 0.5, 5.2, 5.3, 5.9, 6.1]) == [0, 2, 5]


@given(
    steps=st.lists(st.integers(1, 3000), max_size=60),
    start=st.integers(0, 10**7),
    interval=st.sampled_from([40, 200, 2000]),
)
def test_each_interval_with_frames_is_looked_at_once_and_first(steps, start, interval):
    """Times are whole milliseconds here, so that the intervals can be counted exactly."""
    times = np.cumsum([0, *steps])
    expected = np.unique(times // interval, return_index=True)[1]
    assert looked(f"{interval / 1000:g}s", (start + times) / 1000) == expected.tolist()


@pytest.mark.parametrize(
    "text", ["", "0", "-1", "1.5", "0s", "0.0s", ".s", "s", "nans", "infs", "1e3s", "5 ", "٣", "2m"]
)
def test_nonsense_is_said_to_be(text):
    with pytest.raises(SetUpError, match="how often to look"):
        parse_every(text)
