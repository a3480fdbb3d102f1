"""Join pieces of tracks across gaps: who ends here is who begins there.

Each pair of a piece that ends and one that begins soon after gets a gain, in nats: how much more
likely it is that both are one person than that one left and another came. Motion counts from both
sides (where the first would be by now, and how fast; where the second came from), then size, what
the faces look like, and the length of the gap. The pairs with the highest sum are taken, each
piece having at most one successor: where two people cross, both questions are answered together.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Final

import numpy as np
import scipy  # loads its parts when they are first used, which takes half a second
from numpy.typing import NDArray

from trackers.kalman import Floats
from trackers.offline.faces import Faces, Ints
from trackers.offline.looks import unlikeness
from trackers.offline.motion import SPEED, Estimate, Series, describe, filtered, predict
from trackers.offline.pairs import batches, expand

_SIGHTINGS: Final = 12
"""How many of a piece's sightings next to the gap tell its motion and its looks."""
_PRIOR: Final = 4.0
"""Gain of a pair about which nothing else is known, where place and speed are known to a size."""
_ABSENCE: Final = 1.0
"""Seconds of absence that cost one nat."""
_REACH: Final = (1.5, 4.0)
"""Face sizes, and face sizes a second, beyond which nobody gets."""
_RESIZE: Final = 0.7
"""Logarithm of the size beyond which it is another face."""
_LOOKS: Final = 6.0
"""Nats for each unit of likeness."""
_USUAL: Final = 0.75
"""Unlikeness that says nothing: the best pair of looks of one person is seldom less alike, that of
two seldom more."""
_LOOKS_LIMIT: Final = 4.0
"""Nats that looks decide at most: a person may have turned."""
_AXES: Final = 3
"""Centre and size; the aspect tells nobody apart."""


@dataclass(frozen=True, slots=True, eq=False)
class _Ends:
    """One end of each piece."""

    rows: Ints
    """(T, S) sightings, the outermost last; the first of them repeated where there are fewer."""
    present: NDArray[np.bool_]
    """(T, S) whether it is one, and not a repetition."""
    look: Ints
    """(T,) of the outermost."""
    time: Floats
    """(T,)"""
    size: Floats
    """(T,) pixels."""
    state: Estimate
    """Velocities are forward in time at both ends."""


def join(faces: Faces, pieces: Ints, max_gap: float) -> Ints:
    """Return the pieces (N,) after joining, from 0; ``max_gap`` in seconds.

    A piece may go on in the very next look however far away in time that is.
    """
    if not len(pieces):
        return pieces
    before, after = _ends(faces, pieces)
    first, second, gain = _candidates(faces, before, after, max_gap)
    return _merge(pieces, after.look, *_best(first, second, gain, len(after.look)))


def _ends(faces: Faces, pieces: Ints) -> tuple[_Ends, _Ends]:
    """Return where the pieces end, and where they begin."""
    order = np.lexsort((faces.look, pieces))
    count = np.bincount(pieces)
    end = np.cumsum(count)
    begin = end - count
    step = np.arange(_SIGHTINGS)
    last, first = end[:, None] - _SIGHTINGS + step, begin[:, None] + _SIGHTINGS - 1 - step
    late = order[np.maximum(last, begin[:, None])]
    early = order[np.minimum(first, end[:, None] - 1)]
    return (
        _end(faces, late, last >= begin[:, None], 1),
        _end(faces, early, first < end[:, None], -1),
    )


def _end(faces: Faces, rows: Ints, present: NDArray[np.bool_], direction: int) -> _Ends:
    some = batches(np.full(len(rows), _SIGHTINGS))
    states = [_state(faces, rows[part], present[part], direction) for part in some]
    outer = rows[:, -1]
    return _Ends(
        rows=rows,
        present=present,
        look=faces.look[outer],
        time=faces.time[outer],
        size=np.exp(describe(faces.boxes[outer])[:, 2]),
        state=Estimate(*(np.concatenate(column) for column in zip(*states, strict=True))),
    )


def _state(faces: Faces, rows: Ints, present: NDArray[np.bool_], direction: int) -> Estimate:
    """Return what the sightings (B, S) tell of the outermost."""
    values = describe(faces.boxes[rows.ravel()]).reshape(*rows.shape, -1)
    series = Series(values, direction * faces.time[rows], np.exp(values[:, :, 2]), present)
    state = filtered(series)[-1]
    return state._replace(speed=direction * state.speed, covariance=direction * state.covariance)


def _candidates(
    faces: Faces, before: _Ends, after: _Ends, max_gap: float
) -> tuple[Ints, Ints, Floats]:
    """Return the pairs of pieces (P,), (P,) worth joining and their gains (P,)."""
    order = np.argsort(after.look, kind="stable")
    looks, times = after.look[order], after.time[order]
    begin = np.searchsorted(looks, before.look, "right")
    end = np.searchsorted(times, before.time + max_gap + 1e-6, "right")
    end = np.maximum(end, np.searchsorted(looks, before.look + 1, "right"))
    found: list[tuple[Ints, Ints, Floats]] = []
    for some in batches(np.maximum(end - begin, 0)):
        first, second = expand(begin[some], end[some])
        first, second = first + some.start, order[second]
        near = _reachable(before, after, first, second)
        first, second = first[near], second[near]
        gain = _gain(faces, before, after, first, second)
        found.append((first[gain > 0], second[gain > 0], gain[gain > 0]))
    if not found:
        return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
    firsts, seconds, gains = zip(*found, strict=True)
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(gains)


def _reachable(before: _Ends, after: _Ends, first: Ints, second: Ints) -> Ints:
    """Say which pairs are near enough in place and size to be looked at more closely."""
    off = before.state.place[first, :_AXES] - after.state.place[second, :_AXES]
    gap = after.time[second] - before.time[first]
    size = np.sqrt(before.size[first] * after.size[second])
    near = np.hypot(off[:, 0], off[:, 1]) < (_REACH[0] + _REACH[1] * gap) * size
    return np.flatnonzero(near & (np.abs(off[:, 2]) < _RESIZE))


def _gain(faces: Faces, before: _Ends, after: _Ends, first: Ints, second: Ints) -> Floats:
    """Return the gain (P,) of joining the pieces ``first`` with ``second``."""
    gap = after.time[second] - before.time[first]
    gain = _PRIOR - gap / _ABSENCE + _motion(before, after, first, second, gap)
    if faces.thumbnails.shape[1]:
        least = unlikeness(
            faces.thumbnails,
            (before.rows[first], before.present[first]),
            (after.rows[second], after.present[second]),
        )
        gain += np.clip(_LOOKS * (_USUAL - least), -_LOOKS_LIMIT, _LOOKS_LIMIT)
    return np.asarray(gain)


def _motion(before: _Ends, after: _Ends, first: Ints, second: Ints, gap: Floats) -> Floats:
    """Return the log likelihood (P,) of the second's place and speed, as the first foretells."""
    size = np.sqrt(before.size[first] * after.size[second])[:, None]
    unit = np.hstack([size, size, np.ones((len(size), 2))])  # (P, A)
    left = Estimate(*(part[first] for part in before.state))
    right = Estimate(*(part[second] for part in after.state))
    ahead = predict(left, gap[:, None], unit)
    off, off_speed = ahead.place - right.place, ahead.speed - right.speed
    a = ahead.place_variance + right.place_variance
    b = ahead.covariance + right.covariance
    c = ahead.speed_variance + right.speed_variance
    spread = a * c - b**2
    distance = (c * off**2 - 2 * b * off * off_speed + a * off_speed**2) / spread
    likelihood = -0.5 * (distance + np.log(spread / (SPEED * unit**2) ** 2))  # (P, A)
    return np.asarray(likelihood[:, :_AXES].sum(axis=1))


def _best(first: Ints, second: Ints, gain: Floats, count: int) -> tuple[Ints, Ints]:
    """Return the pairs whose gains have the highest sum, each piece at most once on each side.

    Pieces that are not connected by any pair do not matter to each other: the problem falls apart
    into small ones.
    """
    graph = scipy.sparse.coo_array((gain, (first, second + count)), shape=(2 * count, 2 * count))
    group = scipy.sparse.csgraph.connected_components(graph, directed=False)[1][first]
    order = np.argsort(group, kind="stable")
    edges = np.flatnonzero(np.diff(group[order], prepend=-1, append=-1))
    taken = [
        part if len(part) == 1 else part[_solve(first[part], second[part], gain[part])]
        for part in (order[begin:end] for begin, end in itertools.pairwise(edges))
    ]
    rows = np.concatenate(taken) if taken else order
    return first[rows], second[rows]


def _solve(first: Ints, second: Ints, gain: Floats) -> Ints:
    """Return which of a few pairs (P,) to take."""
    _, row = np.unique(first, return_inverse=True)
    _, column = np.unique(second, return_inverse=True)
    rows, columns = row.max() + 1, column.max() + 1
    none = np.arange(rows)  # every piece may also go on as nobody, at no gain
    cost = gain.max() + 1 - np.concatenate([gain, np.zeros(rows)])
    place = np.concatenate([row, none]), np.concatenate([column, none + columns])
    graph = scipy.sparse.csr_array((cost, place), shape=(rows, columns + rows))
    found, at = scipy.sparse.csgraph.min_weight_full_bipartite_matching(graph)
    taken = np.full(rows, -1)
    taken[found] = at
    return np.flatnonzero(taken[row] == column)


def _merge(pieces: Ints, begins: Ints, first: Ints, second: Ints) -> Ints:
    """Give joined pieces one number; ``begins`` (T,) is the first look of each."""
    root = np.arange(len(begins))
    root[second] = first
    while (root[root] != root).any():
        root = root[root]
    return np.unique(root[pieces], return_inverse=True)[1].astype(np.int64)
