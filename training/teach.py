"""Let detectors of others look at each training picture: what they see there is learned too.

Labels leave open what several detectors did not agree on, and there the hard faces are; training
pictures are blurred, darkened and cut besides, until some faces are none any more. So the teachers
look at the very picture that is learned from. What one finds beside the labels becomes a face that
is true with the probability that its score stands for; where none finds anything is background,
also in the ignore regions, which are full of hands and backs of heads.

Reference:
    Hinton et al., Distilling the Knowledge in a Neural Network, 2015, arXiv:1503.02531.
    Beyer et al., Knowledge Distillation: A Good Teacher is Patient and Consistent, 2021,
    arXiv:2106.05237 (teacher and pupil look at the same view).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple, Self

import cv2
import numpy as np

from detectors import Detections
from detectors.backends.openvino import capabilities, choose_precision
from detectors.boxes import iou, suppress
from detectors.suppression import Suppression
from training.augment import face_sizes
from training.datasets import Boxes, Image, Labels, Sample, Scores
from training.poses import find_turned
from training.teachers import Maps, Peer, PeerName, fill_up, open_peer

LEAST: Final = 0.08  # probability of a face; below it is background
KNOWN: Final = 0.3  # IoU with a label from which the teachers see nothing new
FOUND: Final = 0.4  # IoU from which they see the face of a label
UNSEEN: Final = 0.8  # probability of a face of the labels that no teacher sees
JUDGED: Final = (10.0, 16.0)  # px of faces from which the teachers' eyes count: not, and fully
OPEN: Final = 12.0  # px of ignore regions below which they stay so


class Calibration(NamedTuple):
    """How likely a detection is a face, by its score: a logistic curve."""

    even: float  # score at which it is one as often as not
    spread: float  # of the scores, to either side of it

    def probability(self, scores: Scores) -> Scores:
        """Return how likely detections are faces (N,)."""
        likely: Scores = 1 / (1 + np.exp((self.even - scores) / np.float32(self.spread)))
        return likely

    def score(self, probability: float) -> float:
        """Return the score that stands for a probability."""
        return self.even + self.spread * float(np.log(probability / (1 - probability)))


CALIBRATIONS: Final[Mapping[PeerName, Calibration]] = {
    "CenterFace": Calibration(0.45, 0.07),
    "YuNet": Calibration(0.75, 0.07),
}


class Teacher:
    """CenterFace, YuNet or both, opened when first asked: networks cannot be sent to processes."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._peers: list[tuple[Peer, Calibration]] = []

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[Path, ...]]]:
        """Travel as paths."""
        return type(self), (self._paths,)

    def look(self, image: Image) -> Detections:
        """Return what is found in a picture (H, W, 3) or in half of its size, the likeliest first.

        The scores are probabilities, as likely as the surest teacher takes each face to be.
        """
        return self.study(image)[0]

    def study(self, image: Image) -> tuple[Detections, Maps]:
        """Return what `look` does, and the maps of the picture, all teachers' side by side."""
        half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        views = fill_up(image), fill_up(np.asarray(half, np.uint8))
        found, maps = [], []
        for peer, calibration in self._open():
            seen, shown = peer.study(views[0])
            (large,) = peer([views[1]])
            found.append(Detections(seen.boxes, calibration.probability(seen.scores)))
            found.append(Detections(large.boxes * 2, calibration.probability(large.scores)))
            maps.append(shown)
        boxes = np.concatenate([part.boxes for part in found])
        scores = np.concatenate([part.scores for part in found])
        kept = suppress(boxes, scores, Suppression())
        joined = tuple(np.concatenate(level, 2) for level in zip(*maps, strict=True))
        return Detections(boxes[kept], scores[kept]), joined

    def find_turned(self, image: Image) -> Boxes:
        """Return the faces (K, 4) that are turned away or tilted; only CenterFace tells them.

        It looks anew: that is rare, and `look` stays simple.
        """
        filled = fill_up(image)
        found = [find_turned(peer, filled) for peer, _ in self._open() if peer.name == "CenterFace"]
        return np.concatenate([np.zeros((0, 4), np.float32), *found])

    def _open(self) -> list[tuple[Peer, Calibration]]:
        if not self._peers:
            self._peers = [*map(_open, self._paths)]
        return self._peers


def _open(path: Path) -> tuple[Peer, Calibration]:
    lowest = {name: curve.score(LEAST) for name, curve in CALIBRATIONS.items()}
    quickest = choose_precision("auto", capabilities(), has_ranges=False)
    peer = open_peer(path, quickest, lowest)
    return peer, CALIBRATIONS[peer.name]


class Lesson(NamedTuple):
    """A training picture, and what its teachers see in it; nothing without any."""

    sample: Sample
    maps: Maps = ()


def teach(sample: Sample, teacher: Teacher) -> Lesson:
    """Return a training picture with what the teachers see, in its labels too."""
    height, width = sample.image.shape[:2]
    seen, maps = teacher.study(sample.image)
    boxes, sure = seen.boxes, seen.scores
    labels = sample.labels
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centres > 0) & (centres < (width, height))).all(1)
    known = iou(boxes, labels.boxes).max(1, initial=0) > KNOWN
    new = inside & ~known
    limits = np.array([width, height, width, height], np.float32)
    small = face_sizes(labels.ignore) < OPEN
    taught = Labels(
        boxes=np.concatenate([labels.boxes, boxes[new].clip(0, limits)]),
        ignore=labels.ignore[small],
        scores=np.concatenate([_doubt(labels, seen), sure[new]]),
    )
    return Lesson(Sample(sample.name, sample.image, taught), maps)


def score_at(boxes: Boxes, found: Detections, least_iou: float) -> Scores:
    """Return the best score that was given where each box (N, 4) is; 0 for none."""
    here = iou(boxes, found.boxes) > least_iou
    best: Scores = np.where(here, found.scores, np.float32(0)).max(1, initial=0)
    return best


def _doubt(labels: Labels, seen: Detections) -> Scores:
    """Return how sure the faces of the labels are (N,), given what the teachers see."""
    agreed = score_at(labels.boxes, seen, FOUND)
    judged = np.interp(face_sizes(labels.boxes), JUDGED, (0, 1))
    doubted = labels.scores * (1 - judged * (1 - UNSEEN) * (1 - agreed))
    return np.asarray(doubted, np.float32)
