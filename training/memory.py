"""Keep memory that tensors gave back, instead of fetching it from the system at every step."""

import ctypes
from typing import Final

TRIM_THRESHOLD: Final = -1  # names of glibc's mallopt(3)
MMAP_MAX: Final = -4


def keep_memory() -> bool:
    """Make this process hold on to freed memory; say whether the C library can do that.

    Fresh pages have to be cleared by the system one by one, which took a sixth of a training step.
    """
    library = ctypes.CDLL(None)
    if not hasattr(library, "mallopt"):
        return False
    never = 2**31 - 1  # bytes free at the end of the heap before they are given back
    return bool(library.mallopt(MMAP_MAX, 0) and library.mallopt(TRIM_THRESHOLD, never))
