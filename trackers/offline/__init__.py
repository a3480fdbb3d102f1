"""Whose face is it, when the whole shot has been seen.

An online tracker must decide in each frame; here the doubtful is left until it can be judged from
both sides:

1. :mod:`~trackers.offline.tracklets`: what is certain from one look to the next is joined, and
   nothing else.
2. :mod:`~trackers.offline.joining`: pieces are joined where motion, size and appearance agree, all
   at once, first over short gaps and then, with better known motion, over long ones.
3. :mod:`~trackers.offline.rescue`: weak detections count where a track expects its face.
4. :mod:`~trackers.offline.smoothing`: boxes lose their jitter.

A shot of hours goes through the first three in :mod:`~trackers.offline.windows`.

Distances are in face sizes and times in seconds, so that nothing depends on resolution or frame
rate.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackers.offline.faces import Faces as Faces
from trackers.offline.joining import join
from trackers.offline.rescue import rescue_weak
from trackers.offline.smoothing import smooth as smooth
from trackers.offline.tracklets import make_tracklets
from trackers.offline.windows import link_in_windows as link_in_windows

_SHORT_GAP = 0.2
"""Seconds; over these, pieces are joined first: it gives the longer ones a motion to go by."""


def link_faces(faces: Faces, threshold: float, max_unseen: float) -> NDArray[np.int64]:
    """Return whose face each of a shot's detections is, (N,): from 0, and -1 for nobody's.

    Args:
        faces: of one shot.
        threshold: score from which a detection is sure to be a face.
        max_unseen: seconds that a person may be out of sight and still be the same track.
    """
    ids = np.full(len(faces.look), -1, np.int64)
    sure = np.flatnonzero(faces.scores >= threshold)
    strong = faces.rows(sure)
    pieces = make_tracklets(strong)
    for gap in (min(_SHORT_GAP, max_unseen), max_unseen):
        pieces = join(strong, pieces, gap)
    ids[sure] = pieces
    return rescue_weak(faces, ids)
