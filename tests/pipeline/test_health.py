"""Health figures, and two runs side by side."""

import tracemalloc
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import cli
from pipeline.compare import compare
from pipeline.errors import SetUpError
from pipeline.facts import Health, Status
from pipeline.gaps import fill
from pipeline.health import examine, jitter
from pipeline.link import link
from pipeline.manifest import FILE_NAME, Manifest
from pipeline.settings import LinkSettings
from pipeline.types import Kind, Tracks
from tests.helpers import Face, make_scan
from trackers.offline import pairs

SETTINGS = LinkSettings(threshold=0.5, smooth=False, max_unseen=0.2)


def _face(frame: int, x: float, score: float = 0.9) -> Face:
    return frame, [x, 100, x + 50, 150], score


def _health(faces: list[Face], frames: int, **settings: float) -> Health:
    scan = make_scan(sorted(faces, key=lambda face: (face[0], -face[2])), frames)
    return examine(scan, link(scan, replace(SETTINGS, **settings)))  # type: ignore[arg-type]


def test_a_steady_face_is_healthy() -> None:
    health = _health([_face(k, 100 + k) for k in range(76)], 76)
    assert health == Health(tracks_per_minute=20)  # one in three seconds


def test_no_tracks_and_a_single_frame() -> None:
    assert _health([], 10) == Health()
    assert _health([], 0) == Health()
    assert _health([_face(0, 100)], 1).one_frame == 1


def test_a_track_that_begins_where_another_ended_is_a_fragment() -> None:
    faces = [_face(k, 100) for k in range(60) if not 20 <= k < 30]
    assert _health(faces, 60).fragmented == 0.5
    assert _health(faces, 60, max_unseen=2).fragmented == 0
    elsewhere = [_face(k, 100 if k < 20 else 400) for k in range(60) if not 20 <= k < 30]
    assert _health(elsewhere, 60).fragmented == 0


def test_gaps_rescued_and_filled_boxes_are_counted() -> None:
    faces = [_face(k, 100, 0.3 if k == 50 else 0.9) for k in range(100) if not 20 <= k < 24]
    health = _health(faces, 100)
    assert (health.gaps, health.filled, health.rescued) == (0.04, 0.04, 0.01)


def test_a_face_that_is_found_twice() -> None:
    faces = [_face(k, x) for k in range(40) for x in (100, 112)]
    scan = make_scan(faces, 40)
    assert examine(scan, link(scan, replace(SETTINGS, tracker="sort"))).duplicates == 1


def test_a_crowd_takes_no_more_memory_than_its_boxes(monkeypatch: pytest.MonkeyPatch) -> None:
    people, frames = 100, 60
    number, frame = np.divmod(np.arange(people * frames, dtype=np.int32), frames)
    seen = (frame + number) % 20 > 0
    number, frame = number[seen], frame[seen]
    left, width = 60 * number, np.where(number % 3, 75, 90)  # the wide ones hide others
    boxes = np.column_stack([left, 0 * left, left + width, 0 * left + 50])
    scan = make_scan([], frames)
    tracks = Tracks(
        track_id=number + 1,
        frame=frame,
        boxes=boxes.astype(np.float32),
        scores=np.ones(len(frame), np.float32),
        kind=np.full(len(frame), Kind.DETECTED, np.uint8),
        detection=np.zeros(len(frame), np.int32),
        shots=np.zeros(1, np.int32),
        dropped=0,
    )
    expected = fill(scan, tracks, 1), examine(scan, tracks)
    monkeypatch.setattr(pairs, "_MOST", 5_000)  # as if there were forty times as many
    tracemalloc.start()
    filled, health = fill(scan, tracks, 1), examine(scan, tracks)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(filled.frame, expected[0].frame)
    assert Kind.INTERPOLATED in filled.kind
    assert health == expected[1]
    assert peak < 500 * len(frame)


def test_jitter_is_what_motion_does_not_explain() -> None:
    frame = np.arange(50)
    ids, steady = np.ones(50), np.column_stack([frame, 0 * frame, frame + 10, 0 * frame + 10])
    assert jitter(ids, frame, frame / 25, steady) == pytest.approx(0)
    shaken = steady + (frame % 2)[:, None]
    assert jitter(ids, frame, frame / 25, shaken) == pytest.approx(2 * 2**0.5 / 10)
    gap = frame / 25 + (frame >= 25)  # the steps over a gap are not compared
    assert jitter(ids, frame, gap, steady + 30.0 * (frame >= 25)[:, None]) == pytest.approx(0)


def _write(output: Path, folder: str, content: str, health: Health | None) -> None:
    manifest = Manifest(name=folder, size=1, sha256=content * 64, status=Status.DONE, health=health)
    (output / folder).mkdir(parents=True)
    (output / folder / FILE_NAME).write_text(manifest.to_json())


def test_two_runs_side_by_side(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    _write(old, "a.mp4", "a", Health(fragmented=0.1))
    _write(old, "b.mp4", "b", Health(jitter=0.01))
    _write(old, "gone.mp4", "c", Health())
    _write(new, "moved.mp4", "a", Health(fragmented=0.3))
    _write(new, "b.mp4", "b", Health(jitter=0.012))
    _write(new, "failed.mp4", "d", None)
    found = compare(old, new)
    assert found.videos == 2
    assert found.worse == (("moved.mp4", "fragmented", 0.1, 0.3),)
    assert found.after["fragmented"] == 0.15
    done = CliRunner().invoke(cli, ["compare", str(old), str(new)], standalone_mode=False)
    assert done.return_value == 3
    assert "worse: moved.mp4: fragmented 0.1000 -> 0.3000" in done.output
    done = CliRunner().invoke(cli, ["compare", str(new), str(new)], standalone_mode=False)
    assert done.return_value == 0


def test_nothing_to_compare_is_said(tmp_path: Path) -> None:
    with pytest.raises(SetUpError, match="No video"):
        compare(tmp_path, tmp_path)


def test_the_mean_is_of_each_figure_and_told_in_words() -> None:
    healths = [Health(fragmented=0.5, jitter=0.01), Health(gaps=0.1, jitter=0.03)]
    assert Health.mean(healths) == Health(fragmented=0.25, gaps=0.05, jitter=0.02)
    assert Health.mean([]) == Health()
    told = Health.mean(healths).describe()
    assert told == (
        "25% fragmented, 0% of one frame, 5% unseen, 0.0% double, jitter 0.020 of a face"
    )
