"""The FaceBoxes family: network, densified anchors, detector, and import of published weights.

Two forms have been published and are widely used; they differ in padding, pooling and anchors.
The options of `FaceBoxesConfig` span both and travel with the weights, so that a file of weights
rebuilds its own network.

Reference:
    Zhang et al., FaceBoxes: A CPU Real-time Face Detector with High Accuracy, 2017,
    arXiv:1708.05234.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from detectors.faceboxes.config import PYTORCH, TENSORFLOW, FaceBoxesConfig

if TYPE_CHECKING:
    from detectors.faceboxes.coding import anchors, decode, encode
    from detectors.faceboxes.network import FaceBoxes

__all__ = [
    "PYTORCH",
    "TENSORFLOW",
    "FaceBoxes",
    "FaceBoxesConfig",
    "anchors",
    "decode",
    "encode",
]


def __getattr__(name: str) -> Any:
    """Import what needs PyTorch when it is first asked for: detection may do without."""
    if name not in __all__:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    module = "network" if name == "FaceBoxes" else "coding"
    return getattr(import_module(f"{__name__}.{module}"), name)
