"""From pictures to what a network reads."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Image = NDArray[np.uint8]


def by_size(images: Sequence[Image]) -> dict[tuple[int, int], list[int]]:
    """Sort pictures by (height, width): the places of those that can go through together.

    Raises:
        ValueError: A picture is not (H, W, 3) uint8 with at least one pixel.
    """
    places: dict[tuple[int, int], list[int]] = {}
    for place, image in enumerate(images):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"not a BGR picture: {image.shape = }, {image.dtype = }")
        places.setdefault(image.shape[:2], []).append(place)
    return places


def to_batch(
    images: Sequence[Image],
    mean: Sequence[float],
    multiple: int = 1,
    device: torch.device | str = "cpu",
) -> Tensor:
    """Stack pictures of one size: (B, 3, H, W) float32 with the mean (B, G, R) subtracted.

    Black is added right and below until `multiple` divides H and W. The memory is channels-last,
    in which convolutions on a CPU take half the time.
    """
    height, width = images[0].shape[:2]
    padded = (-(-height // multiple) * multiple, -(-width // multiple) * multiple)
    pixels = np.zeros((len(images), *padded, 3), dtype=np.uint8)
    pixels[:, :height, :width] = images
    batch = torch.from_numpy(pixels).to(device).float() - torch.tensor(mean, device=device)
    return batch.permute(0, 3, 1, 2)
