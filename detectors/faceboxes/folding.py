"""Weights of a trained network, rewritten to cost less and compute the same.

Batch normalisation goes into the convolution before it, background and face become one channel,
the two convolutions of a head one, and the first layer reads bytes as they lie in memory.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[np.float32]]


class Kernel(NamedTuple):
    """A convolution: weights (outputs, inputs, rows, columns) and bias (outputs,), float32."""

    weights: NDArray[np.float32]
    bias: NDArray[np.float32]


def fold_norm(tensors: Arrays, name: str, eps: float) -> Kernel:
    """Fold the batch normalisation of a layer into its convolution."""
    scale = tensors[f"{name}.bn.weight"] / np.sqrt(tensors[f"{name}.bn.running_var"] + eps)
    weights = tensors[f"{name}.conv.weight"] * scale[:, None, None, None]
    return Kernel(weights, tensors[f"{name}.bn.bias"] - tensors[f"{name}.bn.running_mean"] * scale)


def merge_head(tensors: Arrays, level: int) -> Kernel:
    """Merge the heads of a level: A log odds of a face, then A times four offsets."""
    parts = []
    for part in ("weight", "bias"):
        conf, loc = tensors[f"conf.{level}.{part}"], tensors[f"loc.{level}.{part}"]
        parts.append(np.concatenate([conf[1::2] - conf[::2], loc]))
    return Kernel(*parts)


def fold_mean(kernel: Kernel, mean: Sequence[float]) -> Kernel:
    """Let a layer read pixels whose mean (B, G, R) is not subtracted; it must not pad them."""
    shift = np.einsum("oihw,i->o", kernel.weights, np.asarray(mean, np.float64))
    return Kernel(kernel.weights, (kernel.bias - shift).astype(np.float32))


def both_phases(kernel: Kernel) -> Kernel:
    """Write C.ReLU as filters: each, then each with its sign turned."""
    pairs = ((values, -values) for values in kernel)
    return Kernel(*(np.concatenate(pair) for pair in pairs))


def read_cells(kernel: Kernel, stride: int) -> Kernel:
    """Rewrite a convolution of that stride for pixels that lie `stride` in a cell.

    The memory of a picture (H, W, 3) is that of cells (H, W / stride, stride * 3), so a stride of
    `stride` pixels is one of a cell. The kernel, one row and column short of two cells, gets them
    as zeros above and left: that is where a border of one cell takes the place of its padding.
    """
    outputs, colours, *sides = kernel.weights.shape
    if sides != [2 * stride - 1] * 2:
        raise ValueError(f"{kernel.weights.shape = }, {stride = }")
    weights = np.pad(kernel.weights, [(0, 0), (0, 0), (1, 0), (1, 0)])  # (o, 3, 8, 8)
    cells = weights.reshape(outputs, colours, 2 * stride, 2, stride)  # (o, 3, 8, 2, 4)
    cells = cells.transpose(0, 4, 1, 2, 3)  # (o, 4, 3, 8, 2): pixel by pixel, then its colours
    return Kernel(cells.reshape(outputs, stride * colours, 2 * stride, 2), kernel.bias)
