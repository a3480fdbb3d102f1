"""Faces hidden in a picture: the boxes of all tracks, and every detection that counts.

A detector misses a face now and then. What it found is therefore hidden a little before and after
it was seen too, with room around it, and also where it was seen too shortly to make a track: better
a patch too many than a face too much.
"""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from pipeline.render.canvas import Placed
from pipeline.render.job import RenderJob, RowsByFrame
from pipeline.render.sheet import Rectangle, Sheet, ink
from pipeline.types import Boxes, Image

_ROOM = 0.2
"""Part of a box's size by which it is grown on each side: hair, ears and chin."""
_HOLD = 0.25
"""Seconds for which a detection hides before and after its frame; longer where looks are rare."""
_INK = ink(32, 32, 32)
_GRID = 8
"""Pixels to which what is hidden is widened: of a face's many sightings, most are then the same."""
_CELLS = 4
"""Pixels across a face that a blur leaves."""


class Redaction:
    """Hides faces as the settings say; does nothing where they say ``none``."""

    def __init__(self, job: RenderJob) -> None:
        self._how = job.settings.redact
        self._job = job
        self._rows = RowsByFrame(job.tracks)
        counts = job.scan.scores >= job.threshold
        self._found = job.scan.boxes[counts]  # (K, 4)
        self._seen = job.scan.time[job.scan.frame[counts]]  # (K,) seconds, ascending
        self._looks = job.scan.time[job.scan.looked]  # (L,) seconds, ascending

    def hide(self, placed: Placed, frame: int) -> None:
        """Hide all faces in ``placed``, which shows the frame of that index."""
        if self._how == "none":
            return
        for area in _areas(placed.sheet, placed.boxes(self._boxes(frame))):
            if self._how == "solid":
                placed.sheet.fill(area, _INK)
            else:
                for part in placed.sheet.parts(area):
                    _blur(part)

    def _boxes(self, frame: int) -> Boxes:
        """Return what is hidden in a frame: (M, 4) pixels of the full-size picture."""
        begin, end = self._held(float(self._job.scan.time[frame]))
        first, last = self._seen.searchsorted(begin), self._seen.searchsorted(end, "right")
        tracks = self._job.tracks.boxes[self._rows[frame]]
        return np.concatenate([tracks, self._found[first:last]])

    def _held(self, time: float) -> tuple[float, float]:
        """Return the times between which detections hide: at least the looks before and after."""
        before, after = self._looks.searchsorted(time, "right") - 1, self._looks.searchsorted(time)
        begin = self._looks[before] if before >= 0 else time
        end = self._looks[after] if after < len(self._looks) else time
        return min(time - _HOLD, begin), max(time + _HOLD, end)


def _areas(sheet: Sheet, boxes: Boxes) -> Iterator[Rectangle]:
    """Yield the parts of a picture that boxes (M, 4) cover with the room around them, each once."""
    boxes = boxes[(boxes[:, 2:] > boxes[:, :2]).all(axis=1)]
    grow = (boxes[:, 2:] - boxes[:, :2]) * np.float32(_ROOM)
    begin = np.floor((boxes[:, :2] - grow) / _GRID)
    end = np.ceil((boxes[:, 2:] + grow) / _GRID)
    edges = np.unique(np.hstack([begin, end]), axis=0) * _GRID
    yield from map(tuple, np.clip(edges, 0, sheet.size * 2).astype(int).tolist())


def _blur(part: Image) -> None:
    """Leave only the coarsest of a part of a picture."""
    height, width = part.shape
    if not part.size:
        return
    cells = min(width, _CELLS), min(height, _CELLS)
    coarse = cv2.resize(part, cells, interpolation=cv2.INTER_AREA)
    part[:] = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
