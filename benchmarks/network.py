"""The network alone, from a uint8 picture to candidates, on each runtime and precision.

All are timed in turns in one process, in CPU time on one thread, after their outputs have been
held to those of eager float32 PyTorch: ``python -m benchmarks.network [--weights FILE]``.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Final

import click
import numpy as np

from detectors import DetectorError
from detectors.backends import Candidates, Execution, Network
from detectors.errors import MissingPrecision
from detectors.faceboxes.detector import open_network
from detectors.images import Image
from detectors.weights import Entry, find

SIZES: Final = ((640, 480), (1024, 768), (1280, 720))
"""Width and height of the pictures, px."""

FLOOR: Final = math.log(0.05 / 0.95)
"""Log odds of the score from which the product keeps faces."""

EXACT: Final = 1e-4
"""A float32 network may differ by so much, in log odds and offsets; others are just measured."""

PEERS: Final = (
    Execution("cpu", runtime="openvino", precision="f32"),
    Execution("cpu", runtime="openvino", precision="bf16"),
    Execution("cpu", runtime="openvino", precision="int8"),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """What one runtime needs for a picture of one size."""

    runtime: str
    width: int
    height: int
    cpu_ms: float
    """Median over the turns."""
    times_faster: float
    """Than eager float32 PyTorch: median of the ratios within a turn."""
    drift: float
    """Largest difference from it in log odds, over all anchors of the picture."""


def compare(
    entry: Entry, sizes: Sequence[tuple[int, int]] = SIZES, turns: int = 15
) -> list[Timing]:
    """Verify and time all networks that this processor can run.

    Raises:
        ValueError: A float32 network does not agree with the eager one.
    """
    networks = [open_network(entry, Execution("cpu", runtime="torch")), *_open(entry, PEERS)]
    return [row for size in sizes for row in _compare_at(networks, size, turns)]


def _open(entry: Entry, executions: Sequence[Execution]) -> list[Network]:
    networks = []
    for execution in executions:
        try:
            networks.append(open_network(entry, execution))
        except MissingPrecision as reason:
            click.echo(f"Left out: {reason}")
    return networks


def _compare_at(networks: list[Network], size: tuple[int, int], turns: int) -> list[Timing]:
    images = [_picture(size)]
    drifts = [_drift(network, networks[0], images) for network in networks]
    rounds = [[_time(network, images) for network in networks] for _ in range(turns)]
    return [
        Timing(
            runtime=network.runtime,
            width=size[0],
            height=size[1],
            cpu_ms=round(1e3 * median(times[k] for times in rounds), 2),
            times_faster=round(median(times[0] / times[k] for times in rounds), 2),
            drift=float(f"{drifts[k]:.1e}"),
        )
        for k, network in enumerate(networks)
    ]


def _drift(network: Network, reference: Network, images: list[Image]) -> float:
    (one,), (other,) = network(images, -math.inf), reference(images, -math.inf)
    drift = float(np.abs(one.log_odds - other.log_odds).max())
    if " f32" in network.runtime and max(drift, _shift(one, other)) > EXACT:
        raise ValueError(f"{network.runtime} does not agree: {drift = }, {_shift(one, other) = }")
    return drift


def _shift(one: Candidates, other: Candidates) -> float:
    return float(np.abs(one.offsets - other.offsets).max())


def _time(network: Network, images: list[Image]) -> float:
    start = time.process_time()
    network(images, FLOOR)
    return time.process_time() - start


def _picture(size: tuple[int, int]) -> Image:
    """Return smooth noise: every anchor has something to look at."""
    width, height = size
    grain = np.random.default_rng(0).integers(
        0, 256, (-(-height // 8), -(-width // 8), 3), np.uint8
    )
    return grain.repeat(8, 0).repeat(8, 1)[:height, :width]


@click.command()
@click.option("--weights", default="faceboxes", show_default=True, help="Name or file.")
@click.option("--turns", default=15, show_default=True, type=click.IntRange(min=1))
def main(weights: str, turns: int) -> None:
    """Print one JSON row a runtime and size."""
    try:
        entry = find(weights)
    except DetectorError as error:
        raise click.ClickException(str(error)) from error
    for row in compare(entry, turns=turns):
        click.echo(json.dumps(asdict(row)))


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.network")
