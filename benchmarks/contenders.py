"""Other people's trackers on the same detections: runs by itself, in an environment of its own.

    python benchmarks/contenders.py INPUT OUTPUT

INPUT holds a file for each sequence (``frame``, ``boxes``, ``scores``, ``shots``, ``frames``,
``frame_rate``, ``threshold``); OUTPUT gets a folder a tracker with a file for each: ``frame``,
``ids``, ``boxes``, ``scores``. Each shot has a tracker of its own, as ours have. Settings are the
packages' own, apart from the detector's threshold, the frame rate, and a memory of one second.
"""

# mypy: ignore-errors
# Its packages are not installed where the types are checked.

import itertools
import sys
from pathlib import Path
from time import process_time

import norfair
import numpy as np
import supervision

from trackers import ByteTrackTracker, OCSORTTracker, SORTTracker


class Roboflow:
    """A tracker of the package ``trackers``."""

    def __init__(self, tracker, floor):
        self._tracker = tracker
        self._floor = floor

    def update(self, boxes, scores):
        """Return ids (K,), boxes (K, 4) and scores (K,) for one frame."""
        keep = scores >= self._floor
        classes = np.zeros(keep.sum(), int)
        found = supervision.Detections(boxes[keep], confidence=scores[keep], class_id=classes)
        tracked = self._tracker.update(found)
        ids = np.asarray(tracked.tracker_id if len(tracked) else [], int)
        real = ids >= 0
        return ids[real], tracked.xyxy[real], tracked.confidence[real]


class Norfair:
    """Norfair with overlap as its distance."""

    def __init__(self, threshold, frame_rate):
        self._threshold = threshold
        self._tracker = norfair.Tracker(
            distance_function="iou",
            distance_threshold=0.7,
            hit_counter_max=round(frame_rate),
            initialization_delay=2,
        )
        self._frame = 0

    def update(self, boxes, scores):
        """Return ids (K,), boxes (K, 4) and scores (K,) for one frame."""
        self._frame += 1
        found = [
            norfair.Detection(box.reshape(2, 2), np.full(2, score), data=self._frame)
            for box, score in zip(boxes, scores, strict=True)
            if score >= self._threshold
        ]
        tracked = self._tracker.update(found)
        seen = [one for one in tracked if one.last_detection.data == self._frame]
        return (
            np.array([one.id for one in seen], int),
            np.array([one.last_detection.points.ravel() for one in seen]).reshape(-1, 4),
            np.array([one.last_detection.scores[0] for one in seen]),
        )


def make(name, threshold, rate):
    """Make a tracker for one shot."""
    common = {"frame_rate": rate, "lost_track_buffer": 30}
    if name == "norfair":
        return Norfair(threshold, rate)
    if name == "roboflow SORT":
        return Roboflow(SORTTracker(track_activation_threshold=threshold, **common), threshold)
    if name == "roboflow OC-SORT":
        return Roboflow(OCSORTTracker(high_conf_det_threshold=threshold, **common), threshold)
    tracker = ByteTrackTracker(
        high_conf_det_threshold=threshold, track_activation_threshold=threshold, **common
    )
    return Roboflow(tracker, 0.1)


NAMES = ("roboflow SORT", "roboflow ByteTrack", "roboflow OC-SORT", "norfair")


def track(name, given):
    """Return the rows of one sequence: frame, ids, boxes, scores."""
    rows, highest = [], 0
    for begin, end in itertools.pairwise([*given["shots"], int(given["frames"])]):
        tracker, base = make(name, float(given["threshold"]), float(given["frame_rate"])), highest
        for frame in range(begin, end):
            here = given["frame"] == frame
            ids, boxes, scores = tracker.update(given["boxes"][here], given["scores"][here])
            ids = ids + base + 1
            highest = max(highest, int(ids.max(initial=0)))
            rows += [
                (frame, one, *box, score)
                for one, box, score in zip(ids, boxes, scores, strict=True)
            ]
    return np.array(rows, float).reshape(-1, 7)


def main(source, target):
    """Run every tracker on every sequence."""
    for name in NAMES:
        (target / name).mkdir(parents=True)
        for path in sorted(source.glob("*.npz")):
            given = dict(np.load(path))
            start = process_time()
            rows = track(name, given)
            np.savez(
                target / name / path.name,
                frame=rows[:, 0].astype(int),
                ids=rows[:, 1].astype(int),
                boxes=rows[:, 2:6],
                scores=rows[:, 6],
                seconds=process_time() - start,
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
