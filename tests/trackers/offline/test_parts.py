"""The parts of offline linking."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trackers.assignment import iou
from trackers.offline import joining, pairs, smoothing
from trackers.offline.looks import unlikeness
from trackers.offline.smoothing import smooth


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8))
def test_expand_is_a_double_loop(ranges: list[tuple[int, int]]) -> None:
    begin, end = (np.array([one[side] for one in ranges], np.int64) for side in (0, 1))
    expected = [
        (row, value) for row, (low, high) in enumerate(ranges) for value in range(low, high)
    ]
    rows, values = pairs.expand(begin, end)
    assert list(zip(rows.tolist(), values.tolist(), strict=True)) == expected


@given(st.lists(st.integers(0, 300_000), max_size=30))
def test_batches_cover_everything_once_and_keep_groups(weights: list[int]) -> None:
    group = np.arange(len(weights)) // 3
    slices = list(pairs.batches(np.array(weights, np.int64), group))
    covered = list(itertools.chain.from_iterable(range(one.start, one.stop) for one in slices))
    assert covered == list(range(len(weights)))
    assert all(one.start % 3 == 0 for one in slices)


@given(arrays(np.float64, (5, 4), elements=st.integers(0, 20)))
def test_overlap_is_that_of_the_online_trackers(boxes: np.ndarray) -> None:
    other = boxes[::-1]
    np.testing.assert_allclose(pairs.pair_iou(boxes, other), np.diag(iou(boxes, other)))


def test_cover_is_the_part_that_is_hidden() -> None:
    a, b = np.array([[0.0, 0, 10, 10]] * 3), np.array([[5.0, 0, 30, 10], [10, 0, 20, 10], [0] * 4])
    assert pairs.pair_cover(a, b).tolist() == [0.5, 0, 0]


def test_looks_leave_light_out_and_count_the_best_match() -> None:
    rng = np.random.default_rng(0)
    one, other = rng.integers(40, 200, (2, 64))
    pictures = np.array([one, one * 0.6 + 20, other], np.uint8)
    rows, both = np.array([[0, 2]]), np.array([[True, True]])
    first = np.array([[True, False]])
    same = unlikeness(pictures, (rows, first), (np.array([[1, 1]]), both))
    best = unlikeness(pictures, (rows, both), (np.array([[2, 2]]), both))
    different = unlikeness(pictures, (rows, first), (np.array([[2, 2]]), both))
    assert same[0] < 0.6
    assert best[0] < 0.6
    assert different[0] > 1


@given(seed=st.integers(0, 10_000))
def test_the_best_pairs_are_taken(seed: int) -> None:
    """By trying all ways."""
    rng = np.random.default_rng(seed)
    table = np.where(rng.random((4, 4)) < 0.5, rng.random((4, 4)), 0)
    first, second = np.nonzero(table)
    rows, columns = joining._best(first, second, table[first, second], 4)
    assert len(set(rows.tolist())) == len(rows)
    assert len(set(columns.tolist())) == len(columns)
    best = max(sum(table[k, p[k]] for k in range(4)) for p in itertools.permutations(range(4)))
    assert table[rows, columns].sum() == pytest.approx(best)


def test_long_tracks_are_smoothed_as_if_in_one_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    count = 400
    tracks, times = np.repeat([3, 8], count // 2), np.tile(np.arange(count // 2) / 25, 2)
    corner = 200 + rng.normal(0, 4, (count, 2)).cumsum(axis=0)
    boxes = np.hstack([corner, corner + 50 + rng.normal(0, 2, (count, 2))])
    pieces = smooth(tracks, times, boxes)
    monkeypatch.setattr(smoothing, "_PIECE", 1000)
    np.testing.assert_allclose(pieces, smooth(tracks, times, boxes), atol=0.01)


def test_nothing_and_single_boxes_are_smoothed() -> None:
    assert smooth(np.zeros(0, np.int64), np.zeros(0), np.zeros((0, 4))).shape == (0, 4)
    boxes = np.array([[0.0, 0, 10, 12], [5, 5, 20, 30]])
    np.testing.assert_allclose(smooth(np.array([1, 2]), np.zeros(2), boxes), boxes, atol=1e-9)
