"""How well faces are tracked: our trackers, and other people's, on the same detections.

The labelled cuts are given to everyone, so that it is the joining that is compared. ``true ids``
is what a tracker could reach that only joins these detections, and fills and smooths nothing.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from time import process_time
from typing import Final

import numpy as np
from scipy.optimize import linear_sum_assignment

import detectors
from benchmarks.films import shaken
from benchmarks.scores import Score, score
from benchmarks.sequences import Rows, Sequence, rows_of, scan_of, with_true_cuts
from pipeline.decode import open_video
from pipeline.health import jitter
from pipeline.link import link
from pipeline.link_settings import OFFLINE
from pipeline.scan import scan
from pipeline.settings import LinkSettings, Settings
from pipeline.types import Kind, Scan
from trackers import TRACKERS
from trackers.assignment import iou

OWN: Final = "own"
"""The name of the detections that our own detector makes."""
SHAKEN: Final = "own, shaken"
"""Those that it makes of the same clips, their picture moved as by a hand."""
THRESHOLDS: Final[Mapping[str, float]] = {"yunet640": 0.6, "faceboxes": 0.5}
"""From which score a detection counts; 0.5 where nothing is said."""
TRUE_IDS: Final = "true ids"
UNSMOOTHED: Final = "offline, not smoothed"
UNFILLED: Final = "offline, nothing filled in"
UNSTEADIED: Final = "offline, camera left in"
_FLOOR: Final = 0.1
_CONTENDERS: Final = Path(__file__).parent / "contenders.py"


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """A sequence with detections."""

    sequence: Sequence
    scan: Scan
    threshold: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What a tracker made of one set of detections."""

    tracker: str
    detections: str
    scores: dict[str, Score]
    """By sequence, and all of them together."""
    milliseconds: float
    """For each frame, of processor time."""
    jitter: float
    """See :func:`pipeline.health.jitter`."""


def cases(sequences: list[Sequence], name: str) -> list[Case]:
    """Return the sequences with the detections of that name, or with our own detector's."""
    if name == OWN:
        return list(_own_cases(sequences))
    if name == SHAKEN:
        with tempfile.TemporaryDirectory() as folder:
            moved = [shaken(one, Path(folder) / one.name) for one in sequences]
            return list(_own_cases(moved))
    threshold = THRESHOLDS.get(name, 0.5)
    found = [(one, one.detections(name)) for one in sequences]
    kept = [(one, rows.where(rows.scores >= _FLOOR)) for one, rows in found]
    return [Case(one, scan_of(one, rows), threshold) for one, rows in kept]


def run(cases: list[Case], detections: str, python: Path | None) -> Iterator[Entry]:
    """Yield the entries of every tracker; others' only where ``python`` can import them."""
    sequences = [case.sequence for case in cases]
    frames = sum(one.frames for one in sequences)
    for name in (OFFLINE, UNFILLED, UNSMOOTHED, UNSTEADIED, *TRACKERS):
        start = process_time()
        results = {case.sequence.name: track(case, name) for case in cases}
        cost = 1000 * (process_time() - start) / frames
        yield _entry(name, detections, results, sequences, cost)
    results = {case.sequence.name: _true_ids(case) for case in cases}
    yield _entry(TRUE_IDS, detections, results, sequences, 0.0)
    if python is not None:
        for name, (results, seconds) in _contenders(cases, python).items():
            yield _entry(name, detections, results, sequences, 1000 * seconds / frames)


def track(case: Case, tracker: str) -> Rows:
    """Return the tracks that the product makes, online trackers with a memory of a second."""
    seen = case.scan
    if tracker in (OFFLINE, UNFILLED, UNSTEADIED):
        settings = LinkSettings(threshold=case.threshold)
    elif tracker == UNSMOOTHED:
        settings = LinkSettings(threshold=case.threshold, smooth=False)
    else:
        settings = LinkSettings(
            tracker=tracker, threshold=case.threshold, max_unseen=1.0, smooth=False
        )
    if tracker == UNSTEADIED:
        seen = replace(seen, camera=np.zeros_like(seen.camera))
    tracks = link(seen, settings)
    return rows_of(tracks).where((tracks.kind != Kind.INTERPOLATED) | (tracker != UNFILLED))


def _entry(
    tracker: str, name: str, results: dict[str, Rows], sequences: list[Sequence], cost: float
) -> Entry:
    rates = {one.name: float(one.frame_rate) for one in sequences}
    steadiness = [
        jitter(rows.ids, rows.frame, rows.frame / rates[one], rows.boxes)
        for one, rows in results.items()
    ]
    return Entry(tracker, name, score(results, sequences), cost, float(np.mean(steadiness)))


def _own_cases(sequences: list[Sequence]) -> Iterator[Case]:
    settings = Settings()
    detector = detectors.load(settings.scan.weights, threshold=settings.scan.score_floor)
    threshold = detectors.weights.find(settings.scan.weights).threshold
    for sequence in sequences:
        with open_video(sequence.folder / "clip.mp4", settings.decode) as video:
            seen = scan(video, detector, settings.scan, settings.run.batch_size)
        yield Case(sequence, with_true_cuts(seen, sequence), threshold)


def _true_ids(case: Case) -> Rows:
    """Return the detections that match the truth, with its ids."""
    seen, truth = case.scan, case.sequence.truth.where(case.sequence.truth.scores > 0)
    ids = np.full(len(seen.frame), -1, np.int64)
    for frame in np.unique(truth.frame):
        rows, real = np.flatnonzero(seen.frame == frame), np.flatnonzero(truth.frame == frame)
        overlap = iou(seen.boxes[rows], truth.boxes[real])
        a, b = linear_sum_assignment(np.where(overlap >= 0.5, overlap, 0), maximize=True)
        good = overlap[a, b] >= 0.5
        ids[rows[a[good]]] = truth.ids[real[b[good]]]
    boxes, scores = seen.boxes.astype(np.float64), seen.scores.astype(np.float64)
    return Rows(seen.frame.astype(np.int64), ids, boxes, scores).where(ids >= 0)


def _contenders(cases: list[Case], python: Path) -> dict[str, tuple[dict[str, Rows], float]]:
    """Return the tracks of other people's trackers, by tracker and sequence, and the seconds."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "given"), Path(folder, "found")
        source.mkdir()
        for case in cases:
            np.savez(
                source / f"{case.sequence.name}.npz",
                frame=case.scan.frame,
                boxes=case.scan.boxes,
                scores=case.scan.scores,
                shots=case.sequence.shots,
                frames=case.sequence.frames,
                frame_rate=float(case.sequence.frame_rate),
                threshold=case.threshold,
            )
        subprocess.run([python, _CONTENDERS, source, target], check=True)
        return {one.name: _read_tracks(one) for one in sorted(target.iterdir())}


def _read_tracks(folder: Path) -> tuple[dict[str, Rows], float]:
    found, seconds = {}, 0.0
    for path in sorted(folder.glob("*.npz")):
        data = np.load(path)
        found[path.stem] = Rows(data["frame"], data["ids"], data["boxes"], data["scores"])
        seconds += float(data["seconds"])
    return found, seconds
