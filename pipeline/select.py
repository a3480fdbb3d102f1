"""Choose the looks at each face that are worth a crop, and say why the others are not.

A look that has a fault (:func:`pipeline.quality.find_faults`) is kept only where its track has none
without: then the best of them is kept and stays flagged. A box that was filled in is never kept.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.keep import Keep, parse_keep
from pipeline.quality import find_faults, measure_terms, overall
from pipeline.settings import TICK, SelectSettings
from pipeline.types import Look, Reason, Scan, Selection, Tell, Tracks, to_nobody

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

SAME_LOOK = 0.95
"""Correlation of two thumbnails from which they show nearly the same. Measured on real tracks: half
of all pairs of neighbouring frames lie above, and one in twenty of the pairs a second apart."""


def select(
    scan: Scan, tracks: Tracks, settings: SelectSettings, tell: Tell = to_nobody
) -> Selection:
    """Return the quality of every look, and which ones are kept or why not.

    Args:
        scan: What was seen.
        tracks: Of the same video.
        settings: All of them count.
        tell: Told how many rows of the tracks are through.

    Raises:
        SetUpError: ``settings.keep`` makes no sense.
    """
    keep = parse_keep(settings.keep)
    terms = measure_terms(scan, tracks)
    quality, reason = overall(terms), find_faults(tracks, terms, settings)
    rank = np.zeros(len(quality), np.int32)
    for rows in np.split(np.arange(len(rank)), np.flatnonzero(np.diff(tracks.track_id)) + 1):
        tell(int(rows[0]) if len(rows) else 0, len(rank))
        best_first = rows[np.argsort(-quality[rows], kind="stable")]
        seen = best_first[reason[best_first] != Reason.INTERPOLATED]
        good = seen[reason[seen] == Reason.NONE]
        kept = seen[:1]
        if len(good):
            refusals = _refuse(scan, tracks, np.sort(seen), good, settings.min_spacing, keep)
            reason[good] = refusals
            kept = good[refusals == Reason.NONE]
        rank[kept] = np.arange(1, len(kept) + 1)
    return Selection(terms=terms, quality=quality, reason=reason, rank=rank)


def looks(scan: Scan, tracks: Tracks, selection: Selection) -> tuple[Look, ...]:
    """Return the kept looks, by track and then by rank."""
    kept = np.flatnonzero(selection.rank)
    order = kept[np.lexsort((selection.rank[kept], tracks.track_id[kept]))]
    return tuple(_look(scan, tracks, selection, int(row)) for row in order)


def _look(scan: Scan, tracks: Tracks, selection: Selection, row: int) -> Look:
    x1, y1, x2, y2 = tracks.boxes[row].tolist()
    return Look(
        track_id=int(tracks.track_id[row]),
        rank=int(selection.rank[row]),
        frame=int(tracks.frame[row]),
        time=float(scan.time[tracks.frame[row]]),
        box=(x1, y1, x2, y2),
        score=float(tracks.scores[row]),
        quality=float(selection.quality[row]),
        terms=tuple(selection.terms[row].tolist()),
        reason=Reason(int(selection.reason[row])),
    )


def _refuse(
    scan: Scan, tracks: Tracks, seen: Ints, good: Ints, min_spacing: float, keep: Keep
) -> Ints:
    """Return why each of a track's good looks (G,), best first, is refused; NONE: it is kept.

    ``seen`` are all rows (S,) of the track that a detection stands behind, in order.
    """
    time = scan.time[tracks.frame[good]]
    if keep.top is not None:
        return _thin_out(time, scan.thumbnail[tracks.detection[good]], keep.top, min_spacing)
    if keep.sightings is not None:
        return _best_of_each(np.searchsorted(seen, good) // keep.sightings)
    if keep.seconds is not None:
        since = time - scan.time[tracks.frame[seen[0]]]
        return _best_of_each(np.floor((since + TICK) / keep.seconds))
    return np.full(len(good), Reason.NONE)


def _thin_out(
    time: NDArray[np.float64], thumbnails: NDArray[np.uint8], top: int, min_spacing: float
) -> Ints:
    """Refuse (G,), best first, what is near-identical to a better look, or beyond ``top``."""
    patterns = _patterns(thumbnails)  # (G, 64)
    refusals = np.full(len(time), Reason.OUTRANKED)
    kept = 0
    while kept < top and (refusals == Reason.OUTRANKED).any():
        best = np.argmax(refusals == Reason.OUTRANKED)
        soon = np.abs(time - time[best]) < min_spacing - TICK
        same = patterns @ patterns[best] >= SAME_LOOK
        refusals[(soon | same) & (refusals == Reason.OUTRANKED)] = Reason.NEAR_IDENTICAL
        refusals[best] = Reason.NONE
        kept += 1
    return refusals


def _patterns(thumbnails: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return thumbnails as vectors (G, 64) whose products are correlations; flat ones are 0."""
    vectors = thumbnails.reshape(len(thumbnails), -1).astype(np.float32)
    vectors -= vectors.mean(axis=1, keepdims=True)
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1))


def _best_of_each(group: NDArray[np.generic]) -> Ints:
    """Refuse (G,), best first, all but the first of each group."""
    refusals = np.full(len(group), Reason.OUTRANKED)
    refusals[np.unique(group, return_index=True)[1]] = Reason.NONE
    return refusals
