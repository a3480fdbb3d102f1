"""Pass 1: decode a video once, look for faces, keep only numbers.

The decoder scales straight to the size that the network looks at; a full-size colour picture is
never made. What is measured on a face comes from the full-size luma, of which only the face is
touched. A picture is dropped as soon as its batch has been looked at, so memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

import numpy as np

from detectors import Detections, Detector
from pipeline.decode import Video
from pipeline.every import parse_every
from pipeline.scan.camera import CameraMeter
from pipeline.scan.cuts import CutMeter
from pipeline.scan.measure import measure
from pipeline.scan.rows import Rows
from pipeline.settings import ScanSettings
from pipeline.types import Frame, Image, Scan

MAX_ENLARGEMENT: Final = 2.0
"""Pictures are enlarged at most so much for the network: beyond, there is nothing more to see."""

_MAX_PENDING_PIXELS: Final = 64_000_000
"""Full-size pixels that may wait for a batch to fill: about 100 MB."""

_FRAME = np.dtype(
    [("pts", np.int64), ("time", np.float64), ("size", np.int32, 2), ("looked", np.bool_)]
)
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


def scan(
    video: Video,
    detector: Detector,
    settings: ScanSettings,
    batch_size: int,
    progress: Callable[[int, float], None] | None = None,
) -> Scan:
    """Look at the whole video.

    Args:
        video: Opened; this is one pass over its frames.
        detector: Finds the faces.
        settings: ``weights`` is not used: the detector stands for them.
        batch_size: Pictures that the detector is given at once.
        progress: Told after each frame how many there were, and the frame's time in seconds.

    Raises:
        SetUpError: ``settings.every`` is neither a number of frames nor a time.
    """
    looks_at = parse_every(settings.every)
    frames, cuts, camera = Rows(_FRAME), CutMeter(), CameraMeter()
    faces = _Faces(detector, settings, batch_size)
    for frame in video.frames():
        luma, looked = frame.picture.luma(), looks_at(frame.index, frame.time)
        cuts.add(luma)
        camera.add(luma)
        if looked:
            faces.look(frame, luma)
        frames.append([(frame.pts, frame.time, _size(frame), looked)])
        if progress is not None:
            progress(frame.index + 1, frame.time)
    faces.flush()
    audit = replace(video.audit, warnings=(*video.audit.warnings, *_warnings(settings, detector)))
    return Scan(
        info=video.info,
        audit=audit,
        detector=f"{detector.name}, {detector.runtime}",
        cut_score=cuts.scores(),
        camera=camera.steps(),
        **frames.columns(),
        **faces.rows.columns(),
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


def _warnings(settings: ScanSettings, detector: Detector) -> Iterator[str]:
    """Yield a sentence if the network cannot see faces as small as was asked for."""
    visible = detector.smallest_face / MAX_ENLARGEMENT
    if settings.min_face < visible:
        yield (
            f"The detector sees no faces below {visible:.0f} pixels even where pictures are "
            f"enlarged; min_face is {settings.min_face:g}."
        )


def _size(frame: Frame) -> tuple[int, int]:
    return frame.picture.width, frame.picture.height


class _Faces:
    """Gathers pictures into batches, looks at them, and keeps what was seen."""

    def __init__(self, detector: Detector, settings: ScanSettings, batch_size: int) -> None:
        self.rows = Rows(_FACE)
        self._detector = detector
        self._settings = settings
        self._batch_size = batch_size
        self._waiting: list[tuple[int, Image, Image]] = []  # frame, luma, picture to look at

    def look(self, frame: Frame, luma: Image) -> None:
        """Look at a frame, now or when its batch is full."""
        smallest = self._detector.smallest_face
        size = network_size(_size(frame), self._settings, smallest)
        if self._waiting and self._waiting[0][1].shape != luma.shape:
            self.flush()
        self._waiting.append((frame.index, luma, frame.picture.bgr(size)))
        pixels = len(self._waiting) * luma.size
        if len(self._waiting) >= self._batch_size or pixels >= _MAX_PENDING_PIXELS:
            self.flush()

    def flush(self) -> None:
        """Look at all that waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            found = self._detector([image for _, _, image in waiting])
            for (index, luma, image), detections in zip(waiting, found, strict=True):
                self._keep(index, luma, image, detections)

    def _keep(self, index: int, luma: Image, image: Image, found: Detections) -> None:
        """Keep the faces of one frame, in full-size pixels."""
        enough = found.scores >= self._settings.score_floor
        scale = np.array(luma.shape[::-1]) / np.array(image.shape[1::-1])  # (2,)
        boxes = (found.boxes[enough] * np.tile(scale, 2)).astype(np.float32)  # (N, 4)
        seen = measure(luma, boxes)
        faces = np.zeros(len(boxes), _FACE)
        faces["frame"], faces["boxes"], faces["scores"] = index, boxes, found.scores[enough]
        faces["sharpness"], faces["brightness"] = seen.sharpness, seen.brightness
        faces["contrast"], faces["thumbnail"] = seen.contrast, seen.thumbnail
        self.rows.append(faces)
