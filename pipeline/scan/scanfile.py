"""``scan.npz``: what pass 1 saw, on disk.

A plain NumPy archive: one array a field of :class:`pipeline.types.Scan`, and ``about``, the
schema's version, the video and the audit as JSON. The same scan makes the same bytes.
"""

from __future__ import annotations

import errno
import json
import zipfile
import zlib
from dataclasses import asdict, fields
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from pipeline.facts import DecodeAudit, VideoInfo
from pipeline.types import Scan

SCHEMA: Final = 2
"""Rises whenever a field is added, changes its meaning or goes."""

_ABOUT: Final = "about"
_HEADER: Final = ("info", "audit", "detector")
_ARRAYS: Final = tuple(field.name for field in fields(Scan) if field.name not in _HEADER)
_DAMAGE: Final = (
    ValueError,
    TypeError,
    KeyError,
    EOFError,
    RuntimeError,
    OverflowError,
    MemoryError,  # of an array that claims any size
    zipfile.BadZipFile,
    zlib.error,
)
"""What the libraries raise when bytes are not what they should be."""


_PART: Final = 1 << 20
"""Bytes that are written at a time."""


class UnusableScan(ValueError):
    """The file is damaged, is no scan, or was written by another version: scan again."""


def save(scan: Scan, path: Path) -> None:
    """Write a scan."""
    about = {
        "schema": SCHEMA,
        "info": asdict(scan.info),
        "audit": asdict(scan.audit),
        "detector": scan.detector,
    }
    text = json.dumps(about, default=str, sort_keys=True)
    arrays = {_ABOUT: np.frombuffer(text.encode(), np.uint8)}
    arrays |= {name: getattr(scan, name) for name in _ARRAYS}
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            entry = zipfile.ZipInfo(f"{name}.npy")  # unlike a bare name, not dated today
            entry.compress_type = zipfile.ZIP_DEFLATED
            large = array.nbytes > zipfile.ZIP64_LIMIT // 2
            with archive.open(entry, "w", force_zip64=large) as file:
                _write(array, file)


def load(path: Path) -> Scan:
    """Read a scan.

    Raises:
        UnusableScan: the file is damaged, is no scan, or is of another schema.
        OSError: it cannot be read.
    """
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            about = json.loads(_decoded(archive, _ABOUT).tobytes())
            if about["schema"] != SCHEMA:
                raise UnusableScan(f"{path} is of schema {about['schema']}, not {SCHEMA}.")
            arrays = {name: _decoded(archive, name) for name in _ARRAYS}
        info, audit = VideoInfo.of(about["info"]), DecodeAudit.of(about["audit"])
        return Scan(info=info, audit=audit, detector=str(about["detector"]), **arrays)
    except UnusableScan:
        raise
    except OSError as error:
        if error.errno != errno.EINVAL:  # a damaged archive leads to before its beginning
            raise
        raise UnusableScan(f"{path} is damaged ({error}).") from error
    except _DAMAGE as error:
        raise UnusableScan(f"{path} is damaged or is no scan ({error}).") from error


def _write(array: NDArray[Any], file: IO[bytes]) -> None:
    """Write an array as ``.npy``, in parts: NumPy would make copies of 16 MB."""
    array = np.ascontiguousarray(array)
    npy.write_array_header_1_0(file, npy.header_data_from_array_1_0(array))
    content = array.reshape(-1).view(np.uint8)
    for first in range(0, len(content), _PART):
        file.write(content[first : first + _PART].data)


def _decoded(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    """Return an array of the archive; its checksum has been compared."""
    with archive.open(f"{name}.npy") as file:  # no copy of the whole
        array = npy.read_array(file, allow_pickle=False)
        if file.read(1):  # the end, at which the checksum is compared
            raise ValueError(f"{name} is longer than it says")
    return array
