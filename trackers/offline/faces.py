"""The detections of one shot, as offline linking takes them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trackers.kalman import Floats

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """One row a detection, looks ascending."""

    look: Ints
    """(N,) which of the looks at the video, counted from 0."""
    time: Floats
    """(N,) seconds."""
    boxes: Floats
    """(N, 4) xyxy."""
    scores: NDArray[np.floating]
    """(N,) 0 to 1."""
    thumbnails: NDArray[np.uint8]
    """(N, P) what the face looks like: brightness of P pixels; P = 0 where nothing is known."""

    def __post_init__(self) -> None:
        """Check the shapes against each other, and the order."""
        count = len(self.look)
        shapes = {name: getattr(self, name).shape for name in ("time", "boxes", "scores")}
        if shapes != {"time": (count,), "boxes": (count, 4), "scores": (count,)}:
            raise ValueError(f"{count} looks, but {shapes = }")
        if len(self.thumbnails) != count:
            raise ValueError(f"{self.thumbnails.shape = }, {count = }")
        if (self.look[1:] < self.look[:-1]).any():
            raise ValueError("looks must ascend")

    def rows(self, chosen: NDArray[np.integer]) -> Faces:
        """Return some of the rows, in their order."""
        return Faces(
            self.look[chosen],
            self.time[chosen],
            self.boxes[chosen],
            self.scores[chosen],
            self.thumbnails[chosen],
        )
