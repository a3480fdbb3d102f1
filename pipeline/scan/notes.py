"""What is noted of each frame of a pass, in tables without a picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.scan.camera import CameraMeter
from pipeline.scan.cuts import CutMeter
from pipeline.scan.faces import Faces
from pipeline.scan.rows import Rows
from pipeline.types import Frame

_FRAME = np.dtype(
    [("pts", np.int64), ("time", np.float64), ("size", np.int32, 2), ("looked", np.bool_)]
)


Columns = dict[str, NDArray[Any]]
"""A table: its columns by name."""


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What a pass saw. Names and units of columns are those of :class:`pipeline.types.Scan`."""

    frames: Columns
    """(F, ...) pts, time, size, looked."""
    distances: NDArray[np.float32]
    """(F, LAGS) as :mod:`pipeline.scan.cuts` has them."""
    camera: NDArray[np.float32]
    """(F, 2)"""
    faces: Columns
    """(N, ...) frame, boxes, scores and what was measured."""


class Notes:
    """Takes the frames of a pass in order."""

    def __init__(self, faces: Faces) -> None:
        self._faces = faces
        self._frames, self._cuts, self._camera = Rows(_FRAME), CutMeter(), CameraMeter()

    def add(self, frame: Frame, *, looked: bool) -> None:
        """Take note of a frame; faces are looked for where it is to be ``looked`` at."""
        picture = frame.picture
        luma, size = picture.luma(), (picture.width, picture.height)
        self._cuts.add(luma)
        self._camera.add(luma)
        if looked:
            self._faces.look(frame, luma)
        self._frames.append([(frame.pts, frame.time, size, looked)])

    def finish(self) -> Seen:
        """Return all that was seen."""
        self._faces.finish()
        return Seen(
            frames=self._frames.take(),
            distances=self._cuts.distances(),
            camera=self._camera.steps(),
            faces=self._faces.rows.take(),
        )
