"""The filter and the smoother, against filterpy's and against the process itself."""

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trackers.offline.motion import (
    AXES,
    JITTER,
    MEMORY,
    SPEED,
    Estimate,
    Series,
    boxes_from,
    describe,
    filtered,
    predict,
    smoothed,
    start,
)

Floats = NDArray[np.float64]


def _series(seed: int, length: int = 30, batch: int = 3) -> Series:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.01, 0.3, (batch, length)), axis=1)
    sizes = rng.uniform(20, 60, (batch, length))
    values = rng.normal(0, 1, (batch, length, AXES)).cumsum(axis=1)
    return Series(values, times, sizes, np.ones((batch, length), np.bool_))


def _filterpy(series: Series, row: int, axis: int) -> tuple[Floats, Floats]:
    """Return the filtered and the smoothed places (L,) of one axis of one track."""
    units = [series.unit(step)[row, axis] for step in range(series.times.shape[1])]
    known = KalmanFilter(dim_x=2, dim_z=1)
    known.x = np.array([series.values[row, 0, axis], 0.0])
    known.P = np.diag([(JITTER[axis] * units[0]) ** 2, (SPEED[axis] * units[0]) ** 2])
    known.H = np.array([[1.0, 0.0]])
    means, spreads = [known.x], [known.P]
    steps, noises = [np.eye(2)], [np.zeros((2, 2))]
    for step in range(1, len(units)):
        elapsed = series.times[row, step] - series.times[row, step - 1]
        steps.append(_transition(elapsed))
        noises.append(_noise(elapsed, SPEED[axis] * units[step]))
        known.predict(F=steps[-1], Q=noises[-1])
        known.update(series.values[row, step, axis], R=(JITTER[axis] * units[step]) ** 2)
        means.append(known.x)
        spreads.append(known.P)
    back = known.rts_smoother(np.array(means), np.array(spreads), Fs=steps, Qs=noises)[0]
    return np.array(means)[:, 0], back[:, 0]


def _transition(elapsed: float) -> Floats:
    kept = np.exp(-elapsed / MEMORY)
    return np.array([[1, MEMORY * (1 - kept)], [0, kept]])


def _noise(elapsed: float, speed: float) -> Floats:
    """Return the noise of a step by adding up many small pushes."""
    small = elapsed / 2000
    push = 2 * speed**2 / MEMORY * small  # variance that a small push adds to the speed
    noise = np.zeros((2, 2))
    for at in (np.arange(2000) + 0.5) * small:
        column = _transition(elapsed - at)[:, 1]
        noise += push * np.outer(column, column)
    return noise


def test_filter_and_smoother_agree_with_filterpy() -> None:
    series = _series(0, length=12)
    ours, back = filtered(series), smoothed(series)
    for row in range(len(series.times)):
        for axis in range(AXES):
            forward, backward = _filterpy(series, row, axis)
            mine = [one.place[row, axis] for one in ours]
            np.testing.assert_allclose(mine, forward, atol=2e-3)
            np.testing.assert_allclose(back[row, :, axis], backward, atol=2e-3)


@given(st.floats(0.001, 3), st.floats(0.001, 3))
def test_two_steps_are_as_good_as_one(first: float, second: float) -> None:
    unit = np.ones((1, AXES))
    begin = start(np.zeros((1, AXES)), unit)._replace(speed=np.full((1, AXES), 2.0))
    once = predict(begin, np.array([[first + second]]), unit)
    twice = predict(predict(begin, np.array([[first]]), unit), np.array([[second]]), unit)
    for one, other in zip(once, twice, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-9)


def test_a_velocity_is_forgotten() -> None:
    unit = np.ones((1, AXES))
    now: Estimate = start(np.zeros((1, AXES)), unit)._replace(speed=np.ones((1, AXES)))
    late = predict(now, np.array([[100.0]]), unit)
    np.testing.assert_allclose(late.place, MEMORY, rtol=1e-6)
    np.testing.assert_allclose(late.speed, 0, atol=1e-6)
    np.testing.assert_allclose(late.speed_variance, SPEED[None] ** 2, rtol=1e-6)


@pytest.mark.parametrize("pad", [(3, 0), (0, 4), (2, 5)])
def test_repeated_ends_change_nothing(pad: tuple[int, int]) -> None:
    series = _series(1)
    plain = smoothed(series)
    width = ((0, 0), pad)
    padded = Series(
        np.pad(series.values, (*width, (0, 0)), mode="edge"),
        np.pad(series.times, width, mode="edge"),
        np.pad(series.sizes, width, mode="edge"),
        np.pad(series.present, width),
    )
    inner = smoothed(padded)[:, pad[0] : pad[0] + plain.shape[1]]
    np.testing.assert_allclose(inner, plain, atol=1e-9)


def test_boxes_survive_being_described() -> None:
    boxes = np.array([[10.0, 20, 40, 80], [0, 0, 1, 1]])
    np.testing.assert_allclose(boxes_from(describe(boxes)), boxes)
