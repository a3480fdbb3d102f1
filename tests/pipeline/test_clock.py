"""Times: kept where they advance, made from the rate where they do not."""

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.decode.clock import AHEAD, Clock, with_following

STEP = Fraction(1001, 30)  # 29.97 frames a second in milliseconds


def ticks(times: list[int | None], step: Fraction = STEP) -> tuple[list[int], int]:
    clock = Clock(step)
    return [clock.tick(time, following) for time, following in with_following(times)], clock.mended


@pytest.mark.parametrize(
    ("times", "expected", "mended"),
    [
        ([0, 33, 67, 100], [0, 33, 67, 100], 0),
        ([-50, -20, 10], [-50, -20, 10], 0),
        ([100, 5000, 5001], [100, 5000, 5001], 0),
        ([None, None, None, None], [0, 33, 67, 100], 4),
        ([500, None, None, 600], [500, 533, 567, 600], 2),
        ([500, 500, 500, 500], [500, 533, 567, 600], 3),
        ([1000, 1033, 1067, 0, 33], [1000, 1033, 1067, 1100, 1134], 2),
        ([0, 1 << 62, 67], [0, 33, 67], 1),
        ([-(1 << 63), 40], [7, 40], 1),
        ([None, 540, 570], [507, 540, 570], 1),
    ],
)
def test_times_advance(times: list[int | None], expected: list[int], mended: int) -> None:
    assert ticks(times) == (expected, mended)


@pytest.mark.parametrize(
    ("times", "expected", "mended"),
    [
        ([0, 33, 30_000, 100, 133], [0, 33, 66, 100, 133], 1),
        ([0, 33, 9000, 9033, 133, 167, 200], [0, 33, 66, 100, 133, 167, 200], 2),
        ([0, 33, 8000, 9000, 7000, 167, 200, 233], [0, 33, 66, 100, 133, 167, 200, 233], 3),
        ([9000, 33, 67, 100], [0, 33, 67, 100], 1),
        ([0, 33, 9000, 100], [0, 33, 66, 100], 1),
        # the rate that the file claims may be far too low: no good time is lost all the same
        ([0, 10, 9000, 30, 40], [0, 10, 20, 30, 40], 1),
        ([0, 10, 10, 20, 30], [0, 10, 15, 20, 30], 1),
        ([0, 1, 1, 2, 4, 5, 6], [0, 1, 2, 3, 4, 5, 6], 2),
    ],
)
def test_a_wrong_time_spoils_no_other(
    times: list[int | None], expected: list[int], mended: int
) -> None:
    assert ticks(times) == (expected, mended)


@pytest.mark.parametrize(
    "times",
    [
        [0, 33, 950_400_000, 950_400_033, 950_400_067],
        [0, 33, 950_400_000],
        [0, 33, 67, 9000, 9033],
        [-50, 36_000_000, 36_000_033, 36_000_067],
    ],
)
def test_a_true_leap_stays(times: list[int | None]) -> None:
    assert ticks(times) == (times, 0)


@given(st.sets(st.integers(-(10**9), 10**9), min_size=1), st.integers(1, 10**6))
def test_times_that_advance_are_kept(times: set[int], step: int) -> None:
    ordered: list[int | None] = sorted(times)
    assert ticks(ordered, Fraction(step)) == (ordered, 0)


@given(st.lists(st.none() | st.integers(-300, 300)), st.fractions(Fraction(1, 50), 200))
def test_whatever_a_file_says_times_advance(times: list[int | None], step: Fraction) -> None:
    made, _ = ticks(times, step)
    assert all(earlier < later for earlier, later in pairwise(made))


@given(
    st.lists(st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(1 << 60, (1 << 60) + 300)),
    st.sampled_from([Fraction(1, 50), Fraction(40), Fraction(10**9, 25)]),
    st.sampled_from([Fraction(1, 90000), Fraction(1, 1000), Fraction(1, 10**9)]),
)
def test_seconds_advance_too_however_large(
    times: list[int | None], step: Fraction, time_base: Fraction
) -> None:
    made, _ = ticks(times, step)
    assert all(float(a * time_base) < float(b * time_base) for a, b in pairwise(made))


def test_the_nanoseconds_of_a_real_clock_are_kept() -> None:
    begin = 1_790_000_000 * 10**9
    times: list[int | None] = [begin + index * 10**9 // 25 for index in range(9)]
    assert ticks(times, Fraction(10**9, 25)) == (times, 0)


@given(st.integers(1, 40), st.integers(1, 3), st.integers(2000, 10**9))
def test_after_a_few_wrong_times_all_are_as_before(first: int, wrong: int, leap: int) -> None:
    times: list[int | None] = [40 * index for index in range(first + wrong + AHEAD)]
    said = [time + leap if first <= i < first + wrong else time for i, time in enumerate(times)]
    made, mended = ticks(said, Fraction(40))
    assert mended == wrong
    assert made == times


def test_rounding_does_not_add_up() -> None:
    times, _ = ticks([None] * 3000)
    assert times[-1] == round(2999 * STEP)


def test_times_advance_even_if_a_tick_is_longer_than_a_frame() -> None:
    times, _ = ticks([None] * 5, Fraction(1, 10))
    assert times == [0, 1, 2, 3, 4]
