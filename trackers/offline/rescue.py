"""Weak detections count where a track expects its face.

Between two sightings the face is expected on the straight line, and at a track's ends where it was
last seen, one look at a time. The longer ago a sure sighting, the better a weak detection must fit;
and what another track's face covers is more likely a part of that one.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from trackers.kalman import Floats
from trackers.offline.faces import Faces, Ints
from trackers.offline.pairs import expand, highest, pair_cover, pair_iou

_OVERLAP: Final = 0.5
"""Overlap with the expected box that a detection right beside a sure one must have."""
_FADING: Final = 2.0
"""How much more of it is asked for each second to the nearest sure sighting."""


class _Expected(NamedTuple):
    """Boxes that tracks miss."""

    track: Ints
    look: Ints
    boxes: Floats
    away: Floats
    """Seconds to the nearest sure sighting."""


def rescue_weak(faces: Faces, ids: Ints) -> Ints:
    """Return ``ids`` (N,) with those of nobody's faces that fit a track; -1 is nobody."""
    ids, away = ids.copy(), np.zeros(len(ids))
    while True:
        expected = _expected(faces, ids, away)
        rows, found = _fitting(faces, ids, expected)
        if not len(rows):
            return ids
        ids[rows], away[rows] = expected.track[found], expected.away[found]


def _expected(faces: Faces, ids: Ints, away: Floats) -> _Expected:
    """Return what tracks miss: in their gaps, and in the look before and after each."""
    mine = np.flatnonzero(ids >= 0)
    mine = mine[np.lexsort((faces.look[mine], ids[mine]))]
    same = ids[mine[1:]] == ids[mine[:-1]]
    first = mine[np.append(True, ~same)[: len(mine)]]
    last = mine[np.append(~same, True)[: len(mine)]]
    gap = same & (faces.look[mine[1:]] - faces.look[mine[:-1]] > 1)
    parts = [_inside(faces, ids, away, mine[:-1][gap], mine[1:][gap])]
    times = np.full(faces.look.max(initial=0) + 2, np.nan)  # NaN: nothing was seen there
    times[faces.look] = faces.time
    for outer, step in ((last, 1), (first, -1)):
        look = faces.look[outer] + step
        seen = ~np.isnan(times[look])
        outer, look = outer[seen], look[seen]
        waited = away[outer] + np.abs(times[look] - faces.time[outer])
        parts.append(_Expected(ids[outer], look, faces.boxes[outer], waited))
    return _Expected(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _inside(faces: Faces, ids: Ints, away: Floats, before: Ints, after: Ints) -> _Expected:
    """Return what is missing between the sightings ``before`` (G,) and ``after`` (G,)."""
    gap, look = expand(faces.look[before] + 1, faces.look[after])
    before, after = before[gap], after[gap]
    whole = faces.look[after] - faces.look[before]
    part = (look - faces.look[before]) / whole  # (E,)
    boxes = faces.boxes[before] * (1 - part[:, None]) + faces.boxes[after] * part[:, None]
    seconds = faces.time[after] - faces.time[before]
    waited = np.minimum(away[before] + part * seconds, away[after] + (1 - part) * seconds)
    return _Expected(ids[before], look, boxes, waited)


def _fitting(faces: Faces, ids: Ints, expected: _Expected) -> tuple[Ints, Ints]:
    """Return detections (K,) and the expectations (K,) that they fit best, one to one."""
    free = np.flatnonzero(ids < 0)
    begin = np.searchsorted(faces.look[free], expected.look, "left")
    end = np.searchsorted(faces.look[free], expected.look, "right")
    which, row = expand(begin, end)
    row = free[row]
    fit = pair_iou(expected.boxes[which], faces.boxes[row])
    fit -= _OVERLAP + _FADING * expected.away[which]
    good = fit > 0
    which, row, fit = which[good], row[good], fit[good]
    fit -= _covered(faces, ids, row, expected.track[which])
    good = fit > 0
    which, row, fit = which[good], row[good], fit[good]
    best = fit == highest(which, fit, len(expected.track))[which]
    best &= fit == highest(row, fit, len(ids))[row]
    return row[best], which[best]


def _covered(faces: Faces, ids: Ints, rows: Ints, tracks: Ints) -> Floats:
    """Return which part (K,) of detections the box of any other track covers."""
    taken = np.flatnonzero(ids >= 0)
    begin = np.searchsorted(faces.look[taken], faces.look[rows], "left")
    end = np.searchsorted(faces.look[taken], faces.look[rows], "right")
    which, other = expand(begin, end)
    other = taken[other]
    foreign = ids[other] != tracks[which]
    which, other = which[foreign], other[foreign]
    cover = pair_cover(faces.boxes[rows[which]], faces.boxes[other])
    return np.maximum(highest(which, cover, len(rows)), 0)
