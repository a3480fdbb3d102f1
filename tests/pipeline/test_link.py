"""From the detections of a scan to tracks."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

import pipeline.link
from benchmarks.linking import make_scan as make_long_scan
from pipeline.errors import SetUpError
from pipeline.link import find_shots, link
from pipeline.link_settings import OFFLINE, check_link_settings
from pipeline.settings import LinkSettings
from pipeline.types import Kind, Scan, Tracks
from tests.helpers import Face, make_scan
from trackers import TRACKERS

SETTINGS = LinkSettings(threshold=0.5, smooth=False)
ALL = [OFFLINE, *sorted(TRACKERS)]


def _box(x: float, y: float = 100, size: float = 50) -> list[float]:
    return [x, y, x + size, y + size]


def _walk(frames: range, x: float = 100, speed: float = 2, score: float = 0.9) -> list[Face]:
    return [(k, _box(x + speed * k), score) for k in frames]


def _spans(tracks: Tracks) -> dict[int, tuple[int, int]]:
    """Return the first and last frame of each track."""
    frames = {int(one): tracks.frame[tracks.track_id == one] for one in tracks.ids}
    return {one: (int(found[0]), int(found[-1])) for one, found in frames.items()}


@pytest.mark.parametrize("tracker", ALL)
def test_a_track_lasts_from_first_sighting_to_end_of_file(tracker: str) -> None:
    scan = make_scan(_walk(range(40)), 40)
    tracks = link(scan, replace(SETTINGS, tracker=tracker))
    assert _spans(tracks) == {1: (0, 39)}
    assert tracks.dropped == 0
    np.testing.assert_array_equal(tracks.boxes, scan.boxes)
    np.testing.assert_array_equal(tracks.detection, np.arange(40))


def test_ids_follow_the_first_appearance() -> None:
    faces = _walk(range(30, 60), 400) + _walk(range(10, 60), 0, 1) + _walk(range(60), 200, 1)
    tracks = link(_in_order(make_scan(faces, 60)), SETTINGS)
    assert _spans(tracks) == {1: (0, 59), 2: (10, 59), 3: (30, 59)}


def test_no_faces_and_no_frames() -> None:
    nothing = link(make_scan([], 10), SETTINGS)
    assert (len(nothing.ids), nothing.shots.tolist(), nothing.dropped) == (0, [0], 0)
    assert len(link(make_scan([], 0), SETTINGS).shots) == 0


@pytest.mark.parametrize("tracker", ALL)
def test_it_is_told_how_far_linking_is(tracker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a shot too: what is silent for minutes is taken for dead."""
    monkeypatch.setattr(pipeline.link, "_WINDOW", 1000)
    scan, told = make_long_scan(0.5, 6), list[tuple[int, int]]()
    link(scan, replace(SETTINGS, tracker=tracker), lambda *steps: told.append(steps))
    assert {steps for _, steps in told} == {len(scan.time)}
    done = [frame for frame, _ in told]
    assert done == sorted(done)
    assert len(set(done)) > 3


def test_a_long_shot_is_linked_in_windows_as_it_is_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scan = make_long_scan(0.5, 6)
    at_once = link(scan, SETTINGS)
    linked: list[int] = []
    link_faces = pipeline.link.link_faces
    monkeypatch.setattr(pipeline.link, "_WINDOW", 1000)
    monkeypatch.setattr(
        pipeline.link, "link_faces", lambda *given: linked.append(1) or link_faces(*given)
    )
    in_windows = link(scan, SETTINGS)
    assert len(linked) > 2
    np.testing.assert_array_equal(in_windows.track_id, at_once.track_id)
    np.testing.assert_array_equal(in_windows.detection, at_once.detection)


def test_weak_detections_alone_are_nobody() -> None:
    tracks = link(make_scan(_walk(range(40), score=0.3), 40), SETTINGS)
    assert (len(tracks.ids), tracks.dropped) == (0, 0)


def test_a_cut_ends_every_track() -> None:
    tracks = link(make_scan(_walk(range(40)), 40, cuts=[20]), SETTINGS)
    assert tracks.shots.tolist() == [0, 20]
    assert _spans(tracks) == {1: (0, 19), 2: (20, 39)}


def test_the_threshold_of_cuts_itself_cuts() -> None:
    scan = make_scan([], 3, cut_score=np.array([0.9, 0.4, 0.5], np.float32))
    assert find_shots(scan, 0.5).tolist() == [0, 2]


def test_another_picture_size_is_another_shot() -> None:
    scan = make_scan(_walk(range(40)), 40)
    scan.size[25:] = (320, 240)
    assert link(scan, SETTINGS).shots.tolist() == [0, 25]
    assert _spans(link(scan, SETTINGS)) == {1: (0, 24), 2: (25, 39)}


@pytest.mark.parametrize("tracker", [OFFLINE, *TRACKERS])
def test_a_shaken_camera_makes_nobody_jump(tracker: str) -> None:
    """Two people side by side; from frame to frame the picture moves by more than a face."""
    way = np.random.default_rng(3).integers(-90, 91, (60, 2)).cumsum(axis=0)
    faces = [
        (frame, np.array(_box(x + frame)) + np.tile(way[frame], 2), 0.9)
        for frame in range(60)
        for x in (100, 190)
        if x == 100 or not 20 <= frame < 30  # missed
    ]
    shaken = make_scan(faces, 60, camera=np.diff(way, axis=0, prepend=0).astype(np.float32))
    settings = replace(SETTINGS, tracker=tracker)
    tracks = link(shaken, settings)
    assert _spans(tracks) == {1: (0, 59), 2: (0, 59)}
    place = np.array([100, 190])[tracks.track_id - 1] + tracks.frame + way[tracks.frame, 0]
    np.testing.assert_allclose(tracks.boxes[:, 0], place, atol=2)
    still = link(replace(shaken, camera=np.zeros_like(shaken.camera)), settings)
    assert len(still.ids) != 2 or (still.kind == Kind.INTERPOLATED).sum() > 10


def test_a_slow_camera_is_left_alone() -> None:
    scan = make_scan(_walk(range(40)), 40)
    noise = np.random.default_rng(0).normal(0, 2, (40, 2)).astype(np.float32)
    moved = link(replace(scan, camera=noise), SETTINGS)
    np.testing.assert_array_equal(moved.boxes, link(scan, SETTINGS).boxes)


def test_the_camera_of_one_shot_does_not_move_the_next() -> None:
    scan = make_scan(_walk(range(40)), 40, cuts=[20])
    scan.camera[:20] = 30
    scan.camera[20] = 500
    alone = link(make_scan(_walk(range(40)), 40, cuts=[20]), SETTINGS)
    tracks = link(scan, SETTINGS)
    after = tracks.frame >= 20
    np.testing.assert_array_equal(tracks.boxes[after], alone.boxes[alone.frame >= 20])


def test_a_short_gap_is_filled_and_marked() -> None:
    faces = [face for face in _walk(range(40)) if not 10 <= face[0] < 20]
    tracks = link(make_scan(faces, 40), SETTINGS)
    filled = tracks.kind == Kind.INTERPOLATED
    assert tracks.frame.tolist() == list(range(40))
    assert tracks.frame[filled].tolist() == list(range(10, 20))
    assert (tracks.detection[filled] == -1).all()
    assert (tracks.scores[filled] == 0).all()
    np.testing.assert_allclose(tracks.boxes[:, 0], 100 + 2 * np.arange(40), atol=1e-3)


def test_gaps_are_filled_by_time_not_by_frame_number() -> None:
    time = np.array([0, 0.1, 0.2, 0.5, 0.6, 0.7])
    faces: list[Face] = [(k, _box(100 + 100 * time[k]), 0.9) for k in (0, 1, 2, 4, 5)]
    tracks = link(make_scan(faces, 6, time=time), SETTINGS)
    assert tracks.boxes[3] == pytest.approx(_box(150), abs=1e-3)


def test_a_long_gap_stays_open_in_one_track() -> None:
    faces = [face for face in _walk(range(60), speed=0) if not 10 <= face[0] < 30]
    tracks = link(make_scan(faces, 60), SETTINGS)
    assert _spans(tracks) == {1: (0, 59)}
    assert Kind.INTERPOLATED not in tracks.kind


@pytest.mark.parametrize("tracker", ALL)
def test_a_longer_absence_makes_two_tracks(tracker: str) -> None:
    faces = [face for face in _walk(range(90), speed=0) if not 20 <= face[0] < 60]
    settings = replace(SETTINGS, tracker=tracker, max_unseen=1)
    assert _spans(link(make_scan(faces, 90), settings)) == {1: (0, 19), 2: (60, 89)}


def test_a_gap_while_another_face_hides_this_one_stays_open() -> None:
    hidden = [face for face in _walk(range(40), speed=0) if not 15 <= face[0] < 25]
    passer_by = _walk(range(40), -200, 15)
    tracks = link(_in_order(make_scan(hidden + passer_by, 40)), SETTINGS)
    assert _spans(tracks) == {1: (0, 39), 2: (0, 39)}
    assert Kind.INTERPOLATED not in tracks.kind


def test_online_weak_detections_are_rescued_between_strong_ones_only() -> None:
    faces = [
        (k, box, 0.3 if k < 5 or 20 <= k < 25 or k >= 35 else score)
        for k, box, score in _walk(range(40))
    ]
    tracks = link(make_scan(faces, 40), replace(SETTINGS, tracker="bytetrack"))
    assert _spans(tracks) == {1: (5, 34)}
    rescued = tracks.frame[tracks.kind == Kind.RESCUED]
    assert rescued.tolist() == list(range(20, 25))


def test_sort_fills_where_others_rescue() -> None:
    faces = [(k, box, 0.3 if k == 20 else score) for k, box, score in _walk(range(40))]
    tracks = link(make_scan(faces, 40), replace(SETTINGS, tracker="sort"))
    assert np.flatnonzero(tracks.kind == Kind.INTERPOLATED).tolist() == [20]


def test_weak_detections_at_the_ends_count_for_a_while() -> None:
    faces = [(k, box, 0.9 if 30 <= k < 60 else 0.3) for k, box, _ in _walk(range(90), speed=0)]
    ((first, last),) = _spans(link(make_scan(faces, 90), SETTINGS)).values()
    assert 0 < 30 - first <= 7  # a quarter of a second: then they must fit perfectly
    assert 0 < last - 59 <= 7


def test_boxes_are_smoothed_without_lag() -> None:
    rng = np.random.default_rng(0)
    faces = [(k, list(box + rng.normal(0, 3, 4)), score) for k, box, score in _walk(range(100))]
    truth = 125 + 2 * np.arange(100)
    raw, smoothed = (
        link(make_scan(faces, 100), replace(SETTINGS, smooth=smooth)) for smooth in (False, True)
    )
    off, off_raw = (track.boxes[:, ::2].mean(axis=1) - truth for track in (smoothed, raw))
    assert np.abs(off.mean()) < 0.5
    assert np.abs(np.diff(off)).mean() < 0.5 * np.abs(np.diff(off_raw)).mean()
    assert off.std() < off_raw.std()


def test_short_tracks_are_dropped_and_counted() -> None:
    faces = _walk(range(40)) + _walk(range(10, 14), 400) + _walk(range(20, 25), 500, 0)
    tracks = link(_in_order(make_scan(faces, 40)), SETTINGS)  # 0.16 s and 0.2 s
    assert _spans(tracks) == {1: (0, 39), 2: (20, 24)}
    assert tracks.dropped == 1


def test_a_coat_of_arms_that_now_and_then_looks_like_a_face_is_dropped() -> None:
    """One look in five is sure of it, the others are weak; a face is seen surely more often."""
    faces = [(k, box, 0.9 if k % 5 == 0 else 0.3) for k, box, _ in _walk(range(60), speed=0)]
    tracks = link(make_scan(faces, 60), SETTINGS)
    assert (len(tracks.ids), tracks.dropped) == (0, 1)
    faces = [(k, box, 0.9 if k % 3 == 0 else 0.3) for k, box, _ in faces]
    assert _spans(link(make_scan(faces, 60), SETTINGS)) == {1: (0, 59)}


def test_weak_sightings_make_no_track_long_enough() -> None:
    faces = [(k, box, 0.9 if 20 <= k < 22 else 0.3) for k, box, _ in _walk(range(18, 24), speed=0)]
    assert link(make_scan(faces, 40), SETTINGS).dropped == 1


def test_a_sighting_counts_for_the_time_to_the_next_look() -> None:
    once = make_scan([(2, _box(100), 0.9)], 5, rate=1)
    assert _spans(link(once, SETTINGS)) == {1: (2, 2)}
    sparse = make_scan([(50, _box(100), 0.9)], 100, every=10)
    assert _spans(link(sparse, SETTINGS)) == {1: (50, 50)}


def test_a_face_throughout_a_short_shot_is_kept() -> None:
    still = make_scan([(0, _box(100), 0.9)], 1)
    assert _spans(link(still, SETTINGS)) == {1: (0, 0)}
    shots = make_scan(_walk(range(12)), 12, cuts=[5, 8])
    assert _spans(link(shots, SETTINGS)) == {1: (0, 4), 2: (5, 7), 3: (8, 11)}


@pytest.mark.parametrize("every", [2, 7, 50])
def test_frames_that_were_not_looked_at_are_filled(every: int) -> None:
    faces = [face for face in _walk(range(151), speed=0.2) if face[0] % every == 0]
    tracks = link(make_scan(faces, 151, every=every), SETTINGS)
    assert tracks.frame.tolist() == list(range(faces[-1][0] + 1))
    assert (tracks.frame[tracks.kind == Kind.DETECTED] % every == 0).all()
    np.testing.assert_allclose(tracks.boxes[:, 0], 100 + 0.2 * tracks.frame, atol=1e-3)


def test_large_faces_and_other_regions_are_left_out() -> None:
    large: list[Face] = [(k, _box(300, 100, 200), 0.9) for k in range(20)]
    faces = _walk(range(20), 10, 0) + large
    scan = _in_order(make_scan(faces, 20))
    assert len(link(scan, SETTINGS).ids) == 2
    assert link(scan, replace(SETTINGS, max_face=150)).boxes[:, 0].max() == 10
    assert link(scan, replace(SETTINGS, region="50%,0,50%,100%")).boxes[:, 0].min() == 300


def test_the_threshold_must_be_filled_in() -> None:
    with pytest.raises(ValueError, match="threshold"):
        link(make_scan([], 1), LinkSettings())


@pytest.mark.parametrize("wrong", [{"tracker": "deepsort"}, {"region": "middle"}])
def test_settings_that_make_no_sense_are_named(wrong: dict[str, str]) -> None:
    settings = replace(SETTINGS, **wrong)  # type: ignore[arg-type]
    with pytest.raises(SetUpError, match=next(iter(wrong.values()))):
        check_link_settings(settings)
    with pytest.raises(SetUpError):
        link(make_scan([], 1), settings)


def _in_order(scan: Scan) -> Scan:
    """Return the scan with its faces in the order that scans have."""
    return _reordered(scan, np.lexsort((-scan.scores, scan.frame)))


def _reordered(scan: Scan, order: NDArray[np.intp]) -> Scan:
    """Return the scan with its faces in another order."""
    names = ("frame", "boxes", "scores", "thumbnail")
    columns = {name: getattr(scan, name)[order] for name in names}
    return replace(scan, **columns)


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    """Return a crowd that walks about, is missed now and then, and is cut."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frames, people = draw(st.integers(0, 40)), draw(st.integers(0, 5))
    every = draw(st.sampled_from([1, 1, 3]))
    start, speed = rng.uniform(0, 500, (people, 2)), rng.normal(0, 4, (people, 2))
    faces: list[Face] = []
    for frame in range(0, frames, every):
        seen = [k for k in range(people) if rng.random() < 0.8]
        corners = (start + speed * frame + rng.normal(0, 1, (people, 2)))[seen]
        scores = rng.random(len(seen)) ** 0.3
        faces += [(frame, _box(x, y), s) for (x, y), s in zip(corners, scores, strict=True)]
    cuts = [k for k in range(1, frames) if rng.random() < 0.05]
    return _in_order(make_scan(faces, frames, cuts=cuts, every=every))


@given(scans(), st.sampled_from(ALL))
def test_what_holds_for_all_tracks(scan: Scan, tracker: str) -> None:
    tracks = link(scan, replace(SETTINGS, tracker=tracker))
    assert tracks.ids.tolist() == list(range(1, len(tracks.ids) + 1))
    rows = list(zip(tracks.track_id.tolist(), tracks.frame.tolist(), strict=True))
    assert rows == sorted(set(rows))  # one box a track and frame, in order
    starts = [first for first, _ in _spans(tracks).values()]
    assert starts == sorted(starts)
    for first, last in _spans(tracks).values():
        assert not ((first < tracks.shots) & (tracks.shots <= last)).any()
    real = tracks.detection >= 0
    assert (real == (tracks.kind != Kind.INTERPOLATED)).all()
    used = tracks.detection[real]
    assert len(set(used.tolist())) == len(used)
    np.testing.assert_array_equal(tracks.boxes[real], scan.boxes[used])
    np.testing.assert_array_equal(tracks.frame[real], scan.frame[used])
    assert (scan.scores[tracks.detection[tracks.kind == Kind.DETECTED]] >= 0.5).all()


@given(scans(), st.integers(0, 1000))
def test_the_order_of_the_faces_in_a_frame_does_not_matter(scan: Scan, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffled = _reordered(scan, np.lexsort((rng.random(len(scan.frame)), scan.frame)))
    one, other = link(scan, SETTINGS), link(shuffled, SETTINGS)
    for name in ("track_id", "frame", "boxes", "scores", "kind"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_track_that_is_never_clear_is_no_face() -> None:
    """What only ever just passes the threshold is a lamp; a clear moment makes it a face."""

    def tracks(clear_frames: int) -> int:
        scores = [0.8] * clear_frames + [0.52] * (50 - clear_frames)
        faces = [(k, [100, 100, 150, 150], score) for k, score in enumerate(scores)]
        found = link(make_scan(faces, 50), LinkSettings(threshold=0.5, min_track=0.2))
        return len(found.ids)

    assert tracks(clear_frames=0) == 0
    assert tracks(clear_frames=3) == 0, "less than the shortest track"
    assert tracks(clear_frames=5) == 1
