"""False positives on the labelled clips: what lies outside every real and every ignored face."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from benchmarks.sequences import Sequence as Clip
from detectors import Detector
from pipeline.decode import open_video
from pipeline.settings import DecodeSettings
from training.datasets import Labels, Sample
from training.metrics.average_precision import Judged, curve, judge

RECALLS: Final = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85)
CLIP: Final = "clip.mp4"


@dataclass(frozen=True, slots=True)
class FalsePositives:
    """How many false ones a detector needs for a recall: a count, and per 1,000 frames."""

    recall: float
    count: int
    per_thousand_frames: float


def labelled_frames(clip: Clip, long_side: int) -> Iterator[Sample]:
    """Yield every frame of a clip, scaled to a long side, with its real and its ignored faces."""
    scale = long_side / max(clip.size)
    size = (round(clip.size[0] * scale), round(clip.size[1] * scale))
    with open_video(clip.folder / CLIP, DecodeSettings()) as video:
        for frame in video.frames():
            here = clip.truth.frame == frame.index
            boxes = (clip.truth.boxes[here] * scale).astype(np.float32)
            real = clip.truth.scores[here] > 0
            labels = Labels(boxes[real], boxes[~real])
            yield Sample(f"{clip.name} {frame.index}", frame.picture.bgr(size), labels)


def judge_clips(detector: Detector, clips: Sequence[Clip], long_side: int) -> tuple[Judged, int]:
    """Judge all frames of all clips; return what came of it and the number of frames."""
    parts = []
    for clip in clips:
        for sample in labelled_frames(clip, long_side):
            (found,) = detector([sample.image])
            labels = sample.labels
            counts = np.ones(len(labels.boxes), bool)
            parts.append(judge(found, labels.boxes, counts, labels.ignore))
    return Judged.join(parts), len(parts)


def at_recalls(judged: Judged, frames: int) -> list[FalsePositives]:
    """Count the false positives at each recall that the detector reaches."""
    recall, _, _ = curve(judged)
    order = np.argsort(-judged.scores, kind="stable")
    false = (~judged.right[order]).cumsum()
    rows = []
    for wanted in RECALLS:
        reached = np.flatnonzero(recall >= wanted)
        if len(reached):
            count = int(false[reached[0]])
            rows.append(FalsePositives(wanted, count, round(1000 * count / frames, 1)))
    return rows
