"""Overlap and assignment against counting pixels and trying everything."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from trackers.assignment import Floats, assign, iou

GRID = 12
coordinates = st.integers(0, GRID)
boxes = arrays(np.int64, st.tuples(st.integers(0, 4), st.just(4)), elements=coordinates)
similarities = arrays(
    np.float64,
    st.tuples(st.integers(0, 4), st.integers(0, 4)),
    elements=st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.75, 1.0]),
)


def _pixels(box: Floats) -> set[tuple[int, int]]:
    x1, y1, x2, y2 = map(int, box)
    return {(x, y) for x in range(x1, x2) for y in range(y1, y2)}


@given(boxes, boxes)
def test_iou_counts_pixels(a: Floats, b: Floats) -> None:
    found = iou(a, b)
    assert found.shape == (len(a), len(b))
    for i, j in np.ndindex(found.shape):
        one, other = _pixels(a[i]), _pixels(b[j])
        expected = len(one & other) / len(one | other) if one | other else 0
        assert found[i, j] == pytest.approx(expected)


@given(boxes, boxes, st.floats(0.1, 100), st.floats(-1000, 1000))
def test_iou_knows_neither_scale_nor_place_nor_order(
    a: Floats, b: Floats, scale: float, shift: float
) -> None:
    np.testing.assert_allclose(iou(a * scale + shift, b * scale + shift), iou(b, a).T, atol=1e-6)


def _best_sum(similarity: Floats, least: float) -> float:
    """Return the largest sum that pairs of at least ``least`` can have, by trying all."""
    allowed = np.where((similarity >= least) & (similarity > 0), similarity, 0)
    if len(allowed) > allowed.shape[1]:
        allowed = allowed.T
    rows = np.arange(len(allowed))
    choices = permutations(range(allowed.shape[1]), len(allowed))
    return max(float(allowed[rows, list(choice)].sum()) for choice in choices)


@given(similarities, st.sampled_from([0.0, 0.1, 0.3, 0.9]))
def test_assignment_is_one_to_one_and_best(similarity: Floats, least: float) -> None:
    rows, columns = assign(similarity, least)
    assert len(set(rows)) == len(rows) == len(set(columns)) == len(columns)
    chosen = similarity[rows, columns]
    assert ((chosen >= least) & (chosen > 0)).all()
    assert chosen.sum() == pytest.approx(_best_sum(similarity, least))


def test_pairs_below_the_gate_never_displace_a_good_one() -> None:
    # Ungated, the two pairs of 0.29 would win over the one of 0.5.
    rows, columns = assign(np.array([[0.5, 0.29], [0.29, 0.0]]), 0.3)
    assert (rows.tolist(), columns.tolist()) == ([0], [0])
