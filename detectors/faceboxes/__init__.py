"""The FaceBoxes family: network, densified anchors, detector, and import of published weights.

Two forms have been published and are widely used; they differ in padding, pooling and anchors.
The options of `FaceBoxesConfig` span both and travel with the weights, so that a file of weights
rebuilds its own network.

Reference:
    Zhang et al., FaceBoxes: A CPU Real-time Face Detector with High Accuracy, 2017,
    arXiv:1708.05234.
"""

from detectors.faceboxes.coding import anchors, decode, encode
from detectors.faceboxes.config import PYTORCH, TENSORFLOW, FaceBoxesConfig
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
