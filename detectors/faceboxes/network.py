"""The FaceBoxes network, in the paper's form and in one with finer heads and a deeper trunk.

Reference: arXiv:1708.05234, sections 3.1 and 3.2; names of the layers as in
github.com/zisianw/FaceBoxes.PyTorch. Lin et al., Feature Pyramid Networks, 2017, arXiv:1612.03144
(how the finer maps are told what the coarser ones know).
"""

from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from detectors.errors import UnsupportedCheckpoint
from detectors.faceboxes.config import DEPTH, PYTORCH, FaceBoxesConfig


class FaceBoxes(nn.Module):
    """Rapidly digested and multiple-scale convolutional layers with a head at each level."""

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
        self.deep16, self.deep32 = nn.Sequential(), nn.Sequential()
        if config.heads == "fine":
            self.detail8 = _begin_mute(_Conv(48, 48, 3, 2, config))
            self.deep16.extend(_Bottleneck(config) for _ in range(DEPTH[16]))
            self.deep32.extend(_Bottleneck(config) for _ in range(DEPTH[32]))
            self.finer = _Finer(config)
        self.loc = _heads(config, values=4)
        self.conf = _heads(config, values=2)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the box offsets (B, N, 4) and the logits background, face (B, N, 2).

        Args:
            images: (B, 3, H, W) float32, BGR with the mean subtracted; H and W multiples of
                `config.multiple`. N and the order of the rows are those of `anchors`.
        """
        return self.read(self.maps(images))

    def maps(self, images: Tensor) -> list[Tensor]:
        """Return what the heads read, (B, C, H/stride, W/stride) for each of `config.levels`."""
        fine = self.config.heads == "fine"
        stride4 = _crelu(self.conv1(images))  # (B, 48, H/4, W/4)
        stride8 = self._pool(stride4)  # (B, 48, H/8, W/8)
        if fine:
            stride8 = F.relu(stride8 + self.detail8(stride4))
        stride16 = self.deep16(_crelu(self.conv2(stride8)))  # (B, 128, H/16, W/16)
        x = self._pool(stride16)  # (B, 128, H/32, W/32)
        stride32 = self.deep32(self.inception3(self.inception2(self.inception1(x))))
        stride64 = F.relu(self.conv3_2(F.relu(self.conv3_1(stride32))))  # (B, 256, H/64, W/64)
        stride128 = F.relu(self.conv4_2(F.relu(self.conv4_1(stride64))))  # (B, 256, H/128, W/128)
        maps = [stride32, stride64, stride128]
        if fine:
            maps = [*self.finer(stride8, stride16, stride32), *maps]
        return maps

    def read(self, maps: list[Tensor]) -> tuple[Tensor, Tensor]:
        """Return the offsets and logits that the heads read in these maps."""
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


class _Bottleneck(nn.Module):
    """What a narrow convolution sees in a map of 128 channels, added to it; at first nothing.

    Reference: He et al., Deep Residual Learning, 2016, arXiv:1512.03385, figure 5.
    """

    def __init__(self, config: FaceBoxesConfig) -> None:
        super().__init__()
        self.reduce = _Conv(128, 64, 1, 1, config)
        self.look = _Conv(64, 64, 3, 1, config)
        self.expand = _begin_mute(_Conv(64, 128, 1, 1, config))

    def forward(self, x: Tensor) -> Tensor:
        seen = F.relu(self.look(F.relu(self.reduce(x))))
        return F.relu(x + self.expand(seen))


class _Finer(nn.Module):
    """Two finer maps, each joined with what the next coarser one knows of the surroundings."""

    def __init__(self, config: FaceBoxesConfig) -> None:
        super().__init__()
        self.across16 = _Conv(128, 64, 1, 1, config)
        self.down16 = _Conv(128, 64, 1, 1, config)
        self.join16_1 = _Conv(64, 64, 3, 1, config)
        self.join16_2 = _Conv(64, 64, 3, 1, config)
        self.across8 = _Conv(48, 48, 1, 1, config)
        self.down8 = _Conv(64, 48, 1, 1, config)
        self.join8_1 = _Conv(48, 48, 3, 1, config)
        self.join8_2 = _Conv(48, 48, 3, 1, config)

    def forward(self, stride8: Tensor, stride16: Tensor, stride32: Tensor) -> list[Tensor]:
        """Return the maps of stride 8 (B, 48, H/8, W/8) and 16 (B, 64, H/16, W/16)."""
        fine16 = F.relu(self.across16(stride16) + _enlarge(self.down16(stride32), stride16))
        fine16 = F.relu(self.join16_2(F.relu(self.join16_1(fine16))))
        fine8 = F.relu(self.across8(stride8) + _enlarge(self.down8(fine16), stride8))
        return [F.relu(self.join8_2(F.relu(self.join8_1(fine8)))), fine16]


def rebuild(config: FaceBoxesConfig, tensors: Mapping[str, Tensor], origin: Path) -> FaceBoxes:
    """Make the network of these options and tensors, which were read from `origin`."""
    network = FaceBoxes(config)
    wanted = {name: tensor.shape for name, tensor in network.state_dict().items()}
    given = {name: tensor.shape for name, tensor in tensors.items()}
    wrong = sorted(name for name, _ in wanted.items() ^ given.items())
    if wrong:
        raise UnsupportedCheckpoint(
            f"{origin} does not hold a FaceBoxes network ({wrong[0]} is missing, unknown or of "
            "another shape): give weights of FaceBoxes itself."
        )
    network.load_state_dict(dict(tensors))
    return network


def _heads(config: FaceBoxesConfig, values: int) -> nn.ModuleList:
    """Make one 3 x 3 convolution a level that gives so many values an anchor."""
    channels = {8: 48, 16: 64, 32: 128, 64: 256, 128: 256}
    return nn.ModuleList(
        nn.Conv2d(channels[level.stride], level.per_cell * values, 3, padding=1)
        for level in config.levels
    )


def _read(heads: nn.ModuleList, maps: list[Tensor], values: int) -> Tensor:
    """Apply the heads and line the anchors up: (B, N, values)."""
    outputs = [head(x).permute(0, 2, 3, 1) for head, x in zip(heads, maps, strict=True)]
    return torch.cat([output.reshape(len(output), -1, values) for output in outputs], 1)


def _begin_mute(layer: _Conv) -> _Conv:
    """Let a layer add nothing at first: training starts from what the others know already.

    Reference: Goyal et al., Accurate, Large Minibatch SGD, 2017, arXiv:1706.02677, section 5.1.
    """
    nn.init.zeros_(layer.bn.weight)
    return layer


def _crelu(x: Tensor) -> Tensor:
    """Concatenated ReLU: filters of early layers come in pairs of opposite phase (section 3.1)."""
    return F.relu(torch.cat([x, -x], 1))


def _enlarge(x: Tensor, finer: Tensor) -> Tensor:
    """Repeat each cell 2 x 2 times and cut off what a map of odd size does not have."""
    height, width = finer.shape[-2:]
    return F.interpolate(x, scale_factor=2.0, mode="nearest")[..., :height, :width]


def _pad_same(x: Tensor, kernel: int, stride: int) -> Tensor:
    """Pad with zeros as `same` does where the stride divides H and W; the smaller part first."""
    total = kernel - stride
    before, after = total // 2, total - total // 2
    return F.pad(x, (before, after, before, after))
