"""What offline linking costs in a crowd."""

import tracemalloc

import numpy as np
import pytest

from trackers.offline import Faces, link_faces, pairs

_SECONDS, _RATE, _PEOPLE = 60, 30, 20


def _crowd() -> Faces:
    """Return people who wander about, are missed now and then, and are hidden for a while."""
    rng = np.random.default_rng(0)
    times = np.arange(_SECONDS * _RATE) / _RATE
    phase, pace = rng.uniform(0, 6.28, (2, _PEOPLE)), rng.uniform(0.3, 1.6, (2, _PEOPLE))
    path = np.sin(phase + pace * times[:, None, None]) * [[800], [400]]  # (F, 2, P)
    seen = rng.random((len(times), _PEOPLE)) < 0.97
    for who in range(_PEOPLE):
        for begin in rng.integers(0, len(times), 10):
            seen[begin : begin + rng.integers(5, 60), who] = False
    look, who = np.nonzero(seen)
    centre = path[look, :, who] + rng.normal(0, 2, (len(look), 2))
    side = 60 * np.exp(rng.normal(0, 0.03, (len(look), 1))) / 2
    pictures = rng.integers(0, 256, (_PEOPLE, 64))[who] + rng.normal(0, 25, (len(look), 64))
    return Faces(
        look=look,
        time=times[look],
        boxes=np.hstack([centre - side, centre + side]),
        scores=np.clip(rng.normal(0.8, 0.15, len(look)), 0.1, 1),
        thumbnails=np.clip(pictures, 0, 255).astype(np.uint8),
    )


def test_memory_is_for_what_is_kept_not_for_what_is_computed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hours in one shot: about half a kilobyte a face, whatever the motions take on the way."""
    faces = _crowd()
    expected = link_faces(faces, 0.5, 2.0)
    assert len(np.unique(expected)) < 40 * _PEOPLE
    monkeypatch.setattr(pairs, "_MOST", 2_000)  # as if the shot were a hundred times as long
    tracemalloc.start()
    ids = link_faces(faces, 0.5, 2.0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    np.testing.assert_array_equal(ids, expected)
    assert peak < 700 * len(faces.look)
