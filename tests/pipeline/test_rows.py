"""A table that grows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scan.rows import Rows

DTYPE = np.dtype([("number", np.int64), ("pair", np.float32, 2)])


@given(st.lists(st.integers(0, 150), max_size=8))
def test_what_was_added_comes_out_in_order(counts):
    rows, expected = Rows(DTYPE), 0
    for count in counts:
        numbers = range(expected, expected + count)
        rows.append([(number, (number, -number)) for number in numbers])
        expected += count
    assert len(rows) == expected
    columns = rows.take()
    assert columns["number"].tolist() == list(range(expected))
    assert columns["pair"].shape == (expected, 2)
    assert columns["pair"].dtype == np.float32
    assert (columns["pair"][:, 1] == -columns["number"]).all()


def test_what_was_taken_is_gone_and_stays_as_it_is():
    rows = Rows(DTYPE)
    rows.append([(1, (0, 0)), (2, (0, 0))])
    numbers = rows.take()["number"]
    assert len(rows) == 0
    rows.append([(3, (0, 0))])
    assert numbers.tolist() == [1, 2]
    assert numbers.flags["C_CONTIGUOUS"]
    assert numbers.base is None
    assert rows.take()["number"].tolist() == [3]
