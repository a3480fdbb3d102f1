"""The network alone, from a uint8 picture to candidates, on each runtime and precision.

All are timed in turns in one process, in CPU time on one thread, after their outputs have been
held to those of eager float32 PyTorch: once as anybody would write it, once as the product has it.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
import torch
from torch import nn

from detectors.backends import Candidates, Execution, Network
from detectors.backends.torch import choose, to_batch
from detectors.errors import MissingPrecision
from detectors.faceboxes.config import FaceBoxesConfig, parse_config
from detectors.faceboxes.detector import open_network
from detectors.faceboxes.network import rebuild
from detectors.images import Image
from detectors.weights import Entry, read_tensors

SIZES: Final = ((640, 480), (1024, 768), (1280, 720))
"""Width and height of the pictures, px."""

FLOOR: Final = math.log(0.05 / 0.95)
"""Log odds of the score from which the product keeps faces."""

EXACT, OF_VALUE = 1e-4, 1e-5
"""A float32 network may differ by so much, and such a part of the value, in log odds and offsets;
others are just measured."""

OURS: Final = (
    Execution("cpu", runtime="torch"),
    Execution("cpu", runtime="openvino", precision="f32"),
    Execution("cpu", runtime="openvino", precision="bf16"),
    Execution("cpu", runtime="openvino", precision="int8"),
)


@dataclass(frozen=True, slots=True)
class Timing:
    """What one runtime needs for a picture of one size."""

    weights: str
    runtime: str
    width: int
    height: int
    cpu: float
    """Milliseconds, median over the turns."""
    faster: float
    """Times faster than plain eager PyTorch: median of the ratios within a turn."""
    drift: float
    """Largest difference from it in log odds, over all anchors of the picture."""


class PlainEager:
    """The network in eager float32 PyTorch, in the memory layout that it has by itself."""

    runtime = "PyTorch f32, plain, 1 thread"

    def __init__(self, module: nn.Module, config: FaceBoxesConfig) -> None:
        self._module, self._config = module.eval(), config
        torch.set_num_threads(1)

    @torch.inference_mode()
    def __call__(self, images: Sequence[Image], floor: float) -> list[Candidates]:
        """Look at pictures of one size."""
        batch = to_batch(images, self._config.mean, self._config.multiple)
        offsets, logits = self._module(batch.contiguous())
        return choose(logits[..., 1] - logits[..., 0], offsets, floor)


def run(entry: Entry, turns: int) -> Iterator[Timing]:
    """Verify and time all networks that this processor can run, size by size.

    Raises:
        ValueError: A float32 network does not agree with the eager one.
    """
    config = parse_config(entry.config)
    tensors = {name: torch.tensor(array) for name, array in read_tensors(entry).items()}
    networks = [PlainEager(rebuild(config, tensors, entry.path), config), *_open(entry)]
    for size in SIZES:
        yield from _compare(entry.name, networks, size, turns)


def _open(entry: Entry) -> Iterator[Network]:
    for execution in OURS:
        try:
            yield open_network(entry, execution)
        except MissingPrecision:  # this processor or these weights do not have it
            continue


def _compare(
    weights: str, networks: Sequence[Network], size: tuple[int, int], turns: int
) -> Iterator[Timing]:
    images = [_picture(size)]
    drifts = [_drift(network, networks[0], images) for network in networks]
    rounds = [[_time(network, images) for network in networks] for _ in range(turns)]
    for k, network in enumerate(networks):
        yield Timing(
            weights=weights,
            runtime=network.runtime,
            width=size[0],
            height=size[1],
            cpu=1e3 * median(times[k] for times in rounds),
            faster=median(times[0] / times[k] for times in rounds),
            drift=drifts[k],
        )


def _drift(network: Network, reference: Network, images: list[Image]) -> float:
    (one,), (other,) = network(images, -math.inf), reference(images, -math.inf)
    pairs = (one.log_odds, other.log_odds), (one.offsets, other.offsets)
    if " f32" in network.runtime and not all(np.allclose(*pair, OF_VALUE, EXACT) for pair in pairs):
        raise ValueError(f"{network.runtime} does not agree with {reference.runtime}")
    return float(np.abs(one.log_odds - other.log_odds).max())


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
