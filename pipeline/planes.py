"""Pictures in the form in which videos hold them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Planes:
    """A picture as videos hold it: yuv420p, BT.709 with limited range, uint8; not to be written to.

    The planes of colour have half the height and width of the picture, rounded up.
    """

    y: Plane
    u: Plane
    v: Plane

    @property
    def planes(self) -> tuple[Plane, Plane, Plane]:
        """Return Y, U and V."""
        return self.y, self.u, self.v

    def part(self, left: int, top: int, width: int, height: int) -> Planes:
        """Return a view of a part; of colour, all cells that it touches."""
        half = slice(top // 2, -(-(top + height) // 2)), slice(left // 2, -(-(left + width) // 2))
        return Planes(self.y[top : top + height, left : left + width], self.u[half], self.v[half])
