"""What a clip shows of each frame: a window that goes along with its person."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.render.canvas import Placed
from pipeline.render.clip_plan import ClipPlan
from pipeline.render.job import RenderJob
from pipeline.render.sheet import Sheet, resized
from pipeline.types import Frame

_CALM = 0.3
"""Seconds: sigma of the Gaussian that takes the haste out of the window's way."""
_MOST_FRAMES = 100.0
"""Of that sigma: what claims thousands of frames a second must not cost more."""


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """The window of a clip on each of its frames."""

    plan: ClipPlan
    centres: NDArray[np.float64]
    """(N, 2) x and y of the window's middle on each frame, in pixels of the full-size picture."""

    @classmethod
    def of(cls, job: RenderJob, plan: ClipPlan) -> View:
        """Find the window's way. While the face is out of sight, it goes straight on.

        The way is smoothed; the face stays within the window all the same.
        """
        frames, boxes = job.tracks.frame[plan.rows], job.tracks.boxes[plan.rows]
        every = np.arange(plan.first, plan.last + 1)
        edges = np.column_stack([np.interp(every, frames, edge) for edge in boxes.T])
        low, high = edges[:, :2], edges[:, 2:]
        step = float(np.median(np.diff(job.times_of(plan.first, plan.last))))
        calm = _smoothed((low + high) / 2, min(_CALM / step, _MOST_FRAMES))
        reach = np.array(plan.window) / 2
        return cls(plan, np.clip(calm, high - reach, low + reach))

    def place(self, frame: Frame) -> Placed:
        """Cut the window out of a frame. It is moved into the picture; a smaller one gets black."""
        picture, (width, height) = frame.picture, self.plan.window
        x, y = self.centres[frame.index - self.plan.first]
        left, top = _start(x, width, picture.width), _start(y, height, picture.height)
        part = picture.yuv().part(left, top, width, height)
        across, down = (to / of for to, of in zip(self.plan.size, self.plan.window, strict=True))
        if self.plan.size != self.plan.window:
            rows, columns = part.y.shape
            part = resized(part, (max(1, round(columns * across)), max(1, round(rows * down))))
        sheet = Sheet(self.plan.size)
        sheet.paste(part)
        return Placed(sheet, (across, down), (-left * across, -top * down))


def _smoothed(way: NDArray[np.float64], sigma: float) -> NDArray[np.float64]:
    """Average the rows (N, 2) of a way with Gaussian weights; the way goes on as it ends."""
    reach = math.ceil(3 * sigma)
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(way, ((reach, reach), (0, 0)), mode="edge")
    columns = [np.convolve(column, weights / weights.sum(), mode="valid") for column in padded.T]
    return np.column_stack(columns)


def _start(centre: float, length: int, limit: int) -> int:
    """Return the first pixel of a stretch about ``centre``, even, within ``limit`` if it can be."""
    return min(max(0, round(centre - length / 2)), max(0, limit - length)) // 2 * 2
