"""Whether an MPEG transport stream was cut off, of which nothing in it tells.

It is a row of packets of one size, and says nowhere how many; but whoever cut it off hardly did so
between two of them.
"""

from __future__ import annotations

import os
from io import FileIO
from typing import Final

_SYNC: Final = 0x47
_SIZES: Final = {188: 188, 192: 188, 204: 204}
"""Bytes of a packet, and from its sync byte to its end: bare, with a time ahead, with parity."""
_ROW: Final = 8
"""Packets at the end whose first bytes tell where packets begin."""


def ends_within_packet(file: FileIO) -> bool:
    """Tell whether a transport stream breaks off in the middle of a packet."""
    length = os.fstat(file.fileno()).st_size
    size = _packet_size(os.pread(file.fileno(), _ROW * max(_SIZES), 0))
    if not size:
        return False
    begin = max(0, length - (_ROW + 1) * size)
    tail = os.pread(file.fileno(), length - begin, begin)
    first = _first_sync(tail, size)
    return first is not None and (len(tail) - first - _SIZES[size]) % size != 0


def _packet_size(head: bytes) -> int:
    """Return the size of the packets that a file begins with; 0: that cannot be told."""
    return next((size for size in _SIZES if _first_sync(head, size) is not None), 0)


def _first_sync(data: bytes, size: int) -> int | None:
    """Return where the first packet begins whose sync byte comes again at each ``size``."""
    rows = (data[first::size] for first in range(min(size, len(data))))
    whole = (first for first, row in enumerate(rows) if len(row) > 2 and set(row) == {_SYNC})
    return next(whole, None)
