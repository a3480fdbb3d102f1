"""What holds for every tracker that is registered."""

from collections.abc import Iterable
from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trackers import TRACKERS, Tracker

Floats = NDArray[np.float64]
Ids = list[list[int]]

pytestmark = pytest.mark.parametrize("name", sorted(TRACKERS))


def _make(name: str, max_unseen: float = 1.0, min_seen: float = 0.0) -> Tracker:
    return TRACKERS[name](threshold=0.5, min_iou=0.2, max_unseen=max_unseen, min_seen=min_seen)


def _box(x: float, y: float = 100, size: float = 40) -> list[float]:
    return [x, y, x + size, y + size]


def _feed(tracker: Tracker, frames: Iterable[list[list[float]]], times: Iterable[float]) -> Ids:
    """Return the ids frame for frame; all detections are sure."""
    ids = []
    for boxes, time in zip(frames, times, strict=False):
        found = tracker.update(np.reshape(boxes, (-1, 4)), np.full(len(boxes), 0.9), time)
        assert found.shape == (len(boxes),)
        assert np.issubdtype(found.dtype, np.integer)
        ids.append(found.tolist())
    return ids


def _clock(frames: int, rate: float = 25) -> Floats:
    return np.arange(frames) / rate


def test_ids_begin_at_1_and_stay(name: str) -> None:
    times = _clock(50)
    ids = _feed(_make(name), [[_box(100 + 80 * t), _box(900)] for t in times], times)
    assert ids == [[1, 2]] * 50


def test_one_frame_and_empty_frames(name: str) -> None:
    assert _feed(_make(name), [[_box(0)]], [0.0]) == [[1]]
    assert _feed(_make(name), [[], [], [_box(0)], [], [_box(0)]], _clock(5)) == (
        [[], [], [1], [], [1]]
    )


def test_crossing_faces_keep_their_ids(name: str) -> None:
    times = _clock(100)
    frames = [[_box(100 + 150 * t, 100), _box(700 - 150 * t, 115)] for t in times]
    assert _feed(_make(name), frames, times) == [[1, 2]] * 100


def test_a_face_comes_back_after_an_occlusion(name: str) -> None:
    times = _clock(60)
    frames = [[] if 20 <= k < 32 else [_box(100 + 60 * t)] for k, t in enumerate(times)]
    ids = _feed(_make(name), frames, times)
    assert list(chain.from_iterable(ids)) == [1] * 48


def test_a_face_that_was_away_too_long_is_another(name: str) -> None:
    times = _clock(60)
    frames = [[] if 20 <= k < 40 else [_box(100)] for k in range(60)]
    ids = _feed(_make(name, max_unseen=0.5), frames, times)
    assert list(chain.from_iterable(ids)) == [1] * 20 + [2] * 20


def test_entry_and_exit(name: str) -> None:
    times = _clock(60)
    frames = [
        [_box(100)] * (k < 40) + [_box(300)] * (k >= 20) + [_box(500)] * (k % 2 == 0)
        for k in range(60)
    ]
    ids = _feed(_make(name), frames, times)
    by_place = {x: set() for x in (100, 300, 500)}  # type: dict[int, set[int]]
    for boxes, found in zip(frames, ids, strict=True):
        for box, one in zip(boxes, found, strict=True):
            by_place[int(box[0])].add(one)
    assert sorted(map(list, by_place.values())) == [[1], [2], [3]]


def test_a_panning_camera_swaps_nobody(name: str) -> None:
    times = _clock(60)
    pan = np.cumsum(np.concatenate([np.zeros(15), np.linspace(0, 12, 20), np.full(25, 12)]))
    frames = [[_box(x - shift) for x in (100, 160, 220, 280)] for shift in pan]
    assert _feed(_make(name), frames, times) == [[1, 2, 3, 4]] * 60


@pytest.mark.parametrize("seed", range(3))
def test_variable_frame_rate(name: str, seed: int) -> None:
    times = np.cumsum(np.random.default_rng(seed).choice([0.008, 0.04, 0.2], 80))
    frames = [[_box(100 + 90 * t), _box(3000 - 90 * t)] for t in times]
    assert _feed(_make(name), frames, times) == [[1, 2]] * 80


@pytest.mark.parametrize("every", [2, 5])
def test_only_every_nth_frame_is_looked_at(name: str, every: int) -> None:
    times = _clock(120)[::every]
    frames = [[_box(100 + 110 * t), _box(1500 - 110 * t, 300)] for t in times]
    assert _feed(_make(name), frames, times) == [[1, 2]] * len(times)


def test_a_look_a_second_misses_nobody(name: str) -> None:
    """Nothing was missed in between, so ``max_unseen`` does not count."""
    assert _feed(_make(name, max_unseen=0.2), [[_box(100)]] * 5, range(5)) == [[1]] * 5


def test_rows_may_come_in_any_order(name: str) -> None:
    rng = np.random.default_rng(0)
    times = _clock(60)
    frames = [[_box(100 + 90 * t), _box(500 - 90 * t, 120), _box(300, 130)] for t in times]
    expected = _feed(_make(name), frames, times)
    orders = [[0, 1, 2]] + [rng.permutation(3).tolist() for _ in times[1:]]
    shuffled = [[frame[k] for k in order] for frame, order in zip(frames, orders, strict=True)]
    found = _feed(_make(name), shuffled, times)
    assert found == [[ids[k] for k in order] for ids, order in zip(expected, orders, strict=True)]


def test_two_trackers_know_nothing_of_each_other(name: str) -> None:
    times = _clock(30)
    walk = [[_box(100 + 90 * t), _box(800)] for t in times]
    stand = [[_box(100 + 30 * t)] for t in times]
    one, other = _make(name), _make(name)
    pairs = [
        (_feed(one, [a], [t])[0], _feed(other, [b], [t])[0])
        for a, b, t in zip(walk, stand, times, strict=True)
    ]
    assert pairs == [([1, 2], [1])] * 30


def test_young_tracks_are_minus_1(name: str) -> None:
    ids = _feed(_make(name, min_seen=0.2), [[_box(100)]] * 10, _clock(10))
    assert ids == [[-1]] * 5 + [[1]] * 5


def test_large_pictures_are_tracked_as_small_ones(name: str) -> None:
    times = _clock(40)
    shaken = np.random.default_rng(4).normal(0, 2, (40, 2, 4))
    frames = shaken + [[_box(100 + 90 * t), _box(200 - 90 * t, 110)] for t in times]
    small = _feed(_make(name), frames.tolist(), times)
    assert _feed(_make(name), (frames * 8).tolist(), times) == small


def test_weak_detections_begin_no_track(name: str) -> None:
    tracker = _make(name)
    for time in range(5):
        ids = tracker.update(np.array([_box(100)]), np.array([0.3]), float(time))
        assert ids.tolist() == [-1]


def test_time_must_grow(name: str) -> None:
    tracker = _make(name)
    _feed(tracker, [[_box(0)]], [1.0])
    with pytest.raises(ValueError, match="time must grow"):
        _feed(tracker, [[_box(0)]], [1.0])


@given(seed=st.integers(0, 10_000))
def test_no_id_twice_in_a_frame_and_none_for_weak_strangers(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    tracker = _make(name, max_unseen=0.1)
    for time in np.cumsum(rng.uniform(0.01, 0.2, 12)):
        count = int(rng.integers(0, 6))
        corner = rng.integers(0, 60, (count, 2))
        boxes = np.hstack([corner, corner + rng.integers(0, 40, (count, 2))])
        scores = rng.random(count)
        ids = tracker.update(boxes, scores, float(time))
        given_ids = ids[ids >= 0]
        assert len(set(given_ids)) == len(given_ids)
        assert (given_ids >= 1).all()
        assert (ids[scores >= 0.5] >= 1).all()
