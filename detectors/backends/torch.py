"""Networks in PyTorch: on GPUs, and on CPUs the plain float32 form that others are held to."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from detectors.backends import Candidates, Execution, Precision
from detectors.errors import MissingDevice, MissingPrecision, check_device_name
from detectors.images import Image


class TorchNetwork:
    """A module that gives offsets (B, N, 4) and logits background, face (B, N, 2)."""

    def __init__(
        self, module: nn.Module, mean: Sequence[float], multiple: int, execution: Execution
    ) -> None:
        self._device = find_device(execution.device)
        precision = choose_precision(execution.precision, self._device)
        torch.set_num_threads(execution.threads)
        self._module = module.eval().to(self._device)
        self._mean, self._multiple = mean, multiple
        self._narrow = precision == "bf16"
        on_cpu = self._device.type == "cpu"
        place = execution.describe_threads() if on_cpu else self._device
        self.runtime = f"PyTorch {precision}, {place}"

    @torch.inference_mode()
    def __call__(self, images: Sequence[Image], floor: float) -> list[Candidates]:
        """Look at pictures of one size, all in one batch."""
        batch = to_batch(images, self._mean, self._multiple, self._device)  # (B, 3, H, W)
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._narrow):
            offsets, logits = self._module(batch)  # (B, N, 4), (B, N, 2)
        offsets, logits = offsets.float(), logits.float()
        log_odds = logits[..., 1] - logits[..., 0]  # (B, N), the softmax of two is its sigmoid
        return choose(log_odds, offsets, floor)


def find_device(name: str) -> torch.device:
    """Find the device that was asked for; only `auto` may become the CPU."""
    check_device_name(name)
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingDevice(f"PyTorch sees no device {name}: use cpu, or install its CUDA build.")
    return device


def choose_precision(asked: Precision | Literal["auto"], device: torch.device) -> Precision:
    """Return what convolutions are computed in.

    On GPUs that is bfloat16 where they compute in it. On CPUs PyTorch is what others are held to,
    so it is float32 unless bfloat16 is asked for.

    Raises:
        MissingPrecision: It cannot be had here.
    """
    on_gpu = device.type == "cuda"
    able = not on_gpu or torch.cuda.is_bf16_supported(including_emulation=False)
    if asked == "int8" or (asked == "bf16" and not able):
        raise MissingPrecision(
            f"PyTorch does not compute in {asked} on {device}: use f32, or the runtime openvino."
        )
    if asked == "auto":
        return "bf16" if on_gpu and able else "f32"
    return asked


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
    pinned = torch.device(device).type == "cuda"  # such memory is copied without waiting
    pixels = torch.zeros((len(images), *padded, 3), dtype=torch.uint8, pin_memory=pinned)
    pixels.numpy()[:, :height, :width] = images
    batch = pixels.to(device, non_blocking=True).float() - torch.tensor(mean, device=device)
    return batch.permute(0, 3, 1, 2)


def choose(log_odds: Tensor, offsets: Tensor, floor: float) -> list[Candidates]:
    """Leave on the device what does not reach the floor; the rest comes over at once.

    Args:
        log_odds: (B, N)
        offsets: (B, N, 4)
        floor: Of the log odds.
    """
    image, row = torch.nonzero(log_odds >= floor, as_tuple=True)  # (K,) each, ascending
    likely = (image, row, log_odds[image, row], offsets[image, row])
    images, *columns = (tensor.cpu().numpy() for tensor in likely)
    bounds = np.searchsorted(images, np.arange(1, len(log_odds)))
    parts = zip(*(np.split(column, bounds) for column in columns), strict=True)
    return [Candidates(*part) for part in parts]
