"""A long shot, linked in windows."""

import itertools

import numpy as np
import pytest

from trackers.offline import link_in_windows
from trackers.offline.faces import Ints

OVERLAP, PEOPLE = 10.0, 3


def _see(seconds: int) -> tuple[Ints, np.ndarray]:
    """Return looks and times of three people who are seen once a second."""
    look = np.repeat(np.arange(seconds), PEOPLE)
    return look, look.astype(np.float64)


def test_a_person_keeps_the_id_from_window_to_window() -> None:
    look, time = _see(2000)
    who = np.tile(np.arange(PEOPLE), 2000)
    windows: list[slice] = []

    def linked(window: slice) -> Ints:
        windows.append(window)
        return (who[window] + len(windows)) % PEOPLE  # numbered anew each time

    ids = link_in_windows(look, time, linked, OVERLAP, most=600)
    assert len(windows) > 5
    assert len(np.unique(ids)) == PEOPLE
    assert all(len(np.unique(ids[who == one])) == 1 for one in range(PEOPLE))


def test_nobody_stays_nobody_and_who_comes_later_is_new() -> None:
    look, time = _see(600)
    who = np.where(look < 300, np.tile([0, 1, -1], 600), np.tile([2, 3, -1], 600))

    def linked(window: slice) -> Ints:
        names = np.unique(who[window][who[window] >= 0])
        return np.where(who[window] >= 0, np.searchsorted(names, who[window]), -1)

    ids = link_in_windows(look, time, linked, OVERLAP, most=450)
    pairs = np.unique(np.stack([who, ids]), axis=1)
    assert pairs[0].tolist() == [-1, 0, 1, 2, 3]
    assert pairs[1, 0] == -1
    assert len(np.unique(pairs[1])) == 5


def test_two_tracks_of_a_window_never_become_one() -> None:
    look, time = _see(300)
    who = np.tile(np.arange(PEOPLE), 300)

    def linked(window: slice) -> Ints:
        return who[window] if window.start else np.zeros(window.stop, np.int64)

    ids = link_in_windows(look, time, linked, OVERLAP, most=450)
    last = ids[-PEOPLE:]
    assert len(np.unique(last)) == PEOPLE


@pytest.mark.parametrize(("rate", "overlap"), [(0.1, 10.0), (30.0, 2.0), (30.0, 0.0)])
def test_windows_cover_all_between_looks(rate: float, overlap: float) -> None:
    look, _ = _see(1000)
    windows: list[slice] = []

    def linked(window: slice) -> Ints:
        windows.append(window)
        return np.zeros(window.stop - window.start, np.int64)

    link_in_windows(look, look / rate, linked, overlap, most=300)
    assert windows[0].start == 0
    assert windows[-1].stop == len(look)
    for one, after in itertools.pairwise(windows):
        assert one.start < after.start < one.stop < after.stop
        assert look[after.start - 1] < look[after.start]
        assert look[one.stop - 1] < look[one.stop]


def test_a_shot_without_faces() -> None:
    none = np.zeros(0, np.int64)
    assert link_in_windows(none, none.astype(float), lambda _: none, OVERLAP, most=10).size == 0
