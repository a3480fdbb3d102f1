"""Which looks are kept, and why the others are not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.errors import SetUpError
from pipeline.keep import Keep, parse_keep
from pipeline.link import link
from pipeline.select import looks, select
from pipeline.settings import LinkSettings, SelectSettings
from pipeline.types import Kind, Reason, Scan, Tracks
from tests.helpers import Face, make_scan

BOX = (100.0, 100, 180, 200)
LINK = LinkSettings(threshold=0.5)


def _still(frames: int, **columns: Any) -> tuple[Scan, Tracks]:
    """Return the scan and track of one face that does not move."""
    scan = make_scan([(k, BOX, 0.9) for k in range(frames)], frames, **columns)
    return scan, link(scan, LINK)


def _rising(count: int) -> NDArray[np.float32]:
    return np.linspace(0.3, 0.9, count, dtype=np.float32)


@pytest.mark.parametrize(
    ("text", "keep"),
    [
        ("best", Keep(top=1)),
        ("top:5", Keep(top=5)),
        (" top:012 ", Keep(top=12)),
        ("every:10", Keep(sightings=10)),
        ("every:0.5s", Keep(seconds=0.5)),
        ("every:.5s", Keep(seconds=0.5)),
        ("every:2s", Keep(seconds=2)),
        ("all", Keep()),
    ],
)
def test_keep_is_read(text: str, keep: Keep) -> None:
    assert parse_keep(text) == keep


@pytest.mark.parametrize(
    "text",
    ["", "top", "top:", "top:0", "top:-1", "top:2.5", "top:5s", "every:0", "every:0s", "every:.5",
     "every:1e3s", "every:infs", "best:1", "all:", "Best", "top:٣", "top:5,all"],
)  # fmt: skip
def test_nonsense_is_named_with_what_is_allowed(text: str) -> None:
    with pytest.raises(SetUpError, match="best, top:K, every:N"):
        parse_keep(text)


def test_best_keeps_the_best_and_says_why_not_the_others() -> None:
    scan, tracks = _still(50, sharpness=_rising(50))
    selection = select(scan, tracks, SelectSettings(keep="best", min_spacing=0.1))
    assert np.flatnonzero(selection.rank).tolist() == [49]
    reasons = [Reason.OUTRANKED] * 47 + [Reason.NEAR_IDENTICAL] * 2 + [Reason.NONE]
    assert selection.reason.tolist() == reasons


def test_top_keeps_looks_apart_in_time() -> None:
    scan, tracks = _still(50, sharpness=_rising(50))
    selection = select(scan, tracks, SelectSettings(keep="top:3", min_spacing=0.2))
    assert selection.rank[[49, 44, 39]].tolist() == [1, 2, 3]
    assert (selection.rank > 0).sum() == 3
    assert (selection.reason[:35] == Reason.OUTRANKED).all()
    assert (selection.reason[40:44] == Reason.NEAR_IDENTICAL).all()


def test_top_leaves_out_what_looks_the_same() -> None:
    picture = np.random.default_rng(0).integers(0, 200, (8, 8))
    shades = [picture + k % 2 for k in range(50)]  # another brightness is no other look
    scan, tracks = _still(50, thumbnail=np.array(shades, np.uint8))
    selection = select(scan, tracks, SelectSettings(keep="top:5"))
    assert np.flatnonzero(selection.rank).tolist() == [0]
    assert (selection.reason[1:] == Reason.NEAR_IDENTICAL).all()


def test_flat_thumbnails_are_not_alike() -> None:
    scan, tracks = _still(50, thumbnail=np.full((50, 8, 8), 128, np.uint8))
    selection = select(scan, tracks, SelectSettings(keep="top:5", min_spacing=0.3))
    assert selection.rank.max() == 5


def test_every_keeps_the_best_of_each_so_many_sightings() -> None:
    scan, tracks = _still(25, sharpness=np.tile(_rising(5)[[0, 4, 1, 3, 2]], 5))
    selection = select(scan, tracks, SelectSettings(keep="every:10"))
    assert np.flatnonzero(selection.rank).tolist() == [1, 11, 21]
    assert selection.rank[[1, 11, 21]].tolist() == [1, 2, 3]  # equals: the earlier first
    assert set(selection.reason[selection.rank == 0]) == {Reason.OUTRANKED}


def test_every_counts_sightings_also_the_poor_ones() -> None:
    sharpness = np.full(12, 0.5, np.float32)
    sharpness[1:8] = 0.01
    scan, tracks = _still(12, sharpness=sharpness)
    selection = select(scan, tracks, SelectSettings(keep="every:4"))
    assert np.flatnonzero(selection.rank).tolist() == [0, 8]
    assert (selection.reason[1:8] == Reason.BLURRED).all()


def test_every_may_count_seconds() -> None:
    scan, tracks = _still(50)
    selection = select(scan, tracks, SelectSettings(keep="every:0.4s"))
    assert np.flatnonzero(selection.rank).tolist() == [0, 10, 20, 30, 40]


def test_all_keeps_every_good_look() -> None:
    sharpness = np.where(np.arange(20) < 5, 0.01, 0.5).astype(np.float32)
    scan, tracks = _still(20, sharpness=sharpness)
    selection = select(scan, tracks, SelectSettings(keep="all"))
    assert np.flatnonzero(selection.rank).tolist() == list(range(5, 20))
    assert (selection.reason[:5] == Reason.BLURRED).all()


@pytest.mark.parametrize("keep", ["best", "top:5", "every:2", "every:1s", "all"])
def test_a_poor_track_leaves_its_best_look_flagged(keep: str) -> None:
    scan, tracks = _still(20, sharpness=_rising(20) / 10)
    selection = select(scan, tracks, SelectSettings(keep=keep))
    assert np.flatnonzero(selection.rank).tolist() == [19]
    (look,) = looks(scan, tracks, selection)
    assert (look.rank, look.reason) == (1, Reason.BLURRED)


def test_looks_tell_everything_in_order() -> None:
    faces: list[Face] = []
    for k in range(30):
        faces += [(k, BOX, 0.9), (k, (400, 100, 480, 200), 0.8)]
    scan = make_scan(faces, 30, sharpness=np.repeat(_rising(30), 2))
    tracks = link(scan, LINK)
    selection = select(scan, tracks, SelectSettings(keep="top:2"))
    found = looks(scan, tracks, selection)
    assert [(look.track_id, look.rank) for look in found] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    first = found[0]
    assert (first.frame, first.time, first.box) == (29, pytest.approx(29 / 25), BOX)
    assert first.score == pytest.approx(0.9)
    assert first.quality == pytest.approx(selection.quality[29])
    assert first.terms == pytest.approx(selection.terms[29])
    assert first.reason is Reason.NONE


def test_no_tracks_no_looks() -> None:
    scan = make_scan([], 5)
    tracks = link(scan, LINK)
    assert looks(scan, tracks, select(scan, tracks, SelectSettings())) == ()


@st.composite
def videos(draw: st.DrawFn) -> tuple[Scan, Tracks]:
    """Return up to three faces that are seen now and then, well or badly."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames, people = draw(st.integers(1, 60)), draw(st.integers(0, 3))
    size = rng.uniform(10, 120, people)
    faces: list[Face] = []
    for frame in range(frames):
        for k in np.flatnonzero(rng.random(people) < 0.8):
            x = 200.0 * k - 10
            faces.append((frame, (x, 100, x + size[k], 100 + size[k]), rng.uniform(0.3, 1)))
    light = {
        name: rng.uniform(0, 0.4, len(faces)).astype(np.float32)
        for name in ("sharpness", "brightness", "contrast")
    }
    light["thumbnail"] = rng.integers(0, 3, (len(faces), 8, 8)).astype(np.uint8)
    scan = make_scan(faces, frames, **light)
    return scan, link(scan, LINK)


keeps = st.sampled_from(["best", "top:2", "top:5", "every:1", "every:7", "every:0.3s", "all"])


@given(videos(), keeps)
def test_what_holds_for_all_selections(video: tuple[Scan, Tracks], keep: str) -> None:
    scan, tracks = video
    selection = select(scan, tracks, SelectSettings(keep=keep))
    kept = selection.rank > 0
    assert ((selection.terms >= 0) & (selection.terms <= 1)).all()
    assert ((selection.quality >= 0) & (selection.quality <= 1)).all()
    assert (selection.reason[~kept] != Reason.NONE).all()
    assert not (kept & (tracks.kind == Kind.INTERPOLATED)).any()
    for one in tracks.ids:
        mine = tracks.track_id == one
        ranks = selection.rank[mine & kept]
        assert sorted(ranks) == list(range(1, len(ranks) + 1))
        assert len(ranks) >= 1
        by_rank = selection.quality[mine & kept][np.argsort(ranks)]
        assert (np.diff(by_rank) <= 0).all()
        if (selection.reason[mine & kept] != Reason.NONE).any():
            seen = mine & (tracks.kind != Kind.INTERPOLATED)
            assert (selection.reason[seen] != Reason.NONE).all()
            assert len(ranks) == 1
            assert selection.quality[mine & kept] == selection.quality[seen].max()


@given(videos(), st.integers(1, 5), st.floats(0, 1))
def test_top_looks_are_good_apart_and_few(
    video: tuple[Scan, Tracks], top: int, min_spacing: float
) -> None:
    scan, tracks = video
    settings = SelectSettings(keep=f"top:{top}", min_spacing=min_spacing)
    selection = select(scan, tracks, settings)
    for one in tracks.ids:
        kept = (tracks.track_id == one) & (selection.rank > 0)
        assert kept.sum() <= top
        assert (np.diff(scan.time[tracks.frame[kept]]) >= min_spacing - 1e-5).all()
