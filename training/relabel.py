"""Let detectors of others decide what the labels of a picture leave open.

Labels on which several detectors had to agree leave the hard faces out: in profile, half hidden, in
the dark. They lie in the ignore regions, where a network learns nothing; so do backs of heads and
statues. Here two detectors look at each picture once more, at several sizes. What they find in an
ignore region, however doubtful, becomes a face that is true with the probability that they give it
together, and the rest of the region is background.

Reference:
    Hinton et al., Distilling the Knowledge in a Neural Network, 2015, arXiv:1503.02531 (what a
    teacher finds improbable says as much as what it finds sure).
"""

import io
import json
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray

from detectors import Detections, Detector
from detectors.boxes import iou
from training.augment import face_sizes
from training.datasets import Boxes, Image, Labels, Sample, Scores
from training.datasets.webdataset import parse_sample, read_pairs
from training.matching import covered
from training.metrics.evaluate import resize_to
from training.teachers import fill_up

LEAST: Final = 0.1  # probability of a face; below it is background
SMALLEST: Final = 8.0  # px of a face, square root of the area
TOO_SMALL: Final = 12.0  # px of a region: what two detectors do not find there may be a face
SAME: Final = 0.45  # IoU from which two detections mean one face
CLOSE: Final = 0.6  # IoU from which they shape its box together


@dataclass(frozen=True, slots=True)
class Teacher:
    """A detector and the long sides (px) at which it looks at every picture."""

    detector: Detector
    sizes: tuple[int, ...]


def relabel(sample: Sample, teachers: Sequence[Teacher]) -> Labels:
    """Return the labels of a picture and, as faces of less than full score, what is added.

    Only regions that are too small to judge are left to be ignored.
    """
    labels = sample.labels
    if not len(labels.ignore):
        return labels
    boxes, scores = agree([look(teacher, sample.image) for teacher in teachers])
    known = (iou(boxes, labels.boxes) > 0.3).any(1)
    large = face_sizes(boxes) >= SMALLEST
    wanted = (scores >= LEAST) & large & ~known & _left_open(boxes, labels.ignore)
    return Labels(
        boxes=np.concatenate([labels.boxes, boxes[wanted]]),
        ignore=labels.ignore[face_sizes(labels.ignore) < TOO_SMALL],
        scores=np.concatenate([labels.scores, scores[wanted]]),
    )


def look(teacher: Teacher, image: Image) -> Detections:
    """Return what a detector finds at all its sizes, in px of the picture."""
    boxes, scores = [], []
    for size in teacher.sizes:
        scaled = resize_to(Sample("", image, Labels()), size).image
        (found,) = teacher.detector([fill_up(scaled)])
        boxes.append(found.boxes * np.float32(max(image.shape[:2]) / size))
        scores.append(found.scores)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    return Detections(np.concatenate(boxes)[order], np.concatenate(scores)[order])


def agree(looks: Sequence[Detections]) -> tuple[Boxes, Scores]:
    """Join what several detectors found into faces: boxes (N, 4) and probabilities (N,).

    The best detection left gathers all that lie on it. The box is the mean of those close to it,
    weighted by their scores, the probability the mean over the detectors of each one's best score.
    """
    boxes = np.concatenate([one.boxes for one in looks])
    scores = np.concatenate([one.scores for one in looks])
    owners = np.repeat(np.arange(len(looks)), [len(one) for one in looks])
    rest = np.argsort(-scores, kind="stable")
    faces, probabilities = [], []
    while len(rest):
        overlap = iou(boxes[rest[:1]], boxes[rest])[0]
        close, same = rest[overlap >= CLOSE], rest[overlap >= SAME]
        faces.append(np.average(boxes[close], axis=0, weights=scores[close]))
        best = [scores[same[owners[same] == owner]].max(initial=0) for owner in range(len(looks))]
        probabilities.append(np.mean(best))
        rest = rest[overlap < SAME]
    return np.array(faces, np.float32).reshape(-1, 4), np.array(probabilities, np.float32)


def _left_open(boxes: Boxes, regions: Boxes) -> NDArray[np.bool_]:
    """Tell which boxes (N, 4) show what an ignore region (M, 4) shows."""
    found = covered(torch.from_numpy(boxes), torch.from_numpy(regions))
    return np.asarray(found.numpy(), bool)


def rewrite(shard: Path, target: Path, teachers: Sequence[Teacher]) -> Iterator[int]:
    """Copy a shard with the labels of `relabel`; yield, by picture, how many faces came in.

    Raises:
        LabelError: Something in the shard cannot be used.
    """
    staged = target.with_name(target.name + ".new")
    with tarfile.open(staged, "w") as archive:
        for pair in read_pairs(shard):
            sample = parse_sample(shard, pair)
            labels = relabel(sample, teachers)
            record = json.loads(pair.label) | {
                "boxes": labels.boxes.round(2).tolist(),
                "scores": labels.scores.round(3).tolist(),
                "ignore": labels.ignore.round(2).tolist(),
            }
            _add(archive, pair.name + pair.suffix, pair.picture)
            _add(archive, pair.name + ".json", json.dumps(record).encode())
            yield len(labels.boxes) - len(sample.labels.boxes)
    staged.replace(target)


def _add(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    archive.addfile(member, io.BytesIO(data))
