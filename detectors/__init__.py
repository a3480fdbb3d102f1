"""Pictures in, faces out; this room knows nothing of video.

    detector = load("faceboxes", threshold=0.5)
    for faces in detector([image, another]):
        faces.boxes, faces.scores

A new family of detectors is a folder here, a line in `NETWORKS`, and weights with an entry in
their manifest (`detectors.weights`). What executes the network is in `detectors.backends`; it is
imported by `load`, not before, and PyTorch only where it is used. Nor is NumPy, until there are
pictures: who only asks what weights there are does not wait for it.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Protocol, Self

from detectors.errors import BadManifest, DetectorError
from detectors.weights import find

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detectors.backends import Precision, Runtime

# OpenVINO reports over the network that it was imported, unless its reporter cannot be found.
sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]

__all__ = ["NETWORKS", "Detections", "Detector", "DetectorError", "load"]

NETWORKS: Final[Mapping[str, str]] = {"faceboxes": "detectors.faceboxes.detector"}
"""The module of each network that a manifest can name; its `open_detector` makes the detector."""


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """The faces of one picture, best first; zero rows where there are none."""

    boxes: NDArray[np.float32]
    """(N, 4) x1, y1, x2, y2 in pixels of the picture, right and bottom exclusive; not clipped."""
    scores: NDArray[np.float32]
    """(N,) 0 to 1, descending."""

    def __post_init__(self) -> None:
        """Check shapes, types and order."""
        if self.boxes.shape != (len(self.scores), 4) or self.scores.ndim != 1:
            raise ValueError(f"{self.boxes.shape = }, {self.scores.shape = }")
        if self.boxes.dtype != "float32" or self.scores.dtype != "float32":
            raise ValueError(f"{self.boxes.dtype = }, {self.scores.dtype = }")
        if (self.scores[1:] > self.scores[:-1]).any():
            raise ValueError("scores are not in descending order")

    @classmethod
    def none(cls) -> Self:
        """Say that there is no face."""
        import numpy as np

        return cls(np.zeros((0, 4), np.float32), np.zeros(0, np.float32))

    def __len__(self) -> int:
        return len(self.scores)


class Detector(Protocol):
    """Finds faces in pictures; for one thread at a time."""

    @property
    def name(self) -> str:
        """Name of the weights."""

    @property
    def smallest_face(self) -> float:
        """Width and height of the smallest face that it can still see (px of its pictures)."""

    @property
    def runtime(self) -> str:
        """What executes the network, how exactly and where: `OpenVINO bf16, 1 thread`."""

    def __call__(self, images: Sequence[NDArray[np.uint8]]) -> list[Detections]:
        """Find the faces of each picture: (H, W, 3) uint8 BGR, of any and different sizes."""


def load(
    weights: str | Path = "faceboxes",
    *,
    device: str = "auto",
    threshold: float | None = None,
    threads: int = 1,
    runtime: Runtime | Literal["auto"] = "auto",
    precision: Precision | Literal["auto"] = "auto",
) -> Detector:
    """Make the detector that some weights belong to.

    Args:
        weights: The name of shipped weights, or the path of a safetensors file that has an entry
            in the manifest beside it.
        device: `cpu`, `cuda`, `cuda:N`, or `auto`: a GPU where there is one, else the CPU.
        threshold: Faces of a lower score are left out; by default the weights' own.
        threads: How many the CPU may use; for PyTorch that holds for all of this process.
        runtime: `openvino` or `torch`, or `auto`: PyTorch on a GPU, OpenVINO on the CPU.
        precision: `f32`, `bf16`, `int8`, or `auto`: with OpenVINO int8 for weights that have ranges
            for it, else bf16 on processors that are quicker in it, else f32; on a GPU bf16 where it
            computes in it, else f32. Results are the same for the same precision on the same
            processor.

    Raises:
        DetectorError: The weights, the device or the precision cannot be had; the message says
            what to do.
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"{threshold = }")
    from detectors.backends import Execution

    execution = Execution(device, threads, runtime, precision)
    entry = find(weights)
    if entry.network not in NETWORKS:
        raise BadManifest(
            f"The network {entry.network} of {entry.name} is not known: "
            f"choose weights for {', '.join(NETWORKS)}."
        )
    family = import_module(NETWORKS[entry.network])
    lowest = entry.threshold if threshold is None else threshold
    detector: Detector = family.open_detector(entry, threshold=lowest, execution=execution)
    return detector
