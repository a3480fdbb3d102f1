"""Rows that are gathered one after another into arrays, without a Python object for each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_CAPACITY: Final = 64


class Rows:
    """A table that grows at its end. Its room doubles when it is full."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._rows = np.zeros(_CAPACITY, dtype)
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, rows: ArrayLike) -> None:
        """Add rows: an array of the table's dtype, or a list of tuples."""
        new = np.asarray(rows, self._rows.dtype)
        end = self._count + len(new)
        if end > len(self._rows):
            grown = np.zeros(max(end, 2 * len(self._rows)), self._rows.dtype)
            grown[: self._count] = self._rows[: self._count]
            self._rows = grown
        self._rows[self._count : end] = new
        self._count = end

    def columns(self) -> dict[str, NDArray[Any]]:
        """Return each field as an array of its own, by name."""
        names = self._rows.dtype.names or ()
        return {name: self._rows[name][: self._count].copy() for name in names}
