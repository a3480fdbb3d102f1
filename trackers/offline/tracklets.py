"""Pieces of tracks: what is certain from one look to the next.

A face is followed where it overlaps itself well, where each of the two boxes is the other's best,
and where no other box comes near to being as good. When people cross, that fails, and the piece
ends: whoever comes out on the other side is judged later, from more than one look.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from trackers.kalman import Floats
from trackers.offline.faces import Faces, Ints
from trackers.offline.pairs import batches, expand, highest, pair_iou

_OVERLAP: Final = 0.4
"""Overlap that a face must have with itself, one look later."""
_MARGIN: Final = 0.2
"""Overlap by which the best must be ahead of the next best."""


def make_tracklets(faces: Faces) -> Ints:
    """Return the piece (N,) that each detection belongs to, from 0 in order of first look."""
    before = np.arange(len(faces.look))  # each face's predecessor, or itself
    begin = np.searchsorted(faces.look, faces.look + 1, "left")
    end = np.searchsorted(faces.look, faces.look + 1, "right")
    for some in batches(end - begin, faces.look):
        earlier, later = expand(begin[some], end[some])
        earlier += some.start
        earlier, later = _certain(faces.boxes, earlier, later)
        before[later] = earlier
    return _numbered(before)


def _certain(boxes: Floats, earlier: Ints, later: Ints) -> tuple[Ints, Ints]:
    """Keep the pairs that are each other's best, by far."""
    overlap = pair_iou(boxes[earlier], boxes[later])
    near = overlap > 0
    earlier, later, overlap = earlier[near], later[near], overlap[near]
    good = overlap >= _OVERLAP
    for side in (earlier, later):
        _, row = np.unique(side, return_inverse=True)
        count = row.max(initial=-1) + 1
        best = highest(row, overlap, count)[row]
        rest = np.where(overlap < best, overlap, -np.inf)
        good &= (overlap == best) & (overlap - highest(row, rest, count)[row] >= _MARGIN)
    return earlier[good], later[good]


def _numbered(before: Ints) -> Ints:
    """Turn chains of predecessors (N,) into numbers from 0, in order of their first links."""
    first = before
    while True:
        further = first[first]
        if (further == first).all():
            return np.unique(first, return_inverse=True)[1].astype(np.int64)
        first = further
