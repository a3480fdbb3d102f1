"""Look for faces beside the decoding, and measure what was found."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from detectors import Detections, Detector
from pipeline.scan.measure import measure
from pipeline.scan.rows import Rows
from pipeline.settings import ScanSettings
from pipeline.types import Frame, Image

MAX_ENLARGEMENT: Final = 2.0
"""Pictures are enlarged at most so much for the network: beyond, there is nothing more to see."""

_MAX_PENDING_PIXELS: Final = 32_000_000
"""Full-size pixels of a batch, of which one is looked at while the next fills: about 100 MB."""

_FACE = np.dtype(
    [
        ("frame", np.int32),
        ("boxes", np.float32, 4),
        ("scores", np.float32),
        ("sharpness", np.float32),
        ("brightness", np.float32),
        ("contrast", np.float32),
        ("thumbnail", np.uint8, (8, 8)),
    ]
)


def network_size(
    size: tuple[int, int], settings: ScanSettings, smallest_face: float
) -> tuple[int, int]:
    """Return the size at which a network that sees ``smallest_face`` pixels finds ``min_face``.

    Small pictures are looked at larger than that, as it costs little: see ``least_side``. Sizes are
    (width, height); see ``MAX_ENLARGEMENT``.
    """
    scale = max(smallest_face / settings.min_face, settings.least_side / max(size))
    scale = min(scale, MAX_ENLARGEMENT)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    """A frame that is to be looked at."""

    index: int
    luma: Image
    picture: Image
    """Of the size that the network looks at."""


class Faces:
    """Gathers pictures into batches, has them looked at in another thread, and keeps what was seen.

    One batch at a time: the detector is for one thread.
    """

    def __init__(
        self, detector: Detector, settings: ScanSettings, batch_size: int, beside: Executor
    ) -> None:
        self.rows = Rows(_FACE)
        """All of it once :meth:`finish` has returned."""
        self._detector = detector
        self._settings = settings
        self._batch_size = batch_size
        self._waiting: list[_Waiting] = []
        self._beside = beside
        self._running: Future[list[NDArray[np.void]]] | None = None

    def look(self, frame: Frame, luma: Image) -> None:
        """Look at a frame, now or when its batch is full."""
        smallest = self._detector.smallest_face
        size = network_size((frame.picture.width, frame.picture.height), self._settings, smallest)
        if self._waiting and self._waiting[0].luma.shape != luma.shape:
            self._flush()
        self._waiting.append(_Waiting(frame.index, luma, frame.picture.bgr(size)))
        pixels = len(self._waiting) * luma.size
        if len(self._waiting) >= self._batch_size or pixels >= _MAX_PENDING_PIXELS:
            self._flush()

    def finish(self) -> None:
        """Look at what still waits."""
        self._flush()
        self._keep()

    def _flush(self) -> None:
        """Have all that waits looked at; what was looked at until now is kept."""
        batch, self._waiting = self._waiting, []
        self._keep()
        if batch:
            self._running = self._beside.submit(self._see, batch)

    def _keep(self) -> None:
        """Keep what comes of the batch that is looked at."""
        if self._running is not None:
            for faces in self._running.result():
                self.rows.append(faces)
            self._running = None

    def _see(self, batch: Sequence[_Waiting]) -> list[NDArray[np.void]]:
        """Look at a batch: the rows of each of its frames."""
        found = self._detector([one.picture for one in batch])
        return [self._measure(one, faces) for one, faces in zip(batch, found, strict=True)]

    def _measure(self, one: _Waiting, found: Detections) -> NDArray[np.void]:
        """Return the rows of one frame's faces, in full-size pixels."""
        enough = found.scores >= self._settings.score_floor
        scale = np.array(one.luma.shape[::-1]) / np.array(one.picture.shape[1::-1])  # (2,)
        boxes = (found.boxes[enough] * np.tile(scale, 2)).astype(np.float32)  # (N, 4)
        seen = measure(one.luma, boxes)
        faces = np.zeros(len(boxes), _FACE)
        faces["frame"], faces["boxes"], faces["scores"] = one.index, boxes, found.scores[enough]
        faces["sharpness"], faces["brightness"] = seen.sharpness, seen.brightness
        faces["contrast"], faces["thumbnail"] = seen.contrast, seen.thumbnail
        return faces
