"""How a network is executed: a module here for each runtime.

A family of detectors hands its network over in the runtime's own form and gets back candidates,
the same from every runtime. A runtime is loaded only where it is used.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from numpy.typing import NDArray

from detectors.errors import MissingDevice, check_device_name
from detectors.images import Image

Runtime = Literal["openvino", "torch"]
Precision = Literal["f32", "bf16", "int8"]
"""What convolutions are computed in; int8 needs ranges, and leaves some layers to bf16 or f32."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The anchors of one picture where the network sees what may be a face.

    Attributes:
        rows: (K,) which anchors, ascending.
        log_odds: (K,) float32, of a face against background: the logit of the score.
        offsets: (K, 4) float32, from the anchor to the box.
    """

    rows: NDArray[np.intp]
    log_odds: NDArray[np.float32]
    offsets: NDArray[np.float32]


class Network(Protocol):
    """A network on its runtime; for one thread at a time, as its buffers are used again."""

    @property
    def runtime(self) -> str:
        """What computes: runtime, precision, and threads or device."""

    def __call__(self, images: Sequence[Image], floor: float) -> list[Candidates]:
        """Look at pictures of one size; keep the anchors whose log odds reach the floor."""


@dataclass(frozen=True, slots=True)
class Execution:
    """How a network is to be executed; see `detectors.load`."""

    device: str = "auto"
    threads: int = 1
    runtime: Runtime | Literal["auto"] = "auto"
    precision: Precision | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise ValueError(f"{self.threads = }")
        if self.runtime not in ("auto", *get_args(Runtime)):
            raise ValueError(f"{self.runtime = }")
        if self.precision not in ("auto", *get_args(Precision)):
            raise ValueError(f"{self.precision = }")

    def describe_threads(self) -> str:
        """Return the number of threads, to be read."""
        return "1 thread" if self.threads == 1 else f"{self.threads} threads"


def choose_runtime(execution: Execution) -> Runtime:
    """Choose PyTorch for GPUs, OpenVINO for CPUs, unless one is asked for.

    Raises:
        MissingDevice: There is no such device, or the runtime cannot use it.
    """
    device = execution.device
    check_device_name(device)
    if execution.runtime == "openvino" and device.startswith("cuda"):
        raise MissingDevice(f"OpenVINO cannot use {device}: use cpu, or the runtime torch.")
    if execution.runtime != "auto":
        return execution.runtime
    on_gpu = device.startswith("cuda") or (device == "auto" and _has_gpu())
    return "torch" if on_gpu else "openvino"


def _has_gpu() -> bool:
    """Ask PyTorch for a GPU, but load it (over a second) only where there is a driver for one."""
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    import torch

    return torch.cuda.is_available()
