"""FaceBoxes: the network, its densified anchors and its box coding.

Two forms have been published and are widely used; they differ in padding, pooling and anchors. The
options of `FaceBoxesConfig` span both, and travel with the weights, so that a file of weights
rebuilds its own network.

Reference:
    Zhang et al., FaceBoxes: A CPU Real-time Face Detector with High Accuracy, 2017,
    arXiv:1708.05234. Names of the layers as in github.com/zisianw/FaceBoxes.PyTorch.
"""

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CENTRE_VARIANCE: Final = 0.1
SIZE_VARIANCE: Final = 0.2


class AnchorLevel(NamedTuple):
    """One map of the network: its stride (px) and the anchors of a cell."""

    stride: int
    sizes: tuple[tuple[int, int], ...]  # (size in px, anchors along each side of a cell)

    @property
    def per_cell(self) -> int:
        """Count the anchors of one cell."""
        return sum(n * n for _, n in self.sizes)


LEVELS: Final = (
    AnchorLevel(32, ((32, 4), (64, 2), (128, 1))),
    AnchorLevel(64, ((256, 1),)),
    AnchorLevel(128, ((512, 1),)),
)


@dataclass(frozen=True, slots=True)
class FaceBoxesConfig:
    """How one FaceBoxes differs from another; the defaults are the published PyTorch form.

    Attributes:
        mean: Subtracted from the blue, green and red of each pixel (0 to 255).
        multiple: Pictures are padded with black, right and below, to a multiple of this (px).
        padding: Of strided layers: `symmetric`, or TensorFlow's `same` (needs multiple = 128).
        pooling: In the second branch of each Inception block.
        bn_eps: Added to the variance in every batch normalisation.
        anchors: Where the n x n anchors of one size stand in a cell: `corner` starts at the cell's
            corner in steps of stride / n; `centre` takes the same steps symmetrically about the
            middle; `spread` too, but in steps of size / n, and runs through y before x.
        clip_anchors: Cut anchors off at the border of the (padded) picture.
    """

    mean: tuple[float, float, float] = (104.0, 117.0, 123.0)
    multiple: int = 1
    padding: Literal["symmetric", "same"] = "symmetric"
    pooling: Literal["average", "max"] = "average"
    bn_eps: float = 1e-5
    anchors: Literal["corner", "centre", "spread"] = "corner"
    clip_anchors: bool = False


PYTORCH: Final = FaceBoxesConfig()
TENSORFLOW: Final = FaceBoxesConfig(
    mean=(127.5, 127.5, 127.5),
    multiple=128,
    padding="same",
    pooling="max",
    bn_eps=1e-3,
    anchors="spread",
    clip_anchors=True,
)


class FaceBoxes(nn.Module):
    """Rapidly digested and multiple-scale convolutional layers with three heads."""

    def __init__(self, config: FaceBoxesConfig = PYTORCH) -> None:
        super().__init__()
        self.config = config
        self.conv1 = _Conv(3, 24, 7, 4, config)
        self.conv2 = _Conv(48, 64, 5, 2, config)
        self.inception1 = _Inception(config)
        self.inception2 = _Inception(config)
        self.inception3 = _Inception(config)
        self.conv3_1 = _Conv(128, 128, 1, 1, config)
        self.conv3_2 = _Conv(128, 256, 3, 2, config)
        self.conv4_1 = _Conv(256, 128, 1, 1, config)
        self.conv4_2 = _Conv(128, 256, 3, 2, config)
        self.loc = _heads(values=4)
        self.conf = _heads(values=2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the box offsets (B, N, 4) and the logits background, face (B, N, 2).

        Args:
            images: (B, 3, H, W) float32, BGR with the mean subtracted; H and W multiples of
                `config.multiple`. N and the order of the rows are those of `anchors`.
        """
        x = self._pool(_crelu(self.conv1(images)))  # (B, 48, H/8, W/8)
        x = self._pool(_crelu(self.conv2(x)))  # (B, 128, H/32, W/32)
        stride32 = self.inception3(self.inception2(self.inception1(x)))
        stride64 = F.relu(self.conv3_2(F.relu(self.conv3_1(stride32))))  # (B, 256, H/64, W/64)
        stride128 = F.relu(self.conv4_2(F.relu(self.conv4_1(stride64))))  # (B, 256, H/128, W/128)
        maps = [stride32, stride64, stride128]
        return _read(self.loc, maps, values=4), _read(self.conf, maps, values=2)

    def _pool(self, x: Tensor) -> Tensor:
        if self.config.padding == "symmetric":
            return F.max_pool2d(x, 3, 2, 1)
        # Zeros pad as well as minus infinity would: nothing is below zero after a ReLU.
        return F.max_pool2d(_pad_same(x, 3, 2), 3, 2)


class _Conv(nn.Module):
    """Convolution without bias, then batch normalisation; the caller activates."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, config: FaceBoxesConfig
    ) -> None:
        super().__init__()
        self.same = config.padding == "same" and stride > 1
        padding = 0 if self.same else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=config.bn_eps)

    def forward(self, x: Tensor) -> Tensor:
        if self.same:
            x = _pad_same(x, self.conv.kernel_size[0], self.conv.stride[0])
        normalised: Tensor = self.bn(self.conv(x))
        return normalised


class _Inception(nn.Module):
    """Four branches of 32 channels each with receptive fields of 1, 3, 3 and 5."""

    def __init__(self, config: FaceBoxesConfig) -> None:
        super().__init__()
        self.average = config.pooling == "average"
        self.branch1x1 = _Conv(128, 32, 1, 1, config)
        self.branch1x1_2 = _Conv(128, 32, 1, 1, config)
        self.branch3x3_reduce = _Conv(128, 24, 1, 1, config)
        self.branch3x3 = _Conv(24, 32, 3, 1, config)
        self.branch3x3_reduce_2 = _Conv(128, 24, 1, 1, config)
        self.branch3x3_2 = _Conv(24, 32, 3, 1, config)
        self.branch3x3_3 = _Conv(32, 32, 3, 1, config)

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.avg_pool2d(x, 3, 1, 1) if self.average else F.max_pool2d(x, 3, 1, 1)
        third = self.branch3x3(F.relu(self.branch3x3_reduce(x)))
        fourth = self.branch3x3_2(F.relu(self.branch3x3_reduce_2(x)))
        fourth = self.branch3x3_3(F.relu(fourth))
        branches = [self.branch1x1(x), self.branch1x1_2(pooled), third, fourth]
        return F.relu(torch.cat(branches, 1))  # (B, 128, h, w)


def anchors(height: int, width: int, config: FaceBoxesConfig = PYTORCH) -> Tensor:
    """Lay out the anchors of a (padded) picture: (N, 4) float32, cx, cy, w, h in pixels."""
    boxes = torch.cat([_level_anchors(level, height, width, config) for level in LEVELS])
    return _clip_centred(boxes, height, width) if config.clip_anchors else boxes


def decode(loc: Tensor, anchors: Tensor) -> Tensor:
    """Turn offsets (..., 4) into boxes x1, y1, x2, y2 in the unit of the anchors (..., 4)."""
    size = anchors[..., 2:] * torch.exp(loc[..., 2:] * SIZE_VARIANCE)
    corner = anchors[..., :2] + loc[..., :2] * CENTRE_VARIANCE * anchors[..., 2:] - size / 2
    return torch.cat([corner, corner + size], -1)


def encode(boxes: Tensor, anchors: Tensor) -> Tensor:
    """Turn boxes x1, y1, x2, y2 (..., 4) into offsets from the anchors: the inverse of `decode`."""
    size = boxes[..., 2:] - boxes[..., :2]
    centre = boxes[..., :2] + size / 2
    shift = (centre - anchors[..., :2]) / (CENTRE_VARIANCE * anchors[..., 2:])
    return torch.cat([shift, torch.log(size / anchors[..., 2:]) / SIZE_VARIANCE], -1)


def _heads(values: int) -> nn.ModuleList:
    """Make one 3 x 3 convolution a level that gives so many values an anchor."""
    channels = (128, 256, 256)
    return nn.ModuleList(
        nn.Conv2d(inputs, level.per_cell * values, 3, padding=1)
        for inputs, level in zip(channels, LEVELS, strict=True)
    )


def _read(heads: nn.ModuleList, maps: list[Tensor], values: int) -> Tensor:
    """Apply the heads and line the anchors up: (B, N, values)."""
    outputs = [head(x).permute(0, 2, 3, 1) for head, x in zip(heads, maps, strict=True)]
    return torch.cat([output.reshape(len(output), -1, values) for output in outputs], 1)


def _crelu(x: Tensor) -> Tensor:
    """Concatenated ReLU: filters of early layers come in pairs of opposite phase (section 3.1)."""
    return F.relu(torch.cat([x, -x], 1))


def _pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad with zeros as `same` does where the stride divides H and W; the smaller part first."""
    total = kernel - stride
    before, after = total // 2, total - total // 2
    return F.pad(x, (before, after, before, after))


def _level_anchors(level: AnchorLevel, height: int, width: int, config: FaceBoxesConfig) -> Tensor:
    """Repeat the anchors of one cell over a map, row by row: (rows * columns * per_cell, 4)."""
    y = torch.arange(-(-height // level.stride)) * level.stride
    x = torch.arange(-(-width // level.stride)) * level.stride
    cells = torch.zeros(len(y), len(x), 1, 4)
    cells[..., 0] = x[None, :, None]
    cells[..., 1] = y[:, None, None]
    return (cells + _cell_anchors(level, config)).reshape(-1, 4)


def _cell_anchors(level: AnchorLevel, config: FaceBoxesConfig) -> Tensor:
    """Lay out the anchors of the cell at the origin: (per_cell, 4)."""
    rows = []
    for size, n in level.sizes:
        steps = _steps(size, n, level.stride, config)
        if config.anchors == "spread":
            rows += [(x, y, size, size) for x in steps for y in steps]
        else:
            rows += [(x, y, size, size) for y in steps for x in steps]
    return torch.tensor(rows, dtype=torch.float32)


def _steps(size: int, n: int, stride: int, config: FaceBoxesConfig) -> list[float]:
    """Place n anchors of one size along a cell's side: offsets of their centres in pixels."""
    step = size / n if config.anchors == "spread" else stride / n
    start = 0.0 if config.anchors == "corner" and n > 1 else (stride - (n - 1) * step) / 2
    return [start + k * step for k in range(n)]


def _clip_centred(boxes: Tensor, height: int, width: int) -> Tensor:
    """Cut boxes cx, cy, w, h (N, 4) off at the border of the picture."""
    limit = torch.tensor([width, height], dtype=torch.float32)
    low = (boxes[:, :2] - boxes[:, 2:] / 2).clamp(min=0)
    high = torch.minimum(boxes[:, :2] + boxes[:, 2:] / 2, limit)
    return torch.cat([(low + high) / 2, high - low], 1)
