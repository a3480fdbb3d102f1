"""The account: when the end of a video counts as missing, and what is said of it."""

import pytest

from pipeline.decode.account import Account


def account(
    frames: int, duration: float | None, *, of_stream: bool = True, begin: float = 0
) -> Account:
    """Return the account of a video with 25 frames a second that was read to its end."""
    result = Account(duration, of_stream, expected=None)
    for index in range(frames):
        result.note_frame(begin + index / 25, 1 / 25, (64, 48))
    result.ended = True
    return result


@pytest.mark.parametrize(
    ("frames", "duration", "truncated"),
    [
        (100, 4, False),
        (99, 4, False),
        (97, 4, True),
        (40, 4, True),
        (100, None, False),
        (100, 3, False),
        (9, 0.4, False),
        (8, 0.4, True),
        (1, 0.04, False),
    ],
)
def test_a_clearly_missing_end_is_noticed(
    frames: int, duration: float | None, truncated: bool
) -> None:
    assert account(frames, duration).truncated == truncated


@pytest.mark.parametrize("begin", [-2, 36_000])
def test_a_stream_is_as_long_as_it_says_wherever_it_begins(begin: float) -> None:
    assert not account(100, 4, begin=begin).truncated
    assert account(90, 4, begin=begin).truncated


def test_the_length_of_a_file_is_that_of_its_longest_stream() -> None:
    with_sound = account(100, 60, of_stream=False)
    assert with_sound.truncated
    with_sound.end_of_data = 60
    assert not with_sound.truncated


def test_a_file_may_count_its_length_from_zero() -> None:
    assert not account(100, 36_004, of_stream=False, begin=36_000).truncated


def test_nothing_is_missing_while_the_end_is_not_reached() -> None:
    unfinished = account(10, 4)
    unfinished.ended = False
    assert not unfinished.truncated
    unfinished.stopped = "the file breaks off"
    assert unfinished.truncated


def test_the_audit_tells_all() -> None:
    it = account(10, 4)
    it.note_frame(0.4, 0.04, (96, 64))
    it.note_failure("bad data")
    it.note_failure("worse data")
    it.damaged, it.mended = 3, 4
    audit = it.audit()
    assert (audit.frames, audit.failed, audit.size_changes, audit.times_mended) == (11, 2, 1, 4)
    assert audit.damaged == 3
    assert audit.partial
    assert audit.warnings == (
        "packets that cannot be decoded: 2 (bad data)",
        "frames with damage: 3",
        "the video ends at 0.440 s, but 4.000 s were announced",
        "times that were missing or were out of line: 4",
        "changes of the picture's size: 1",
    )
