"""The FaceBoxes network as a model of OpenVINO, straight from its weights.

The rewrites change no result beyond rounding: those of `folding`, and C.ReLU pools both phases
before it joins them, an average stands behind its convolution, which leaves it fewer channels.
"""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset13 as ops

from detectors.faceboxes.config import DEPTH, FaceBoxesConfig
from detectors.faceboxes.folding import (
    Arrays,
    Kernel,
    fold_mean,
    fold_norm,
    merge_head,
    read_cells,
)
from detectors.images import Surround

STEM: Final = "conv1"  # the layer that reads the pixels
STEM_STRIDE: Final = 4

Node = Any  # OpenVINO's operations have no types


def surround_of(config: FaceBoxesConfig) -> Surround:
    """Say what the model wants around a picture.

    Where padding is symmetric, a border of the mean colour takes the place of the first layer's,
    if bytes can hold that colour. This is exact for every size: to the right and below, the padding
    reaches just to where the last cell ends.
    """
    whole = all(float(value).is_integer() for value in config.mean)
    if config.padding != "symmetric" or not whole:
        return Surround(config.multiple)
    blue, green, red = (int(value) for value in config.mean)
    return Surround(config.multiple, STEM_STRIDE, STEM_STRIDE, (blue, green, red))


def build(
    config: FaceBoxesConfig, tensors: Arrays, ranges: Mapping[str, float] | None = None
) -> ov.Model:
    """Build the model for canvases of every size: see `detectors.backends.openvino`.

    Args:
        config: The network's options.
        tensors: Its weights, as trained.
        ranges: For 8 bits, see `detectors.faceboxes.quantised`; none: as exact as the runtime is.

    Raises:
        KeyError: A tensor is missing.
        RuntimeError: A tensor has another shape.
    """
    builder = _choose_builder(config, tensors, ranges)
    channels = 3 * surround_of(config).cell
    canvas = ops.parameter([-1, -1, channels], ov.Type.u8)
    # In this order nothing moves in memory: convolutions like their channels last.
    pixels = ops.unsqueeze(builder.read(canvas), np.array([0]))  # (1, H, W, channels)
    maps = builder.trunk(ops.transpose(pixels, np.array([0, 3, 1, 2])))
    return ov.Model([builder.head(x, level) for level, x in enumerate(maps)], [canvas])


def _choose_builder(
    config: FaceBoxesConfig, tensors: Arrays, ranges: Mapping[str, float] | None
) -> "Builder":
    if ranges is None:
        return Builder(config, tensors)
    from detectors.faceboxes.quantised import QuantisedBuilder  # it builds on what stands below

    return QuantisedBuilder(config, tensors, ranges)


class Builder:
    """Builds the network layer by layer, out of operations of OpenVINO."""

    def __init__(self, config: FaceBoxesConfig, tensors: Arrays) -> None:
        self._config, self._tensors = config, tensors
        self._fine = config.heads == "fine"

    def read(self, canvas: Node) -> Node:
        """Return what the network computes with for the bytes of a canvas."""
        return ops.convert(canvas, ov.Type.f32)

    def trunk(self, pixels: Node) -> list[Node]:
        """Return the maps that have a head, the finest first."""
        stride8 = self._digest(pixels)
        stride16 = _crelu(self._layer(stride8, "conv2", stride=2))  # (1, 128, H/16, W/16)
        if self._fine:
            stride16 = self._deepen(stride16, 16)
        x = self._pool(stride16)
        for block in ("inception1", "inception2", "inception3"):
            x = self._inception(x, block)
        if self._fine:
            x = self._deepen(x, 32)
        stride64 = self._narrow(x, "conv3")  # (1, 256, H/64, W/64)
        stride128 = self._narrow(stride64, "conv4")  # (1, 256, H/128, W/128)
        maps = [x, stride64, stride128]
        return [*self._finer(stride8, stride16, x), *maps] if self._fine else maps

    def _digest(self, pixels: Node) -> Node:
        """Return the map of stride 8: (1, 48, H/8, W/8)."""
        halves4 = self._stem(pixels)  # (1, 24, H/4, W/4)
        return self._detail(_crelu(halves4)) if self._fine else self._crelu_pool(halves4)

    def _crelu_pool(self, x: Node) -> Node:
        phases = [self._pool(phase) for phase in (x, ops.negative(x))]
        return ops.relu(ops.concat(phases, 1))

    def _detail(self, stride4: Node) -> Node:
        """Pool a map and add what pooling leaves out."""
        detail = self._layer(stride4, "detail8", stride=2)
        return ops.relu(ops.add(self._pool(stride4), detail))

    def _deepen(self, x: Node, stride: int) -> Node:
        for index in range(DEPTH[stride]):
            x = self._bottleneck(x, f"deep{stride}.{index}")
        return x

    def _bottleneck(self, x: Node, name: str) -> Node:
        """Add to a map what a narrow convolution sees in it."""
        seen = ops.relu(self._layer(x, f"{name}.reduce"))
        seen = ops.relu(self._layer(seen, f"{name}.look"))
        return ops.relu(ops.add(x, self._layer(seen, f"{name}.expand")))

    def _finer(self, stride8: Node, stride16: Node, stride32: Node) -> list[Node]:
        fine16 = self._join(stride16, stride32, "16")  # (1, 64, H/16, W/16)
        return [self._join(stride8, fine16, "8"), fine16]

    def _join(self, x: Node, coarser: Node, stride: str) -> Node:
        """Join a map with the next coarser one, whose cells are repeated 2 x 2 times."""
        down = self._layer(coarser, f"finer.down{stride}")
        double = np.array([2.0, 2.0], np.float32)
        down = ops.interpolate(
            down,
            double,
            "nearest",
            "scales",
            axes=np.array([2, 3]),
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        extent = ops.shape_of(x)
        down = ops.slice(
            down,
            np.array([0, 0]),
            ops.gather(extent, np.array([2, 3]), np.array(0)),
            np.array([1, 1]),
            np.array([2, 3]),
        )
        joined = ops.relu(ops.add(self._layer(x, f"finer.across{stride}"), down))
        joined = ops.relu(self._layer(joined, f"finer.join{stride}_1"))
        return ops.relu(self._layer(joined, f"finer.join{stride}_2"))

    def head(self, x: Node, level: int) -> Node:
        """Return the log odds and offsets of a level: (1, A * 5, h, w)."""
        return self._convolve(x, merge_head(self._tensors, level), f"loc.{level}", padding=(1, 1))

    def _convolve(
        self,
        x: Node,
        kernel: Kernel,
        name: str,  # noqa: ARG002  # builders that treat some layers apart go by it
        strides: tuple[int, int] = (1, 1),
        padding: tuple[int, int] = (0, 0),
    ) -> Node:
        """Convolve with the kernel of the layer of that name, and add the bias."""
        return convolve(x, constant(kernel.weights), kernel.bias, strides, padding)

    def _stem(self, pixels: Node) -> Node:
        mean = self._config.mean
        if surround_of(self._config).border:
            kernel = read_cells(fold_mean(self._folded(STEM), mean), STEM_STRIDE)
            return self._convolve(pixels, kernel, STEM, (STEM_STRIDE, 1))
        centred = ops.subtract(pixels, constant(np.array(mean).reshape(1, 3, 1, 1)))
        return self._layer(centred, STEM, STEM_STRIDE)

    def _inception(self, x: Node, block: str) -> Node:
        def layer(x: Node, name: str) -> Node:
            return self._layer(x, f"{block}.{name}")

        second = self._pool_layer(x, f"{block}.branch1x1_2")
        third = layer(ops.relu(layer(x, "branch3x3_reduce")), "branch3x3")
        fourth = layer(ops.relu(layer(x, "branch3x3_reduce_2")), "branch3x3_2")
        fourth = layer(ops.relu(fourth), "branch3x3_3")
        branches = [layer(x, "branch1x1"), second, third, fourth]
        return ops.relu(ops.concat(branches, 1))  # (1, 128, h, w)

    def _pool_layer(self, x: Node, name: str) -> Node:
        if self._config.pooling == "max":
            return self._layer(max_pool(x, 1, (1, 1)), name)
        weights, bias = self._folded(name)
        x = self._convolve(x, Kernel(weights, np.zeros_like(bias)), name)
        x = ops.avg_pool(x, [1, 1], [1, 1], [1, 1], [3, 3], exclude_pad=False)
        return _add(x, bias)

    def _narrow(self, x: Node, block: str) -> Node:
        x = ops.relu(self._layer(x, f"{block}_1"))
        return ops.relu(self._layer(x, f"{block}_2", stride=2))

    def _pool(self, x: Node) -> Node:
        return max_pool(x, 2, self._padding(3, 2))

    def _layer(self, x: Node, name: str, stride: int = 1) -> Node:
        kernel = self._folded(name)
        padding = self._padding(kernel.weights.shape[2], stride)
        return self._convolve(x, kernel, name, (stride, stride), padding)

    def _folded(self, name: str) -> Kernel:
        return fold_norm(self._tensors, name, self._config.bn_eps)

    def _padding(self, size: int, stride: int) -> tuple[int, int]:
        """Return what a kernel of that size is padded with before and after."""
        if self._config.padding == "symmetric" or stride == 1:
            return size // 2, size // 2
        total = size - stride
        return total // 2, total - total // 2


def convolve(
    x: Node,
    weights: Node,
    bias: NDArray[np.float32],
    strides: tuple[int, int],
    padding: tuple[int, int],
) -> Node:
    """Convolve with weights that are a node, pad before and after, and add a bias (outputs,)."""
    before, after = padding
    x = ops.convolution(x, weights, list(strides), [before] * 2, [after] * 2, [1, 1])
    return _add(x, bias)


def max_pool(x: Node, stride: int, padding: tuple[int, int]) -> Node:
    """Take the highest of 3 x 3."""
    before, after = padding
    pooled = ops.max_pool(x, [stride] * 2, [1, 1], [before] * 2, [after] * 2, [3, 3])
    return pooled.output(0)  # the other one says where the maxima were


def _crelu(x: Node) -> Node:
    return ops.relu(ops.concat([x, ops.negative(x)], 1))


def _add(x: Node, bias: NDArray[np.float32]) -> Node:
    return ops.add(x, constant(bias.reshape(1, -1, 1, 1))) if bias.any() else x


def constant(values: NDArray[Any]) -> Node:
    """Hold values as float32."""
    return ops.constant(np.ascontiguousarray(values, np.float32))
