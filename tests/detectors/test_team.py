"""A team finds what one of its members would, whoever looks at a picture."""

import threading
from collections.abc import Sequence

import numpy as np
import pytest

from detectors import Detections
from detectors.team import ALONE, Team


class Counter:
    """Finds a face whose score tells the picture; meets the others at a barrier."""

    name, runtime, smallest_face = "counter", "none", 12.0

    def __init__(self, barrier: threading.Barrier | None = None) -> None:
        self.barrier = barrier
        self.seen = 0

    def __call__(self, images: Sequence[np.ndarray]) -> list[Detections]:
        if self.barrier is not None:
            self.barrier.wait(30)
        self.seen += len(images)
        box = np.array([[0, 0, 1, 1]], np.float32)
        return [Detections(box, np.full(1, image[0, 0, 0] / 255, np.float32)) for image in images]


def pictures(count: int) -> list[np.ndarray]:
    return [np.full((4, 4, 3), k % 256, np.uint8) for k in range(count)]


def at_once(*members: Counter) -> Team:
    """Return a team that has begun to look side by side."""
    team = Team(iter(members).__next__, len(members))
    team(pictures(ALONE))
    for member in members:
        member.seen = 0
    return team


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 8])
def test_pictures_keep_their_order(count: int) -> None:
    found = at_once(*(Counter() for _ in range(3)))(pictures(count))
    assert [round(float(one.scores[0]) * 255) for one in found] == list(range(count))


def test_members_look_at_the_same_time_and_share_the_work() -> None:
    barrier = threading.Barrier(3)
    members = [Counter() for _ in range(3)]
    team = at_once(*members)
    for member in members:
        member.barrier = barrier
    team(pictures(6))
    assert [member.seen for member in members] == [2, 2, 2]


def test_the_others_are_made_only_for_long_videos() -> None:
    made = []
    team = Team(lambda: made.append(Counter()) or made[-1], 3)
    team(pictures(ALONE))
    assert len(made) == 1
    assert len(team(pictures(4))) == 4
    assert len(made) == 3


def test_it_goes_by_the_name_of_its_members() -> None:
    team = Team(Counter, 2)
    assert (team.name, team.runtime, team.smallest_face) == ("counter", "none", 12.0)


def test_what_fails_in_a_member_is_told() -> None:
    class Broken(Counter):
        def __call__(self, images: Sequence[np.ndarray]) -> list[Detections]:
            raise MemoryError

    team = at_once(Counter(), Broken())
    with pytest.raises(MemoryError):
        team(pictures(2))
