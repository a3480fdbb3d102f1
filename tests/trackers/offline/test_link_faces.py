"""Who is who when the whole shot has been seen."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from trackers.offline import Faces, link_faces

Floats = NDArray[np.float64]
Path = Callable[[float], tuple[float, float] | None]
"""Time in seconds -> centre, or nothing while the face is hidden."""

PEOPLE = np.random.default_rng(5).integers(0, 256, (8, 64))


def _film(
    *paths: Path, times: Floats, size: float = 50, looks: bool = True, seed: int = 0
) -> tuple[Faces, NDArray[np.int64]]:
    """Return what is seen of people, and who it is."""
    rng = np.random.default_rng(seed)
    rows = [
        (look, who, *place)
        for look, time in enumerate(times)
        for who, path in enumerate(paths)
        if (place := path(float(time))) is not None
    ]
    table = np.array(rows, np.float64).reshape(-1, 4)
    look, who = table[:, 0].astype(np.int64), table[:, 1].astype(np.int64)
    centre = table[:, 2:] + rng.normal(0, 1, (len(rows), 2))
    thumbnails = np.clip(PEOPLE[who] + rng.normal(0, 20, (len(rows), 64)), 0, 255)
    return Faces(
        look=look,
        time=times[look],
        boxes=np.hstack([centre - size / 2, centre + size / 2]),
        scores=np.full(len(rows), 0.9),
        thumbnails=thumbnails.astype(np.uint8) if looks else np.zeros((len(rows), 0), np.uint8),
    ), who


def _link(faces: Faces, max_unseen: float = 2.0) -> NDArray[np.int64]:
    return link_faces(faces, 0.5, max_unseen)


def _same(ids: NDArray[np.int64], who: NDArray[np.int64]) -> bool:
    """Say whether ids and people are the same but for their names."""
    pairs = set(zip(ids.tolist(), who.tolist(), strict=True))
    return len(pairs) == len(set(ids.tolist())) == len(set(who.tolist()))


def _clock(seconds: float, rate: float = 25) -> Floats:
    return np.arange(round(seconds * rate)) / rate


def _straight(x: float, y: float, speed: float) -> Path:
    return lambda time: (x + speed * time, y)


def _behind(mine: Path, other: Path, reach: float = 40) -> Path:
    """Return the path of who is hidden where the other one is near."""

    def path(time: float) -> tuple[float, float] | None:
        here, there = mine(time), other(time)
        if here and there and np.hypot(here[0] - there[0], here[1] - there[1]) < reach:
            return None
        return here

    return path


@pytest.mark.parametrize("looks", [True, False])
def test_people_who_cross_keep_their_ids(looks: bool) -> None:
    front = _straight(100, 100, 120)
    back = _behind(_straight(500, 110, -100), front)
    faces, who = _film(front, back, times=_clock(4), looks=looks)
    assert _same(_link(faces), who)


def test_people_who_meet_and_turn_back_are_told_apart_by_their_looks() -> None:
    """Motion says that they passed each other; only their looks say that they did not."""

    def left(time: float) -> tuple[float, float]:
        return 200 - 60 * abs(time - 2), 100.0

    def right(time: float) -> tuple[float, float] | None:
        return None if 1.7 < time < 2.3 else (210 + 60 * abs(time - 2), 104.0)

    faces, who = _film(left, right, times=_clock(4))
    assert _same(_link(faces), who)


def test_who_comes_back_within_the_limit_is_the_same() -> None:
    times = _clock(6)
    faces, who = _film(lambda t: None if 2 < t < 3.5 else (100 + 10 * t, 80.0), times=times)
    assert _same(_link(faces), who)
    assert len(set(_link(faces, max_unseen=1).tolist())) == 2


def test_another_person_at_the_same_place_is_another() -> None:
    faces, who = _film(
        lambda t: (100.0, 80.0) if t < 2 else None,
        lambda t: (110.0, 84.0) if t > 2.6 else None,
        times=_clock(5),
    )
    assert _same(_link(faces), who)


def test_a_pan_swaps_nobody() -> None:
    def moved(x: float) -> Path:
        return lambda t: (x - 250 * max(t - 1, 0) ** 2, 100.0)

    faces, who = _film(*(moved(x) for x in (100, 170, 240, 310)), times=_clock(2.2))
    assert _same(_link(faces), who)


@pytest.mark.parametrize("seed", range(3))
def test_variable_frame_rate(seed: int) -> None:
    times = np.cumsum(np.random.default_rng(seed).choice([0.008, 0.04, 0.2], 80))
    faces, who = _film(_straight(100, 100, 60), _straight(1500, 130, -60), times=times)
    assert _same(_link(faces), who)


@pytest.mark.parametrize("rate", [1, 5])
def test_few_looks_a_second(rate: float) -> None:
    faces, who = _film(_straight(100, 100, 8), _straight(400, 100, 8), times=_clock(20, rate))
    assert _same(_link(faces, max_unseen=0.5), who)


def test_nobody_and_somebody_once() -> None:
    nobody, _ = _film(times=_clock(1))
    assert len(_link(nobody)) == 0
    once, _ = _film(_straight(0, 0, 0), times=np.zeros(1))
    assert _link(once).tolist() == [0]


def test_weak_detections_count_only_where_a_face_is_expected() -> None:
    faces, who = _film(_straight(100, 100, 20), _straight(400, 300, 0), times=_clock(3))
    middle = (faces.time > 1) & (faces.time < 1.3)
    scores = np.where((who == 1) | middle, 0.2, 0.9)
    ids = _link(Faces(faces.look, faces.time, faces.boxes, scores, faces.thumbnails))
    assert (ids == np.where(who == 0, 0, -1)).all()


def test_long_blind_spells_are_not_filled_with_weak_detections() -> None:
    faces, _ = _film(_straight(100, 100, 0), times=_clock(4))
    scores = np.where((faces.time > 1) & (faces.time < 3), 0.2, 0.9)
    ids = _link(Faces(faces.look, faces.time, faces.boxes, scores, faces.thumbnails))
    assert (ids[(faces.time > 1.5) & (faces.time < 2.5)] == -1).all()
    assert set(ids[scores > 0.5].tolist()) == {0}


@given(st.integers(0, 2**32 - 1))
def test_nobody_is_twice_in_a_look_and_all_sure_faces_are_somebody(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = int(rng.integers(0, 60))
    look = np.sort(rng.integers(0, 15, count))
    corner, side = rng.uniform(0, 120, (count, 2)), rng.uniform(0, 60, (count, 2))
    scores, pixels = rng.random(count), rng.integers(0, 256, (count, 9))
    boxes = np.hstack([corner, corner + side])
    faces = Faces(look, look / 10, boxes, scores, pixels.astype(np.uint8))
    ids = _link(faces)
    assert (ids[scores >= 0.5] >= 0).all()
    seen = [
        (one, place) for one, place in zip(ids.tolist(), look.tolist(), strict=True) if one >= 0
    ]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("name", ["time", "boxes", "scores"])
def test_columns_must_fit_together(name: str) -> None:
    faces, _ = _film(_straight(0, 0, 1), times=_clock(1))
    columns = {one: getattr(faces, one) for one in ("look", "time", "boxes", "scores")}
    columns[name] = columns[name][1:]
    with pytest.raises(ValueError, match="shapes"):
        Faces(**columns, thumbnails=faces.thumbnails)
    with pytest.raises(ValueError, match="ascend"):
        faces.rows(np.arange(len(faces.look))[::-1])
