"""How faces move: a velocity that is forgotten after a while, filtered and smoothed in batches.

A face's position drifts with a velocity that is pushed about and pulled back towards rest (an
Ornstein-Uhlenbeck process): over a few frames it goes straight on, after a second nobody knows. Of
the kinds of models this is the simplest whose uncertainty stays right from 10 ms to seconds.

Four numbers are followed, independent of each other: the centre (u, v) in pixels, the logarithm of
the size, and that of the aspect. Arrays are (B, A): a batch of tracks and an axis each; all tracks
go through the filter in step.

Reference: Uhlenbeck, Ornstein: On the Theory of the Brownian Motion, 1930. Rauch, Tung, Striebel:
Maximum likelihood estimates of linear dynamic systems, 1965.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from trackers.kalman import Floats, measure

MEMORY: Final = 0.4
"""Seconds after which a face moves independently of how it moved before."""
SPEED: Final = np.array([3.0, 3.0, 0.6, 0.6])
"""Typical speed: face sizes a second, and natural logarithms a second."""
JITTER: Final = np.array([0.1, 0.1, 0.15, 0.15])
"""How far a detection lies beside the truth: face sizes, and logarithms."""
AXES: Final = len(SPEED)


class Estimate(NamedTuple):
    """Where something is and how fast it moves, and how sure that is; each (B, A)."""

    place: Floats
    speed: Floats
    place_variance: Floats
    covariance: Floats
    speed_variance: Floats

    def where(self, condition: NDArray[np.bool_], other: Estimate) -> Estimate:
        """Return this where ``condition`` (B, 1) holds and the other elsewhere."""
        pairs = zip(self, other, strict=True)
        return Estimate(*(np.where(condition, mine, its) for mine, its in pairs))


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """What was measured of a batch of tracks: rows of equal length, gaps in time allowed."""

    values: Floats
    """(B, L, A)"""
    times: Floats
    """(B, L) seconds, never descending."""
    sizes: Floats
    """(B, L) face sizes, in pixels."""
    present: NDArray[np.bool_]
    """(B, L) False where a row is shorter and only repeats its first or last measurement."""

    def unit(self, step: int) -> Floats:
        """Return what the axes are measured in, (B, A)."""
        size = self.sizes[:, step, None]
        return np.concatenate([size, size, np.ones_like(size), np.ones_like(size)], axis=1)


def describe(boxes: NDArray[np.floating]) -> Floats:
    """Turn boxes (N, 4) into what is followed, (N, A)."""
    measured = measure(boxes)
    return np.column_stack([measured[:, :2], np.log(measured[:, 2]) / 2, np.log(measured[:, 3])])


def boxes_from(values: Floats) -> Floats:
    """Turn what is followed (N, A) back into boxes (N, 4)."""
    half = np.exp(values[:, 2:3] + values[:, 3:4] * [0.5, -0.5]) / 2  # (N, 2) width and height
    return np.hstack([values[:, :2] - half, values[:, :2] + half])


def start(values: Floats, unit: Floats) -> Estimate:
    """Return what is known of faces that are seen for the first time."""
    zero = np.zeros_like(values)
    return Estimate(values, zero, (JITTER * unit) ** 2, zero, (SPEED * unit) ** 2)


def predict(now: Estimate, elapsed: Floats, unit: Floats) -> Estimate:
    """Return what is known ``elapsed`` seconds (B, 1) later."""
    kept = np.exp(-elapsed / MEMORY)
    way = MEMORY * (1 - kept)  # how far a speed of 1 carries
    power = (SPEED * unit) ** 2
    noise = power * MEMORY**2 * (2 * elapsed / MEMORY - 3 + 4 * kept - kept**2)
    place = now.place_variance + 2 * way * now.covariance + way**2 * now.speed_variance
    return Estimate(
        now.place + way * now.speed,
        kept * now.speed,
        place + np.maximum(noise, 0),
        kept * (now.covariance + way * now.speed_variance) + power * way * (1 - kept),
        kept**2 * now.speed_variance + power * (1 - kept**2),
    )


def correct(now: Estimate, values: Floats, variance: Floats) -> Estimate:
    """Return what is known after each axis was measured."""
    gain = now.place_variance / (now.place_variance + variance)
    speed_gain = now.covariance / (now.place_variance + variance)
    off = values - now.place
    return Estimate(
        now.place + gain * off,
        now.speed + speed_gain * off,
        now.place_variance * (1 - gain),
        now.covariance * (1 - gain),
        now.speed_variance - speed_gain * now.covariance,
    )


def filtered(series: Series) -> list[Estimate]:
    """Return what is known at each step from the measurements up to it."""
    begun = np.logical_or.accumulate(series.present, axis=1)
    known: list[Estimate] = []
    for step in range(series.times.shape[1]):
        unit, values = series.unit(step), series.values[:, step]
        now = start(values, unit)
        if known:
            elapsed = series.times[:, step : step + 1] - series.times[:, step - 1 : step]
            ahead = predict(known[-1], elapsed, unit)
            better = correct(ahead, values, (JITTER * unit) ** 2)
            better = better.where(series.present[:, step : step + 1], ahead)
            now = better.where(begun[:, step - 1 : step], now)
        known.append(now)
    return known


def smoothed(series: Series) -> Floats:
    """Return the most likely values (B, L, A) given all measurements (Rauch-Tung-Striebel)."""
    known = filtered(series)
    place, speed = known[-1].place, known[-1].speed
    places = [place]
    for step in range(len(known) - 2, -1, -1):
        elapsed = series.times[:, step + 1 : step + 2] - series.times[:, step : step + 1]
        now, ahead = known[step], predict(known[step], elapsed, series.unit(step + 1))
        place, speed = _look_back(now, ahead, elapsed, place, speed)
        places.append(place)
    return np.stack(places[::-1], axis=1)


def _look_back(
    now: Estimate, ahead: Estimate, elapsed: Floats, place: Floats, speed: Floats
) -> tuple[Floats, Floats]:
    """Correct what was known by what became of it: x + P F' P_ahead^-1 (x_later - x_ahead)."""
    kept = np.exp(-elapsed / MEMORY)
    way = MEMORY * (1 - kept)
    off, off_speed = place - ahead.place, speed - ahead.speed
    scale = ahead.place_variance * ahead.speed_variance - ahead.covariance**2
    pull = (ahead.speed_variance * off - ahead.covariance * off_speed) / scale
    pull_speed = (ahead.place_variance * off_speed - ahead.covariance * off) / scale
    across = now.place_variance + way * now.covariance  # P F', row by row
    across_speed = now.covariance + way * now.speed_variance
    return (
        now.place + across * pull + kept * now.covariance * pull_speed,
        now.speed + across_speed * pull + kept * now.speed_variance * pull_speed,
    )
