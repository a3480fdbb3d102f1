"""Pass 1 in stretches side by side, each with a decoder and a detector of its own.

What comes of it is, to the byte, what one pass sees; see :mod:`pipeline.decode.stretch`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import pairwise
from threading import Event
from typing import Final

import numpy as np

from detectors.team import Team
from pipeline.decode import Indivisible, Stretch, Video
from pipeline.decode.account import Account, joined
from pipeline.decode.stretch import SHARED
from pipeline.errors import VideoError
from pipeline.scan.cuts import LAGS
from pipeline.scan.detect import to_scan
from pipeline.scan.faces import Faces
from pipeline.scan.notes import Columns, Notes, Seen
from pipeline.settings import ScanSettings
from pipeline.types import Frame, Scan

assert SHARED >= LAGS, "a frame is compared with others that its own stretch does not have"

_TELL_EVERY: Final = 0.2
"""Seconds between two looks at how far the stretches are."""

Mark = tuple[int, int]
"""Time and checksum of a frame that two stretches have."""


def scan_divided(
    video: Video,
    team: Team,
    settings: ScanSettings,
    batch_size: int,
    progress: Callable[[int], None],
) -> Scan:
    """Look at the whole video, as :func:`pipeline.scan.scan` does.

    Args:
        video: Opened.
        team: As many stretches are looked at side by side as it has members.
        settings: As for ``scan``.
        batch_size: Pictures that a detector is given at once.
        progress: Told every now and then how many frames there were.

    Raises:
        Indivisible: The video is to be looked at in one pass.
    """
    if settings.every != "1":
        raise Indivisible
    stop = Event()
    works = [_Work(stretch, stop) for stretch in video.stretches(len(team))]
    with ThreadPoolExecutor(len(works), "stretch") as threads:
        futures = [
            threads.submit(work.look, team, number, settings, batch_size)
            for number, work in enumerate(works)
        ]
        try:
            _attend(works, futures, progress)
        finally:
            stop.set()
    parts = [future.result() for future in futures]
    seen = _join(parts)
    account = joined([part.account for part in parts], len(seen.frames["pts"]))
    return to_scan(video.info, account.audit(), seen, team, settings)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """What was seen of a stretch."""

    seen: Seen
    account: Account
    opening: tuple[Mark, ...]
    """The first frames."""
    closing: tuple[Mark, ...]
    """The last ones, which belong to the next stretch."""


@dataclass(slots=True)
class _Work:
    """A stretch that is looked at."""

    stretch: Stretch
    stop: Event
    done: int = 0
    """Frames so far."""

    def look(self, team: Team, number: int, settings: ScanSettings, batch_size: int) -> _Part:
        """Look at all frames with one member of the team; raises Indivisible."""
        opening, closing = list[Mark](), list[Mark]()
        try:
            with ThreadPoolExecutor(1, "detection") as beside:
                notes = Notes(Faces(team.member(number), settings, batch_size, beside))
                for frame in self.stretch.frames():
                    if self.stop.is_set():
                        raise Indivisible
                    own = self.stretch.is_own(frame)
                    notes.add(frame, looked=own)
                    if self.done < SHARED:
                        opening.append(_mark(frame))
                    if not own:
                        closing.append(_mark(frame))
                    self.done += 1
                seen = notes.finish()
        except (VideoError, MemoryError) as error:  # one pass needs less, and says what is wrong
            raise Indivisible from error
        return _Part(seen, self.stretch.account, tuple(opening), tuple(closing))


def _mark(frame: Frame) -> Mark:
    return frame.pts, zlib.crc32(frame.picture.luma().tobytes())


def _attend(
    works: Sequence[_Work], futures: Sequence[Future[_Part]], progress: Callable[[int], None]
) -> None:
    """Wait until all are done or one has failed, and tell how far they are."""
    running, told = set(futures), 0
    while running:
        ended, running = wait(running, _TELL_EVERY, FIRST_EXCEPTION)
        for future in ended:
            future.result()
        done = sum(work.done for work in works)
        if done != told:
            progress(done)
            told = done


def _join(parts: Sequence[_Part]) -> Seen:
    """Put together what the stretches saw; raises Indivisible where they do not meet."""
    for earlier, later in pairwise(parts):
        if earlier.closing != later.opening:
            raise Indivisible
    frames, faces, distances, camera = list[Columns](), list[Columns](), [], []
    start, known = 0, 0
    for part in parts:
        seen, count = part.seen, len(part.seen.camera) - len(part.closing)
        frames.append({name: column[:count] for name, column in seen.frames.items()})
        faces.append(seen.faces | {"frame": seen.faces["frame"] + np.int32(start)})
        # What precedes its first frames, a stretch does not know: the one before it does.
        distances.append(seen.distances[known:])
        camera.append(seen.camera[known:])
        start, known = start + count, len(part.closing)
    joint = Seen(
        _stacked(frames), np.concatenate(distances), np.concatenate(camera), _stacked(faces)
    )
    if (joint.frames["size"] != joint.frames["size"][0]).any():
        raise Indivisible
    return joint


def _stacked(tables: Sequence[Columns]) -> Columns:
    """Return the rows of all tables in one."""
    return {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
