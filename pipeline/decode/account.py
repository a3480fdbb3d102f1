"""The account of a stream that is decoded: what came, what was lost, whether the end is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pipeline.facts import DecodeAudit

COMPLETE = 0.98
"""Part of the announced time that must have come for a stream not to count as truncated."""

_AT_THE_END = 3
"""Frames; the one in which a file breaks off need not be the one that is shown last."""


@dataclass(slots=True)
class Account:
    """Counts while a stream is decoded."""

    duration: float | None
    """Seconds that the file announces."""
    of_stream: bool
    """Whether that is the stream's own length, and not just the file's."""
    expected: int | None
    """Frames that the file announces."""
    note: str = ""
    """What else there is to say."""
    endless: bool = False
    """Whether files of this form say nowhere how long they are."""
    cut_off: bool = False
    """Whether the file ends in the middle of something."""

    frames: int = 0
    failed: int = 0
    failed_in_a_row: int = 0
    damaged: int = 0
    """Frames that the decoder patched up."""
    damaged_last: int = 0
    """Which frame was the last one of these, counted from 1."""
    mended: int = 0
    size_changes: int = 0
    error: str = ""
    """Why the first packet failed."""
    stopped: str = ""
    """Why the rest of the file was not read."""
    ended: bool = False
    """Whether all that there is has been decoded."""
    begin: float = 0.0
    """Seconds, of the first frame."""
    end: float = 0.0
    """Seconds, at which the last frame ends."""
    end_of_data: float = 0.0
    """Seconds, at which the last packet of any stream ends."""
    _size: tuple[int, int] = (0, 0)

    def note_frame(self, begin: float, length: float, size: tuple[int, int]) -> None:
        """Count a frame that is shown at ``begin`` for ``length`` seconds."""
        if not self.frames:
            self.begin, self._size = begin, size
        self.frames += 1
        self.end = begin + length
        self.size_changes += size != self._size
        self._size = size

    def note_damage(self) -> None:
        """Count the latest frame as one that the decoder patched up."""
        self.damaged += 1
        self.damaged_last = self.frames

    def note_failure(self, error: str) -> None:
        """Count a packet that could not be decoded."""
        self.failed += 1
        self.failed_in_a_row += 1
        self.error = self.error or error

    @property
    def truncated(self) -> bool:
        """Whether the stream came to its end clearly before the end that the file announces.

        Where only the file as a whole has a length, as in Matroska, it is that of its longest
        stream, and may count from 0 or from the first frame.
        """
        if self.stopped or self._breaks_off:
            return True
        if not self.ended or self.duration is None or self.endless:
            return False
        there = self.end - self.begin if self.of_stream else max(self.end, self.end_of_data)
        mean_length = (self.end - self.begin) / max(self.frames, 1)
        return there < COMPLETE * self.duration and self.duration - there > 1.5 * mean_length

    @property
    def _breaks_off(self) -> str:
        """What speaks for an end that is missing, where the file cannot tell."""
        if self.ended and self.cut_off:
            return "the file ends in the middle of a packet"
        if self.ended and self.endless and self.damaged_last > max(0, self.frames - _AT_THE_END):
            return "the last frames are damaged"
        return ""

    def audit(self) -> DecodeAudit:
        """Return the account, up to the frame that was decoded last."""
        return DecodeAudit(
            frames=self.frames,
            failed=self.failed,
            expected=self.expected,
            truncated=self.truncated,
            times_mended=self.mended,
            size_changes=self.size_changes,
            warnings=tuple(self._warnings()),
            damaged=self.damaged,
        )

    def _warnings(self) -> Iterator[str]:
        """Yield what a user should know, a sentence each."""
        if self.note:
            yield self.note
        if self.failed:
            yield f"packets that cannot be decoded: {self.failed} ({self.error})"
        if self.damaged:
            yield f"frames with damage: {self.damaged}"
        if self.stopped:
            yield f"decoding stopped at {self.end:.3f} s: {self.stopped}"
        elif self._breaks_off:
            yield f"the video may be cut off at {self.end:.3f} s: {self._breaks_off}"
        elif self.truncated:
            yield f"the video ends at {self.end:.3f} s, but {self.duration:.3f} s were announced"
        if self.mended:
            yield f"times that were missing or were out of line: {self.mended}"
        if self.size_changes:
            yield f"changes of the picture's size: {self.size_changes}"


def joined(accounts: Sequence[Account], frames: int) -> Account:
    """Return the account of a video of so many frames, of which each stretch was decoded unharmed.

    Args:
        accounts: Of the stretches, in their order; the last went to the end of the file.
        frames: Of all of them, each counted once.
    """
    end_of_data = max(account.end_of_data for account in accounts)
    return replace(accounts[-1], begin=accounts[0].begin, frames=frames, end_of_data=end_of_data)
