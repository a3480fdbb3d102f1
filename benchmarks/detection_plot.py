"""Draw accuracy over time: a line a contender, a panel a level."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, ScalarFormatter

from training.datasets.wider100 import LEVELS

COLOURS: Final = {
    "facepics": "tab:blue",
    "facepics, paper's": "tab:cyan",
    "published FaceBoxes": "tab:gray",
    "YuNet": "tab:orange",
    "CenterFace": "tab:green",
}
TICKS: Final = (1, 2, 3, 5, 10, 20, 30, 50)  # ms
DASHES: Final = {"int8": "-", "bf16": "--", "f32": ":"}


def draw_accuracy_over_time(points: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draw the points of `results/detection.json`; time on a log axis."""
    figure = Figure(figsize=(15, 5), layout="constrained")
    panels = figure.subplots(1, len(LEVELS), sharex=True)
    for level, panel in zip(LEVELS, panels, strict=True):
        for name, precision in dict.fromkeys((p["contender"], p["precision"]) for p in points):
            mine = [p for p in points if (p["contender"], p["precision"]) == (name, precision)]
            times = [point["cpu"] for point in mine]
            values = [point["accuracy"][level]["ap"] for point in mine]
            style = DASHES[precision]
            label = f"{name}, {precision}"
            panel.plot(times, values, style, color=COLOURS[name], marker=".", label=label)
            for point, x, y in zip(mine, times, values, strict=True):
                if name == "facepics" and precision == "int8":
                    panel.annotate(str(point["size"]), (x, y), (0, 5), textcoords="offset points")
        panel.set_xscale("log")
        panel.set_xticks(TICKS)
        panel.xaxis.set_major_formatter(ScalarFormatter())
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_title(level)
        panel.set_xlabel("CPU ms a picture, one thread")
        panel.grid(alpha=0.3, which="both")
    panels[0].set_ylabel("average precision, IoU 0.5, 100 WIDER FACE pictures")
    panels[0].legend(fontsize="small", loc="lower right")
    figure.savefig(path, dpi=110)
