"""Pictures of curves: precision over recall, true positives over false ones."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

Line = tuple[NDArray[np.floating], NDArray[np.floating]]  # x and y, (N,) each


def draw_precision_recall(lines: Mapping[str, Line], path: Path) -> None:
    """Draw recall and precision of each named curve."""
    figure, panel = _frame("recall", "precision")
    for name, (recall, precision) in lines.items():
        panel.plot(recall, precision, label=name)
    panel.set_xlim(0, 1)
    panel.set_ylim(0, 1.01)
    panel.legend(loc="lower left")
    figure.savefig(path, dpi=120)


def draw_roc(lines: Mapping[str, Line], path: Path, most: float = 2000) -> None:
    """Draw false positives, as a number over the whole set, and the rate of true ones."""
    figure, panel = _frame(f"false positives, up to {most:g}", "true positive rate")
    for name, (false_positives, rate) in lines.items():
        panel.plot(false_positives, rate, label=name)
    panel.set_xlim(0, most)
    panel.set_ylim(0, 1)
    panel.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def _frame(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(7, 5), layout="constrained")
    panel = figure.subplots()
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    panel.grid(alpha=0.3)
    return figure, panel
