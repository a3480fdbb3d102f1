"""Draw the logs of a run as pictures: `loss.png` and `measures.png` in its folder."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from training.log import LOSSES, MEASURES, read_rows

NOT_DRAWN = ("step", "seconds", "steps_per_second")


def draw_curves(folder: Path) -> None:
    """Draw every column of the logs over the steps, one panel each; no picture of an empty log."""
    for name, picture in ((LOSSES, "loss.png"), (MEASURES, "measures.png")):
        rows = read_rows(folder / name)
        if rows:
            columns = {key: np.array([float(row[key]) for row in rows]) for key in rows[0]}
            _draw(columns).savefig(folder / picture, dpi=100)


def _draw(columns: dict[str, NDArray[np.float64]]) -> Figure:
    names = [name for name in columns if name not in NOT_DRAWN]
    figure = Figure(figsize=(8, 2.2 * len(names)), layout="constrained")
    panels = figure.subplots(len(names), sharex=True, squeeze=False)[:, 0]
    for name, panel in zip(names, panels, strict=True):
        panel.plot(columns["step"], columns[name], linewidth=0.6, alpha=0.5)
        panel.plot(columns["step"], _smooth(columns[name]), linewidth=1.5)
        panel.set_ylabel(name)
        panel.grid(alpha=0.3)
    panels[-1].set_xlabel("step")
    return figure


def _smooth(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each value and its neighbours; of fewer towards the ends."""
    reach = len(values) // 40
    window = np.ones(2 * reach + 1)
    sums, counts = (np.convolve(part, window, "same") for part in (values, np.ones(len(values))))
    smoothed: NDArray[np.float64] = sums / counts
    return smoothed
