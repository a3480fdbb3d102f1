"""The filter over all tracks at once against filterpy's, one track at a time."""

import numpy as np
import pytest
from filterpy.kalman import KalmanFilter
from numpy.typing import NDArray

from trackers import kalman

Floats = NDArray[np.float64]


def _random_boxes(rng: np.random.Generator, count: int) -> Floats:
    corner = rng.uniform(-50, 1900, (count, 2))
    return np.hstack([corner, corner + rng.uniform(8, 400, (count, 2))])


def _oracle(state: Floats, covariance: Floats) -> KalmanFilter:
    single = KalmanFilter(dim_x=7, dim_z=4)
    single.x, single.P, single.H = state[:, None].copy(), covariance.copy(), np.eye(4, 7)
    return single


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_filterpy_over_random_sequences(seed: int) -> None:
    rng = np.random.default_rng(seed)
    measured = kalman.measure(_random_boxes(rng, 6))
    states, covariances = kalman.start(measured)
    singles = [_oracle(x, p) for x, p in zip(states, covariances, strict=True)]
    for _ in range(40):
        elapsed = rng.choice([0.01, 0.04, 0.3], 6)
        area, f = states[:, 2], kalman.transition(elapsed)
        q = kalman.process_noise(area, elapsed)
        states, covariances = kalman.predict(states, covariances, elapsed)
        for k, single in enumerate(singles):
            single.predict(F=f[k], Q=q[k])
            assert states[k] == pytest.approx(single.x[:, 0], rel=1e-6)
        if rng.random() < 0.3:
            continue  # missed
        measured = measured * rng.normal(1, 0.01, (6, 4))
        r = kalman.measurement_noise(states[:, 2])
        states, covariances = kalman.correct(states, covariances, measured)
        for k, single in enumerate(singles):
            single.update(measured[k][:, None], R=r[k])
            assert states[k] == pytest.approx(single.x[:, 0], rel=1e-6)
            assert covariances[k] == pytest.approx(single.P, rel=1e-6, abs=1e-6)


def test_two_short_steps_are_one_long_step() -> None:
    rng = np.random.default_rng(1)
    states, covariances = kalman.start(kalman.measure(_random_boxes(rng, 4)))
    states[:, 4:6] = rng.normal(0, 100, (4, 2))
    short, long = np.full(4, 0.1), np.full(4, 0.3)
    twice = kalman.predict(*kalman.predict(states, covariances, short), long)
    once = kalman.predict(states, covariances, short + long)
    np.testing.assert_allclose(twice[0], once[0], rtol=1e-9)
    np.testing.assert_allclose(twice[1], once[1], rtol=1e-9, atol=1e-9)


def test_finds_the_speed_of_a_face_whatever_the_frame_rate() -> None:
    speed = np.array([100.0, -30, 100, -30])  # px/s
    box = np.array([[200.0, 200, 240, 240]])
    states, covariances = kalman.start(kalman.measure(box))
    for elapsed in np.random.default_rng(2).uniform(0.01, 0.2, 60):
        box = box + speed * elapsed
        states, covariances = kalman.predict(states, covariances, np.array([elapsed]))
        states, covariances = kalman.correct(states, covariances, kalman.measure(box))
    assert states[0, 4:6] == pytest.approx([100, -30], rel=1e-3)


def test_measuring_and_boxing_undo_each_other() -> None:
    boxes = _random_boxes(np.random.default_rng(3), 50)
    np.testing.assert_allclose(kalman.boxes_of(kalman.measure(boxes)), boxes, atol=1e-9)


def test_an_empty_box_stays_finite() -> None:
    states, covariances = kalman.start(kalman.measure(np.array([[5.0, 5, 5, 5], [9, 9, 3, 3]])))
    later = kalman.predict(states, covariances, np.array([0.04, 0.04]))
    assert np.isfinite(kalman.boxes_of(later[0])).all()


def test_a_shrinking_face_does_not_vanish() -> None:
    states, covariances = kalman.start(kalman.measure(np.array([[0.0, 0, 40, 40]])))
    states[:, 6] = -1e6
    later, _ = kalman.predict(states, covariances, np.array([1.0]))
    assert later[0, 2] == pytest.approx(400)


def test_covariances_stay_symmetric_and_positive() -> None:
    boxes = np.array([[0.0, 0, 40, 60], [500, 500, 900, 900]])
    states, covariances = kalman.start(kalman.measure(boxes))
    for _ in range(2000):
        states, covariances = kalman.predict(states, covariances, np.full(2, 0.04))
        states, covariances = kalman.correct(states, covariances, kalman.measure(boxes))
    np.testing.assert_allclose(covariances, covariances.transpose(0, 2, 1), rtol=1e-6, atol=1e-6)
    assert (np.linalg.eigvalsh(covariances) > 0).all()
