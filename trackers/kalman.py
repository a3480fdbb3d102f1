"""A Kalman filter for boxes, over all tracks at once.

SORT's model: a face is its centre (u, v), its area s and its aspect r = width / height; centre and
area move at constant velocity, the aspect does not move. States are ``(T, 7)`` rows
``[u, v, s, r, u', v', s']`` in pixels and seconds, covariances ``(T, 7, 7)``.

Every noise is relative to the size of the face and runs per second (a velocity that is pushed about
by white noise), so that a filter behaves alike for small and large faces, and two steps of half a
second come to the same as one of a second: frames may be skipped and frame rates may vary.

Reference: Bewley et al., Simple Online and Realtime Tracking, 2016, arXiv:1602.00763.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Standard deviations. Lengths are in face sizes (the square root of the area), areas in areas.
CENTRE = 0.05  # how far a detection's centre lies beside the truth
AREA = 0.15
ASPECT = 0.1
SPEED = 4.0  # of a face seen for the first time, sizes a second
GROWTH = 1.0  # of a face seen for the first time, areas a second
SPEED_DRIFT = 5.0  # change of speed within a second
GROWTH_DRIFT = 1.5
ASPECT_DRIFT = 0.1

_SMALLEST_SIDE = 1e-3  # keeps aspect and area of an empty box finite


def measure(boxes: NDArray[np.floating]) -> Floats:
    """Turn boxes (N, 4) xyxy into measurements (N, 4) ``[u, v, s, r]``."""
    corners = np.asarray(boxes, np.float64)
    sides = np.maximum(corners[:, 2:] - corners[:, :2], _SMALLEST_SIDE)  # (N, 2)
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    area, aspect = sides[:, 0] * sides[:, 1], sides[:, 0] / sides[:, 1]
    return np.column_stack([centres, area, aspect])  # (N, 4)


def boxes_of(states: Floats) -> Floats:
    """Turn states or measurements (N, 4 or more) into boxes (N, 4) xyxy."""
    area, aspect = states[:, 2], states[:, 3]
    half = np.sqrt(np.column_stack([area * aspect, area / aspect])) / 2  # (N, 2)
    return np.hstack([states[:, :2] - half, states[:, :2] + half])  # (N, 4)


def start(measurements: Floats) -> tuple[Floats, Floats]:
    """Return states (N, 7) and covariances (N, 7, 7) of faces that are seen for the first time."""
    states = np.hstack([measurements, np.zeros((len(measurements), 3))])  # (N, 7)
    area = measurements[:, 2]
    speed, growth = SPEED**2 * area, (GROWTH * area) ** 2
    measured = _measurement_variance(area)  # (N, 4)
    return states, _diagonal(np.column_stack([measured, speed, speed, growth]))


def transition(elapsed: Floats) -> Floats:
    """Return F (T, 7, 7): what ``elapsed`` (T,) seconds make of a state."""
    matrices = np.tile(np.eye(7), (len(elapsed), 1, 1))
    for place in range(3):
        matrices[:, place, place + 4] = elapsed
    return matrices


def process_noise(area: Floats, elapsed: Floats) -> Floats:
    """Return Q (T, 7, 7): what may have changed within ``elapsed`` (T,) seconds."""
    speed, growth = SPEED_DRIFT**2 * area, (GROWTH_DRIFT * area) ** 2
    noise = np.zeros((len(area), 7, 7))
    for place, drift in enumerate((speed, speed, growth)):
        noise[:, place, place] = drift * elapsed**3 / 3
        noise[:, place, place + 4] = noise[:, place + 4, place] = drift * elapsed**2 / 2
        noise[:, place + 4, place + 4] = drift * elapsed
    noise[:, 3, 3] = ASPECT_DRIFT**2 * elapsed
    return noise


def measurement_noise(area: Floats) -> Floats:
    """Return R (T, 4, 4): how far detections of faces of that area lie beside the truth."""
    return _diagonal(_measurement_variance(area))


def predict(states: Floats, covariances: Floats, elapsed: Floats) -> tuple[Floats, Floats]:
    """Return states and covariances ``elapsed`` (T,) seconds later."""
    f = transition(elapsed)
    q = process_noise(states[:, 2], elapsed)
    later = (f @ states[:, :, None])[:, :, 0]  # x = F x
    # A face that shrinks does not vanish: constant velocity holds for a while only.
    later[:, 2] = np.clip(later[:, 2], states[:, 2] / 4, states[:, 2] * 4)
    return later, f @ covariances @ f.transpose(0, 2, 1) + q  # P = F P F' + Q


def correct(states: Floats, covariances: Floats, measurements: Floats) -> tuple[Floats, Floats]:
    """Return states and covariances after each was measured: (T, 7), (T, 7, 7), (T, 4)."""
    r = measurement_noise(states[:, 2])
    innovation = measurements - states[:, :4]  # y = z - H x
    spread = covariances[:, :4, :4] + r  # S = H P H' + R
    gain = np.linalg.solve(spread, covariances[:, :4, :]).transpose(0, 2, 1)  # K = P H' S^-1
    better = states + (gain @ innovation[:, :, None])[:, :, 0]  # x = x + K y
    keep = np.eye(7) - gain @ np.eye(4, 7)  # I - K H
    # Joseph's form stays symmetric and positive where P = (I - K H) P does not.
    joseph = keep @ covariances @ keep.transpose(0, 2, 1) + gain @ r @ gain.transpose(0, 2, 1)
    return better, joseph


def _measurement_variance(area: Floats) -> Floats:
    centre, aspect = CENTRE**2 * area, np.full_like(area, ASPECT**2)
    return np.column_stack([centre, centre, (AREA * area) ** 2, aspect])  # (N, 4)


def _diagonal(values: Floats) -> Floats:
    """Turn rows (N, K) into diagonal matrices (N, K, K)."""
    return values[:, :, None] * np.eye(values.shape[1])
