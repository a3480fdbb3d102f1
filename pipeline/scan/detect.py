"""Pass 1: decode a video once, look for faces, keep only numbers.

The decoder scales straight to the size that the network looks at; a full-size colour picture is
never made. What is measured on a face comes from the full-size luma, of which only the face is
touched. While one batch is looked at, the next is decoded. A picture is dropped as soon as its
batch has been looked at, so memory stays flat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from detectors import Detector
from pipeline.decode import Video
from pipeline.every import parse_every
from pipeline.scan.camera import CameraMeter
from pipeline.scan.cuts import CutMeter
from pipeline.scan.faces import MAX_ENLARGEMENT, Faces
from pipeline.scan.rows import Rows
from pipeline.settings import ScanSettings
from pipeline.types import Frame, Scan

_FRAME = np.dtype(
    [("pts", np.int64), ("time", np.float64), ("size", np.int32, 2), ("looked", np.bool_)]
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
    with ThreadPoolExecutor(1, "detection") as beside:  # waits, also after an error
        faces = Faces(detector, settings, batch_size, beside)
        for frame in video.frames():
            luma, looked = frame.picture.luma(), looks_at(frame.index, frame.time)
            cuts.add(luma)
            camera.add(luma)
            if looked:
                faces.look(frame, luma)
            frames.append([(frame.pts, frame.time, _size(frame), looked)])
            if progress is not None:
                progress(frame.index + 1, frame.time)
        faces.finish()
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
