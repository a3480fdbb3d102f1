"""The tally of cuts, and that ours stand where they stood."""

from pathlib import Path

import pytest

from benchmarks.cuts import Film, run, tally
from benchmarks.results import cuts_table
from benchmarks.sequences import find_sequences


def test_each_cut_is_found_once_and_the_rest_is_false() -> None:
    film = Film("one", Path("one.mp4"), (10, 20, 40))
    found = tally("some", film, [9, 10, 21, 30])
    assert (found.cuts, found.found, found.false) == (3, 2, 2)


def test_films_of_a_kind_are_summed() -> None:
    rows = [
        {"detector": "ours", "film": film, "cuts": 1, "found": 1, "false": 2}
        for film in ("clip", "made: fades 0", "made: fades 1")
    ]
    table = cuts_table({"tallies": rows}).splitlines()
    assert table[2:] == [
        "| labelled clips | 1 | 1 found, 2 false |",
        "| made: fades | 2 | 2 found, 4 false |",
    ]


@pytest.mark.shared
@pytest.mark.slow
def test_cuts_do_not_get_worse(shared_dir: Path) -> None:
    tallies = run(find_sequences(shared_dir / "data" / "tracks"), None)
    assert sum(one.found for one in tallies) == sum(one.cuts for one in tallies)
    assert sum(one.false for one in tallies) == 0
