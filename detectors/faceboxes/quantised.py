"""The model of OpenVINO with convolutions in 8 bits, from float weights and measured ranges.

Weights become int8, each filter for itself, symmetric about zero; what a layer reads becomes uint8
from zero to a measured range, for it stands behind a ReLU. The first layer reads the bytes of the
picture, and its C.ReLU is written as filters of both signs: one layer then writes both, in 8 bits.

Reference: Jacob et al., Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference, 2018, arXiv:1712.05877.
"""

from collections.abc import Mapping

import numpy as np
from openvino import opset13 as ops

from detectors.faceboxes.config import FaceBoxesConfig
from detectors.faceboxes.folding import Arrays, Kernel, both_phases, fold_mean, read_cells
from detectors.faceboxes.graph import (
    STEM,
    STEM_STRIDE,
    Builder,
    Node,
    constant,
    convolve,
    surround_of,
)


class QuantisedBuilder(Builder):
    """Builds the network with every layer in 8 bits whose range is known.

    Args:
        config: The network's options; its first layer must be one that reads bytes.
        tensors: The weights, as trained.
        ranges: By layer, the highest value that it is to read.
    """

    def __init__(
        self, config: FaceBoxesConfig, tensors: Arrays, ranges: Mapping[str, float]
    ) -> None:
        super().__init__(config, tensors)
        if surround_of(config).border == 0:
            raise ValueError("8 bits need a first layer that reads bytes")
        self._ranges = ranges

    def _digest(self, pixels: Node) -> Node:
        reader = "detail8" if self._fine else "conv2"
        stride4 = self._narrowed(self._both_signs_of_stem(pixels), reader)
        return self._detail(stride4) if self._fine else self._pool(stride4)

    def read(self, canvas: Node) -> Node:
        """Return the bytes as steps of a range: OpenVINO then computes with them as they lie."""
        return ops.multiply(super().read(canvas), constant(np.array(1 / self._ranges[STEM])))

    def _both_signs_of_stem(self, pixels: Node) -> Node:
        kernel = fold_mean(self._folded(STEM), self._config.mean)
        kernel = both_phases(read_cells(kernel, STEM_STRIDE))
        steps = Kernel(kernel.weights * np.float32(self._ranges[STEM]), kernel.bias)
        weights = _narrow_weights(steps)
        return ops.relu(convolve(pixels, weights, steps.bias, (STEM_STRIDE, 1), (0, 0)))

    def _convolve(
        self,
        x: Node,
        kernel: Kernel,
        name: str,
        strides: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
    ) -> Node:
        if name not in self._ranges:
            return super()._convolve(x, kernel, name, strides, padding)
        weights = _narrow_weights(kernel)
        return convolve(self._narrowed(x, name), weights, kernel.bias, strides, padding)

    def _narrowed(self, x: Node, name: str) -> Node:
        """Return what a layer reads in 8 bits, if it is to read them."""
        if name not in self._ranges:
            return x
        limits = [constant(np.full((1, 1, 1, 1), end)) for end in (0.0, self._ranges[name])]
        return ops.fake_quantize(x, *limits, *limits, 256)


def _narrow_weights(kernel: Kernel) -> Node:
    highest = np.abs(kernel.weights).max(axis=(1, 2, 3), keepdims=True)
    limits = [constant(-highest), constant(highest)]
    return ops.fake_quantize(constant(kernel.weights), *limits, *limits, 255)
