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

from detectors import Detector
from pipeline.decode import Video
from pipeline.every import parse_every
from pipeline.facts import DecodeAudit, VideoInfo
from pipeline.scan.cuts import cut_scores
from pipeline.scan.faces import MAX_ENLARGEMENT, Faces
from pipeline.scan.notes import Notes, Seen
from pipeline.settings import ScanSettings
from pipeline.types import Scan


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
    with ThreadPoolExecutor(1, "detection") as beside:  # waits, also after an error
        notes = Notes(Faces(detector, settings, batch_size, beside))
        for frame in video.frames():
            notes.add(frame, looked=looks_at(frame.index, frame.time))
            if progress is not None:
                progress(frame.index + 1, frame.time)
        seen = notes.finish()
    return to_scan(video.info, video.audit, seen, detector, settings)


def to_scan(
    info: VideoInfo, audit: DecodeAudit, seen: Seen, detector: Detector, settings: ScanSettings
) -> Scan:
    """Put together what was seen of a whole video."""
    return Scan(
        info=info,
        audit=replace(audit, warnings=(*audit.warnings, *_warnings(settings, detector))),
        detector=f"{detector.name}, {detector.runtime}",
        cut_score=cut_scores(seen.distances),
        camera=seen.camera,
        **seen.frames,
        **seen.faces,
    )


def _warnings(settings: ScanSettings, detector: Detector) -> Iterator[str]:
    """Yield a sentence if the network cannot see faces as small as was asked for."""
    visible = detector.smallest_face / MAX_ENLARGEMENT
    if settings.min_face < visible:
        yield (
            f"The detector sees no faces below {visible:.0f} pixels even where pictures are "
            f"enlarged; min_face is {settings.min_face:g}."
        )
