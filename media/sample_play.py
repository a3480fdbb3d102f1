"""The play of the sample: who is where, and when."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sample_people import Figure, collins, hopper
from scipy.interpolate import PchipInterpolator

FRAMES = 300
CUT = 175
"""First frame of the second shot."""


@dataclass(frozen=True)
class Pose:
    """Where a figure is at one moment."""

    x: float
    y: float
    size: float
    """Longer side of the upright face, pixels."""
    angle: float
    """Degrees, clockwise."""


@dataclass(frozen=True, eq=False)
class Role:
    """What a figure does in one shot: keyframes of (frame, x, y, size, angle)."""

    figure: Figure
    ids: dict[int, int]
    """First frame from which a track id holds -> the id."""
    keys: tuple[tuple[float, float, float, float, float], ...]

    def pose(self, moment: float) -> Pose:
        """Return the pose at ``moment``, in frames: smooth between the keyframes."""
        table = np.array(self.keys, dtype=float)
        table[:, 3] = np.log(table[:, 3])
        x, y, log_size, angle = PchipInterpolator(table[:, 0], table[:, 1:])(moment)
        return Pose(x, y, float(np.exp(log_size)), angle)

    def track_id(self, frame: int) -> int:
        """Return the id that holds at ``frame``."""
        return self.ids[max(first for first in self.ids if first <= frame)]


def play() -> tuple[tuple[Role, ...], tuple[Role, ...]]:
    """Return the roles of the two shots."""
    grace, eileen = hopper(), collins()
    first = (
        Role(
            grace,
            {0: 1},
            (
                (0, 290, 330, 90, 0),
                (40, 380, 335, 150, -18),
                (70, 560, 350, 165, 0),
                (85, 650, 352, 170, 0),
                (110, 830, 350, 140, 20),
                (145, 1000, 290, 60, 25),
                (174, 1050, 240, 20, 0),
            ),
        ),
        Role(
            eileen,
            {0: 2},
            (
                (0, 1090, 190, 20, 0),
                (40, 940, 270, 50, 12),
                (70, 770, 335, 78, 0),
                (85, 645, 345, 84, 0),
                (100, 510, 350, 95, 0),
                (130, 340, 340, 165, -24),
                (160, 320, 330, 200, 20),
                (174, 350, 335, 190, 0),
            ),
        ),
    )
    second = (
        Role(
            grace,
            {CUT: 3},
            (
                (175, 700, 350, 120, 0),
                (205, 660, 365, 180, -15),
                (240, 690, 380, 300, 0),
                (255, 680, 380, 295, 10),
                (280, 730, 360, 200, 25),
                (299, 790, 340, 140, 0),
            ),
        ),
        Role(
            eileen,
            {CUT: 4, 240: 5},
            (
                (175, 300, 290, 110, 0),
                (192, 210, 300, 120, 10),
                (212, -140, 320, 125, 0),
                (262, -140, 320, 115, 0),
                (285, 180, 290, 110, -12),
                (299, 270, 280, 100, 0),
            ),
        ),
    )
    return first, second
