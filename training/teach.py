"""Let a detector of others look at each training picture: what it sees there is learned too.

Labels leave open what several detectors did not agree on, and there the hard faces are; training
pictures are blurred, darkened and cut besides, until some faces are none any more. So the teacher
looks at the very picture that is learned from. What it finds beside the labels becomes a face that
is true with the probability that its score stands for; where it finds nothing is background, also
in the ignore regions, which are full of hands and backs of heads.

Reference:
    Hinton et al., Distilling the Knowledge in a Neural Network, 2015, arXiv:1503.02531.
    Beyer et al., Knowledge Distillation: A Good Teacher is Patient and Consistent, 2021,
    arXiv:2106.05237 (teacher and pupil look at the same view).
"""

from pathlib import Path
from typing import Final, Self

import cv2
import numpy as np

from detectors import Detections
from detectors.boxes import iou, suppress
from detectors.suppression import Suppression
from training.augment import face_sizes
from training.datasets import Boxes, Image, Labels, Sample, Scores
from training.teachers import Peer, fill_up, open_centerface

LOWEST_SCORE: Final = 0.3  # below it, CenterFace hardly ever sees a face
EVEN: Final = 0.45  # score at which a detection of CenterFace is a face as often as not
SPREAD: Final = 0.07  # of its scores, to either side of it
LEAST: Final = 0.08  # probability of a face; below it is background
KNOWN: Final = 0.3  # IoU with a label from which the teacher sees nothing new
FOUND: Final = 0.4  # IoU from which it sees the face of a label
UNSEEN: Final = 0.8  # probability of a face of the labels that the teacher does not see
JUDGED: Final = (12.0, 20.0)  # px of faces from which the teacher's eye counts: not, and fully
OPEN: Final = 18.0  # px of ignore regions below which they stay so


class Teacher:
    """CenterFace, opened when it is first asked: it cannot travel to other processes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._peer: Peer | None = None

    def __reduce__(self) -> tuple[type[Self], tuple[Path]]:
        """Travel as a path."""
        return type(self), (self._path,)

    def look(self, image: Image) -> Detections:
        """Return what is found in a picture (H, W, 3) or in half of its size, best first."""
        if self._peer is None:
            self._peer = open_centerface(self._path, "bf16", LOWEST_SCORE)
        small = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        whole, coarse = (
            self._peer([fill_up(view)])[0] for view in (image, np.asarray(small, np.uint8))
        )
        boxes = np.concatenate([whole.boxes, 2 * coarse.boxes])
        scores = np.concatenate([whole.scores, coarse.scores])
        kept = suppress(boxes, scores, Suppression())
        return Detections(boxes[kept], scores[kept])


def teach(sample: Sample, teacher: Teacher) -> Sample:
    """Return a training picture with what the teacher sees in its labels."""
    height, width = sample.image.shape[:2]
    seen = teacher.look(sample.image)
    boxes, sure = seen.boxes, probability(seen.scores)
    labels = sample.labels
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centres > 0) & (centres < (width, height))).all(1)
    known = iou(boxes, labels.boxes).max(1, initial=0) > KNOWN
    new = inside & (sure >= LEAST) & ~known
    limits = np.array([width, height, width, height], np.float32)
    small = face_sizes(labels.ignore) < OPEN
    taught = Labels(
        boxes=np.concatenate([labels.boxes, boxes[new].clip(0, limits)]),
        ignore=labels.ignore[small],
        scores=np.concatenate([_doubt(labels, Detections(boxes, sure)), sure[new]]),
    )
    return Sample(sample.name, sample.image, taught)


def probability(scores: Scores) -> Scores:
    """Return how likely detections of the teacher are faces (N,), by their scores."""
    likely: Scores = 1 / (1 + np.exp((EVEN - scores) / np.float32(SPREAD)))
    return likely


def score_at(boxes: Boxes, found: Detections, least_iou: float) -> Scores:
    """Return the best score that was given where each box (N, 4) is; 0 for none."""
    here = iou(boxes, found.boxes) > least_iou
    best: Scores = np.where(here, found.scores, np.float32(0)).max(1, initial=0)
    return best


def _doubt(labels: Labels, seen: Detections) -> Scores:
    """Return how sure the faces of the labels are (N,), given what the teacher sees."""
    agreed = score_at(labels.boxes, seen, FOUND)
    judged = np.interp(face_sizes(labels.boxes), JUDGED, (0, 1))
    doubted = labels.scores * (1 - judged * (1 - UNSEEN) * (1 - agreed))
    return np.asarray(doubted, np.float32)
