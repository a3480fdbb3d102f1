"""A network in training that is to see what its teachers see, not only to find what they find.

A detection tells of a few places in a picture; a teacher's maps tell of every place how a network
sees it that has learned from many more pictures. What the pupil's heads read is held to them
through a 1 x 1 convolution a level, which is of no use after training.

Reference:
    Romero et al., FitNets: Hints for Thin Deep Nets, 2014, arXiv:1412.6550.
    Cao et al., PKD: General Distillation Framework for Object Detectors via Pearson Correlation
    Coefficient, 2022, arXiv:2207.02039.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import torch
from torch import Tensor, nn

from detectors.faceboxes import FaceBoxes
from detectors.faceboxes.config import FaceBoxesConfig
from training.losses import unlikeness
from training.teachers import STRIDES

PREFIX: Final = "imitation."
"""Of the names of what only training needs."""


class Pupil(FaceBoxes):
    """FaceBoxes, and what compares its maps with teachers' maps of so many channels in all."""

    def __init__(self, config: FaceBoxesConfig, channels: int) -> None:
        super().__init__(config)
        self.imitation = nn.ModuleDict()
        for level, head in zip(config.levels, self.loc, strict=True):
            if channels and level.stride in STRIDES:
                assert isinstance(head, nn.Conv2d)
                self.imitation[str(level.stride)] = nn.Conv2d(head.in_channels, channels, 1)

    def unlikeness(self, maps: Sequence[Tensor], wanted: Sequence[Tensor]) -> Tensor:
        """Compare what the heads read with the teachers' maps: the mean over levels, 0 to 2.

        Args:
            maps: (B, C, h, w) for each level.
            wanted: (B, h, w, channels) for each of `STRIDES`; nothing is unlike nothing.
        """
        if not wanted:
            return maps[0].new_zeros(())
        theirs = dict(zip(STRIDES, wanted, strict=True))
        levels = [
            unlikeness(self.imitation[str(level.stride)](own).permute(0, 2, 3, 1), told)
            for level, own in zip(self.config.levels, maps, strict=True)
            if (told := theirs.get(level.stride)) is not None
        ]
        return torch.stack(levels).mean()


def without_imitation(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Leave out what only training needs."""
    return {name: value for name, value in tensors.items() if not name.startswith(PREFIX)}
