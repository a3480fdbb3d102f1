"""How unlike two faces look: the best match of a few thumbnails from each side.

Brightness and contrast are taken off, so that light and shade count little. Of all pairs of looks
the two most alike count: on the way through a scene a head turns, and somewhere it was seen alike.
This tells two people who pass each other apart, and is too little to know anyone again.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from trackers.kalman import Floats
from trackers.offline.faces import Ints

_FLAT: Final = 20.0
"""Length of a pattern that is mere noise: flat pictures are like nothing."""
_BATCH: Final = 10_000

Looks = tuple[Ints, NDArray[np.bool_]]
"""Rows of thumbnails (P, S), and which of them count."""


def unlikeness(thumbnails: NDArray[np.uint8], a: Looks, b: Looks) -> Floats:
    """Return (P,): 0 the same picture, 1.4 nothing in common, 2 the negative."""
    found = np.zeros(len(a[0]))
    for begin in range(0, len(found), _BATCH):
        part = slice(begin, begin + _BATCH)
        likeness = _patterns(thumbnails, a[0][part]) @ _patterns(thumbnails, b[0][part]).mT
        both = a[1][part, :, None] & b[1][part, None, :]  # (P, S, S)
        best = np.where(both, likeness, -1).max(axis=(1, 2), initial=-1)
        found[part] = np.sqrt(np.maximum(2 - 2 * best, 0))
    return found


def _patterns(thumbnails: NDArray[np.uint8], rows: Ints) -> NDArray[np.float32]:
    """Return the thumbnails (P, S, pixels) without brightness and contrast."""
    pixels = thumbnails[rows].astype(np.float32)
    pixels -= pixels.mean(axis=-1, keepdims=True)
    pixels /= np.sqrt(np.einsum("...p,...p", pixels, pixels))[..., None] + np.float32(_FLAT)
    return pixels
