"""How good a look at a face is, and what is wrong with it.

Five terms, each 0 (bad) to 1 (good); the columns of ``Selection.terms``:

- size: the square root of the face's area, 0 at 10 px, 1 from 200 px on, each doubling alike;
- sharpness: as the scan measured it;
- score: the detector's, 0 at 0.5, 1 at 1: one that is unsure has half a face before it;
- inside: the part of the face and a little around it that the edge of the picture leaves;
- exposure: 1, less where the face is nearly black, nearly white or without contrast.

The overall quality is their weighted geometric mean: one bad term is not made up for by the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.settings import SelectSettings
from pipeline.types import QUALITY_TERMS, Boxes, Kind, Reason, Scan, Tracks

Floats = NDArray[np.float32]

WEIGHTS = {"size": 0.25, "sharpness": 0.3, "score": 0.2, "inside": 0.15, "exposure": 0.1}
MIN_INSIDE = 0.9  # below, a face is truncated
MIN_EXPOSURE = 0.3

_SIZES = (10.0, 200.0)  # px: from bad to good
_SCORES = (0.5, 1.0)  # from a coin's toss to certainty
_AROUND = 0.05  # of the face's sides: a box that ends at the edge is likely cut off there
_BLACK, _DARK, _BRIGHT, _WHITE = 0.02, 0.12, 0.88, 0.98  # mean luma
_FLAT, _CLEAR = 0.01, 0.08  # standard deviation of luma


def measure_terms(scan: Scan, tracks: Tracks) -> Floats:
    """Return the terms (M, 5) of each row of the tracks; 0 for interpolated boxes."""
    terms = np.zeros((len(tracks.frame), len(QUALITY_TERMS)), np.float32)
    seen = tracks.kind != Kind.INTERPOLATED
    rows = tracks.detection[seen]
    light, contrast = scan.brightness[rows], scan.contrast[rows]
    values = {
        "size": _ramp(np.log(np.maximum(face_size(tracks.boxes[seen]), 1)), *np.log(_SIZES)),
        "sharpness": scan.sharpness[rows],
        "score": _ramp(tracks.scores[seen], *_SCORES),
        "inside": _inside(tracks.boxes[seen], scan.size[tracks.frame[seen]]),
        "exposure": _ramp(light, _BLACK, _DARK)
        * _ramp(-light, -_WHITE, -_BRIGHT)
        * _ramp(contrast, _FLAT, _CLEAR),
    }
    terms[seen] = np.column_stack([np.clip(values[name], 0, 1) for name in QUALITY_TERMS])
    return terms


def overall(terms: Floats) -> Floats:
    """Return the terms (M, 5) as one number (M,), 0 to 1: their weighted geometric mean."""
    weights = np.array([WEIGHTS[name] for name in QUALITY_TERMS], np.float32)
    return np.asarray(np.prod(terms**weights, axis=1), np.float32)


def find_faults(tracks: Tracks, terms: Floats, settings: SelectSettings) -> NDArray[np.uint8]:
    """Return the gravest thing that speaks against each row (M,), as :class:`Reason`."""
    column = dict(zip(QUALITY_TERMS, terms.T, strict=True))
    faults = {
        Reason.INTERPOLATED: tracks.kind == Kind.INTERPOLATED,
        Reason.LOW_SCORE: tracks.kind == Kind.RESCUED,
        Reason.SMALL: face_size(tracks.boxes) < settings.min_crop,
        Reason.TRUNCATED: column["inside"] < MIN_INSIDE,
        Reason.BLURRED: column["sharpness"] < settings.min_sharpness,
        Reason.EXPOSURE: column["exposure"] < MIN_EXPOSURE,
    }
    chosen = np.select(list(faults.values()), [int(fault) for fault in faults], Reason.NONE)
    return chosen.astype(np.uint8)


def face_size(boxes: Boxes) -> Floats:
    """Return the square root of each box's area (N,), in pixels."""
    sides = np.maximum(boxes[:, 2:] - boxes[:, :2], 0)
    return np.asarray(np.sqrt(sides[:, 0] * sides[:, 1]))


def _inside(boxes: Boxes, sizes: NDArray[np.int32]) -> Floats:
    """Return the part of each grown box (N, 4) that lies in its picture (N, 2)."""
    around = (boxes[:, 2:] - boxes[:, :2]) * _AROUND
    begin, end = boxes[:, :2] - around, boxes[:, 2:] + around
    visible = np.clip(end, 0, sizes) - np.clip(begin, 0, sizes)  # (N, 2)
    return np.asarray((visible / np.maximum(end - begin, 1e-3)).prod(axis=1), np.float32)


def _ramp(values: Floats, zero: float, one: float) -> Floats:
    """Return 0 up to ``zero``, 1 from ``one`` on, and a straight line in between."""
    return np.asarray(np.clip((values - zero) / (one - zero), 0, 1))
