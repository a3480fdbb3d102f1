"""What ByteTrack does with weak detections, and SORT does not."""

import numpy as np

from trackers.bytetrack import ByteTrack
from trackers.sort import Sort

BOX = np.array([[100.0, 100, 140, 140]])
SCORES = [0.9, 0.9, 0.2, 0.2, 0.9]


def test_a_weak_detection_is_rescued_by_its_track() -> None:
    tracker = ByteTrack()
    ids = [tracker.update(BOX, np.array([s]), k / 25)[0] for k, s in enumerate(SCORES)]
    assert ids == [1, 1, 1, 1, 1]


def test_sort_leaves_weak_detections_alone() -> None:
    tracker = Sort()
    ids = [tracker.update(BOX, np.array([s]), k / 25)[0] for k, s in enumerate(SCORES)]
    assert ids == [1, 1, -1, -1, 1]


def test_a_lost_track_is_not_taken_up_on_weak_evidence() -> None:
    tracker = ByteTrack()
    tracker.update(BOX, np.array([0.9]), 0.0)
    tracker.update(BOX[:0], np.zeros(0), 0.04)
    assert tracker.update(BOX, np.array([0.3]), 0.08).tolist() == [-1]
    assert tracker.update(BOX, np.array([0.9]), 0.12).tolist() == [1]


def test_strong_detections_choose_first() -> None:
    tracker = ByteTrack()
    tracker.update(BOX, np.array([0.9]), 0.0)
    nearer_but_weak = np.vstack([BOX, BOX + 10])
    assert tracker.update(nearer_but_weak, np.array([0.3, 0.9]), 0.04).tolist() == [-1, 1]
