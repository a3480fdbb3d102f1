"""The detector: pictures in, faces out."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import torch
from torch import Tensor

from detectors import Detections
from detectors.boxes import clip, suppress
from detectors.errors import MissingDevice
from detectors.faceboxes.coding import anchors, decode
from detectors.faceboxes.config import parse_config
from detectors.faceboxes.network import FaceBoxes, rebuild
from detectors.images import Image, by_size, to_batch
from detectors.weights import Entry, read_tensors

CACHED_SIZES: Final = 8  # of pictures whose anchors are remembered


def open_detector(
    entry: Entry, *, device: str, threshold: float, threads: int
) -> "FaceBoxesDetector":
    """Rebuild the network of a manifest entry and put it on its device."""
    network = rebuild(parse_config(entry.config), read_tensors(entry), entry.path)
    found = _find_device(device)
    torch.set_num_threads(threads)
    return FaceBoxesDetector(entry, network, found, threshold)


class FaceBoxesDetector:
    """Finds the faces of pictures of any size."""

    def __init__(
        self, entry: Entry, network: FaceBoxes, device: torch.device, threshold: float
    ) -> None:
        self.name = entry.name
        self.smallest_face = entry.smallest_face
        self._rule = entry.suppression
        self._threshold = threshold
        self._device = device
        self._network = network.eval().to(device)
        self._anchors = lru_cache(CACHED_SIZES)(self._lay_out)

    def __call__(self, images: Sequence[Image]) -> list[Detections]:
        """Return the faces of each picture (H, W, 3), those of one size in one batch."""
        found = [Detections.none()] * len(images)
        for places in by_size(images).values():
            faces = self._detect([images[place] for place in places])
            for place, detections in zip(places, faces, strict=True):
                found[place] = detections
        return found

    @torch.inference_mode()
    def _detect(self, images: Sequence[Image]) -> list[Detections]:
        config = self._network.config
        batch = to_batch(images, config.mean, config.multiple, self._device)  # (B, 3, H, W)
        locs, logits = self._network(batch)  # (B, N, 4), (B, N, 2)
        scores = torch.sigmoid(logits[..., 1] - logits[..., 0])  # (B, N), softmax of two
        anchor_boxes = self._anchors(*batch.shape[2:])  # (N, 4)
        size = images[0].shape[:2]
        return [
            self._choose(loc, score, anchor_boxes, size)
            for loc, score in zip(locs, scores, strict=True)
        ]

    def _choose(
        self, loc: Tensor, scores: Tensor, anchor_boxes: Tensor, size: tuple[int, int]
    ) -> Detections:
        """Decode only what reaches the threshold, then keep the best of what overlaps."""
        likely = torch.nonzero(scores >= self._threshold)[:, 0]  # (K,)
        boxes = decode(loc[likely], anchor_boxes[likely]).cpu().numpy()  # (K, 4)
        values = scores[likely].cpu().numpy()  # (K,)
        if self._rule.clip:
            boxes = clip(boxes, *size)
        kept = suppress(boxes, values, self._rule)
        return Detections(boxes[kept], values[kept])

    def _lay_out(self, height: int, width: int) -> Tensor:
        return anchors(height, width, self._network.config).to(self._device)


def _find_device(name: str) -> torch.device:
    """Find the device that was asked for; only `auto` may become the CPU."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if not re.fullmatch(r"cpu|cuda(:\d+)?", name):
        raise MissingDevice(f"There is no device {name}: use cpu, cuda, cuda:N or auto.")
    device = torch.device(name)
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MissingDevice(f"PyTorch sees no device {name}: use cpu, or install its CUDA build.")
    return device
