"""Measure what the layers of a network read, so that it can be computed in 8 bits.

Reference: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, 2018, arXiv:1712.05877, section 3.1 (ranges from data).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any, Final

import torch
from torch import Tensor, nn

from detectors.backends.torch import to_batch
from detectors.faceboxes import FaceBoxes
from detectors.faceboxes.graph import STEM
from detectors.images import Image

SHARE: Final = 0.9999  # of the values of a picture lie below its highest that counts
FULL_RANGE: Final = 255.0  # of the bytes that the first layer reads
MOST_VALUES: Final = 2_000_000  # of which quantiles are taken; more are thinned out


@torch.inference_mode()
def measure_ranges(network: FaceBoxes, images: Iterable[Image]) -> dict[str, float]:
    """Return, by layer, the highest value that it reads: the mean over pictures of a high quantile.

    The mean, not the highest: one odd picture would make steps coarse for all.
    """
    seen: dict[str, list[float]] = defaultdict(list)
    handles = [
        module.register_forward_pre_hook(_note(seen[_layer(name)]))
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and not name.startswith("conf.")  # merged with loc
    ]
    network.eval()
    for image in images:
        network(to_batch([image], network.config.mean, network.config.multiple))
    for handle in handles:
        handle.remove()
    ranges = {name: round(sum(values) / len(values), 4) for name, values in seen.items()}
    return ranges | {STEM: FULL_RANGE}


def _layer(name: str) -> str:
    return name.removesuffix(".conv")


def _note(values: list[float]) -> Callable[[nn.Module, tuple[Any, ...]], None]:
    def note(_module: nn.Module, inputs: tuple[Any, ...]) -> None:
        x: Tensor = inputs[0].flatten()
        values.append(torch.quantile(x[:: 1 + len(x) // MOST_VALUES], SHARE).item())

    return note
