"""The detector: pictures in, faces out."""

import math
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors import Detections
from detectors.backends import Candidates, Execution, Network, choose_runtime
from detectors.boxes import LEAST_VOTE, clip, suppress, vote
from detectors.errors import UnsupportedCheckpoint
from detectors.faceboxes.config import parse_config
from detectors.faceboxes.layout import lay_out, place
from detectors.images import Image, by_size
from detectors.weights import Entry, read_tensors

CACHED_SIZES: Final = 8  # of pictures whose anchors are remembered
ROUNDING: Final = 1e-4  # log odds below the threshold at which its score decides, not rounding


def open_detector(entry: Entry, *, threshold: float, execution: Execution) -> "FaceBoxesDetector":
    """Make the detector of a manifest entry."""
    return FaceBoxesDetector(entry, open_network(entry, execution), threshold)


def open_network(entry: Entry, execution: Execution) -> Network:
    """Rebuild the network of a manifest entry on the runtime that suits the device."""
    opening = {"openvino": _open_openvino, "torch": _open_torch}
    return opening[choose_runtime(execution)](entry, execution)


class FaceBoxesDetector:
    """Finds the faces of pictures of any size."""

    def __init__(self, entry: Entry, network: Network, threshold: float) -> None:
        self.name = entry.name
        self.smallest_face = entry.smallest_face
        self.runtime = network.runtime
        self._network = network
        self._config = parse_config(entry.config)
        self._rule = entry.suppression
        self._threshold = threshold
        self._votes = entry.suppression.vote < 1
        self._floor = min(threshold, LEAST_VOTE) if self._votes else threshold
        self._anchors = lru_cache(CACHED_SIZES)(self._lay_out)

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture (H, W, 3); those of one size are looked at together."""
        found = [Detections.none()] * len(images)
        floor = _log_odds(self._floor) - ROUNDING
        for size, places in by_size(images).items():
            candidates = self._network([images[place] for place in places], floor)
            for k, likely in zip(places, candidates, strict=True):
                found[k] = self._choose(likely, size)
        return found

    def _choose(self, likely: Candidates, size: tuple[int, int]) -> Detections:
        """Decode what can matter, then keep the best of what overlaps."""
        scores = _sigmoid(likely.log_odds)  # (K,)
        enough = scores >= self._floor
        scores = scores[enough]
        boxes = place(likely.offsets[enough], self._anchors(*size)[likely.rows[enough]])  # (K, 4)
        if self._rule.clip:
            boxes = clip(boxes, *size)
        if not self._votes:
            kept = suppress(boxes, scores, self._rule)
            return Detections(boxes[kept], scores[kept])
        boxes, scores = vote(boxes, scores, self._rule)
        count = int((scores >= self._threshold).sum())  # best first
        return Detections(boxes[:count], scores[:count])

    def _lay_out(self, height: int, width: int) -> NDArray[np.float32]:
        multiple = self._config.multiple
        rows, columns = (-(-side // multiple) * multiple for side in (height, width))
        return lay_out(rows, columns, self._config)


def _open_torch(entry: Entry, execution: Execution) -> Network:
    import torch

    from detectors.backends.torch import TorchNetwork
    from detectors.faceboxes.network import rebuild

    config = parse_config(entry.config)
    tensors = {name: torch.tensor(array) for name, array in read_tensors(entry).items()}
    network = rebuild(config, tensors, entry.path)
    return TorchNetwork(network, config.mean, config.multiple, execution)


def _open_openvino(entry: Entry, execution: Execution) -> Network:
    from detectors.backends.openvino import OpenVinoNetwork, capabilities, choose_precision
    from detectors.faceboxes.graph import build, surround_of

    config = parse_config(entry.config)
    asked, has_ranges = execution.precision, bool(entry.ranges)
    precision = choose_precision(asked, capabilities(), has_ranges=has_ranges)
    tensors = read_tensors(entry)
    try:
        model = build(config, tensors, entry.ranges if precision == "int8" else None)
    except (KeyError, RuntimeError) as error:
        raise UnsupportedCheckpoint(
            f"{entry.path} does not hold a FaceBoxes network: give weights of FaceBoxes itself."
        ) from error
    return OpenVinoNetwork(model, surround_of(config), execution, precision)


def _log_odds(score: float) -> float:
    """Return the logit, finite also for 0 and 1."""
    score = min(max(score, sys.float_info.min), 1 - sys.float_info.epsilon)
    return math.log(score / (1 - score))


def _sigmoid(log_odds: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the scores; written with tanh, which does not overflow."""
    return (np.tanh(log_odds / 2, dtype=np.float32) + np.float32(1)) / np.float32(2)
