"""Times: kept where they advance, made from the rate where they do not."""

from fractions import Fraction

import pytest

from pipeline.decode.clock import Clock

STEP = Fraction(1001, 30)  # 29.97 frames a second in milliseconds


def ticks(times: list[int | None], step: Fraction = STEP) -> tuple[list[int], int]:
    clock = Clock(step)
    return [clock.tick(time) for time in times], clock.mended


@pytest.mark.parametrize(
    ("times", "expected", "mended"),
    [
        ([0, 33, 67, 100], [0, 33, 67, 100], 0),
        ([-50, -20, 10], [-50, -20, 10], 0),
        ([100, 5000, 5001], [100, 5000, 5001], 0),
        ([None, None, None, None], [0, 33, 67, 100], 4),
        ([500, None, None, 600], [500, 533, 567, 600], 2),
        ([500, 500, 500, 500], [500, 533, 567, 600], 3),
        ([1000, 1033, 0, 33], [1000, 1033, 1066, 1100], 2),
        ([0, 1 << 62, 67], [0, 33, 67], 1),
        ([-(1 << 63), 40], [0, 40], 1),
    ],
)
def test_times_advance(times: list[int | None], expected: list[int], mended: int) -> None:
    assert ticks(times) == (expected, mended)


def test_rounding_does_not_add_up() -> None:
    times, _ = ticks([None] * 3000)
    assert times[-1] == round(2999 * STEP)


def test_times_advance_even_if_a_tick_is_longer_than_a_frame() -> None:
    times, _ = ticks([None] * 5, Fraction(1, 10))
    assert times == [0, 1, 2, 3, 4]
