"""Rows that are gathered one after another into arrays, without a Python object for each."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

_LEAST_ROOM: Final = 64
_GROWTH: Final = 1.1


class Rows:
    """A table that grows at its end, each field an array of its own.

    Large arrays grow where they are or are moved page by page, so that a long video does not need
    room for two copies of its table.
    """

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._fields: dict[str, NDArray[Any]] = {}
        self._room = self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, rows: ArrayLike) -> None:
        """Add rows: an array of the table's dtype, or a list of tuples."""
        new = np.asarray(rows, self._dtype)
        end = self._count + len(new)
        if end > self._room:
            self._make_room(max(end, _LEAST_ROOM, int(_GROWTH * self._room)))
        for name, column in self._fields.items():
            column[self._count : end] = new[name]
        self._count = end

    def take(self) -> dict[str, NDArray[Any]]:
        """Return each field as an array, by name; the table is empty afterwards."""
        self._make_room(self._count)
        taken, self._fields = self._fields, {}
        self._room = self._count = 0
        return taken

    def _make_room(self, room: int) -> None:
        if not self._fields:
            empty = np.empty(0, self._dtype)
            self._fields = {name: empty[name].copy() for name in self._dtype.names or ()}
        for column in self._fields.values():
            column.resize((room, *column.shape[1:]), refcheck=False)  # nobody else has seen it
        self._room = room
