"""Networks in PyTorch: on GPUs, and on CPUs the plain float32 form that others are held to."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from detectors.backends import Candidates, Execution
from detectors.errors import MissingDevice, MissingPrecision
from detectors.images import Image


class TorchNetwork:
    """A module that gives offsets (B, N, 4) and logits background, face (B, N, 2)."""

    def __init__(
        self, module: nn.Module, mean: Sequence[float], multiple: int, execution: Execution
    ) -> None:
        if execution.precision not in ("auto", "f32"):
            raise MissingPrecision(
                f"PyTorch does not compute in {execution.precision} here: "
                "use f32, or the runtime openvino."
            )
        self._device = find_device(execution.device)
        torch.set_num_threads(execution.threads)
        self._module = module.eval().to(self._device)
        self._mean, self._multiple = mean, multiple
        on_cpu = self._device.type == "cpu"
        self.runtime = f"PyTorch f32, {execution.describe_threads() if on_cpu else self._device}"

    @torch.inference_mode()
    def __call__(self, images: Sequence[Image], floor: float) -> list[Candidates]:
        """Look at pictures of one size, all in one batch."""
        batch = to_batch(images, self._mean, self._multiple, self._device)  # (B, 3, H, W)
        offsets, logits = self._module(batch)  # (B, N, 4), (B, N, 2)
        log_odds = logits[..., 1] - logits[..., 0]  # (B, N), the softmax of two is its sigmoid
        return [_choose(*each, floor) for each in zip(log_odds, offsets, strict=True)]


def find_device(name: str) -> torch.device:
    """Find the device that was asked for; only `auto` may become the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingDevice(f"PyTorch sees no device {name}: use cpu, or install its CUDA build.")
    return device


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


def _choose(log_odds: Tensor, offsets: Tensor, floor: float) -> Candidates:
    """Leave on the device what does not reach the floor: (N,), (N, 4) become (K,), (K, 4)."""
    rows = torch.nonzero(log_odds >= floor)[:, 0]  # (K,)
    chosen = (rows, log_odds[rows], offsets[rows])
    return Candidates(*(tensor.cpu().numpy() for tensor in chosen))
