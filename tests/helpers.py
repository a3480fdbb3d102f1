"""What the tests of several rooms build their cases from."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from pipeline.facts import DecodeAudit, VideoInfo
from pipeline.types import Scan

Face = tuple[int, Sequence[float], float]
"""Frame, box and score."""


def make_info(size: tuple[int, int] = (640, 480), rate: int = 25) -> VideoInfo:
    """Return what an ordinary MP4 says of itself."""
    return VideoInfo(
        width=size[0],
        height=size[1],
        frame_rate=Fraction(rate),
        time_base=Fraction(1, 1000),
        duration=None,
        container="mp4",
        codec="h264",
        pixel_format="yuv420p",
        rotation=0,
        mirrored=False,
        transfer="sdr",
        stream=0,
        video_streams=1,
        has_audio=False,
    )


def make_scan(
    faces: Sequence[Face],
    frames: int,
    *,
    rate: int = 25,
    size: tuple[int, int] = (640, 480),
    cuts: Sequence[int] = (),
    every: int = 1,
    **columns: Any,
) -> Scan:
    """Return the scan of a video with those faces; good looks, each unlike the others."""
    time = np.arange(frames) / rate
    cut_score = np.zeros(frames, np.float32)
    cut_score[list(cuts)] = 1
    count = len(faces)
    noise = np.random.default_rng(0).integers(0, 256, (count, 8, 8))
    values = {
        "pts": np.round(time * 1000).astype(np.int64),
        "time": time,
        "size": np.tile(np.array(size, np.int32), (frames, 1)),
        "cut_score": cut_score,
        "camera": np.zeros((frames, 2), np.float32),
        "looked": np.arange(frames) % every == 0,
        "frame": np.array([face[0] for face in faces], np.int32),
        "boxes": np.array([face[1] for face in faces], np.float32).reshape(-1, 4),
        "scores": np.array([face[2] for face in faces], np.float32),
        "sharpness": np.full(count, 0.5, np.float32),
        "brightness": np.full(count, 0.5, np.float32),
        "contrast": np.full(count, 0.2, np.float32),
        "thumbnail": noise.astype(np.uint8),
    }
    audit = DecodeAudit(
        frames=frames, failed=0, expected=frames, truncated=False, times_mended=0, size_changes=0
    )
    return Scan(info=make_info(size, rate), audit=audit, detector="none", **{**values, **columns})
