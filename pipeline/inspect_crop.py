"""``facepics inspect CROP``: what a crop says of its origin."""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import SetUpError
from pipeline.names import printable
from pipeline.render.metadata import BrokenRecord, CropRecord, read_record
from pipeline.render.xmp import BrokenImage
from pipeline.types import QUALITY_TERMS

MAX_BYTES = 256 << 20
"""Larger files are no crops."""


def inspect(path: Path) -> CropRecord:
    """Return the record that a crop carries.

    Raises:
        SetUpError: if the file cannot be read, is no whole image or carries no record.
    """
    shown = printable(str(path))
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SetUpError(f"Cannot read {shown}: {error.strerror}.") from error
    try:
        if len(data) > MAX_BYTES:
            raise BrokenImage("it is too large for a crop")
        return read_record(data)
    except (BrokenImage, BrokenRecord) as error:
        raise SetUpError(
            f"Nothing can be told of {shown}: {error}; name a crop as facepics wrote it, "
            "and not one that another program has saved anew."
        ) from error


def describe(record: CropRecord) -> str:
    """Return the record as lines for people."""
    terms = zip(QUALITY_TERMS, record.terms, strict=True)
    rows = {
        "source": printable(record.source),
        "sha256": printable(record.source_sha256),
        "frame": str(record.frame),
        "time": f"{record.time:.3f} s ({record.seconds:.3f} s from the first frame)",
        "track": f"{record.track}, rank {record.rank}",
        "face": _corners(record.box),
        "cut out": _corners(record.window),
        "score": f"{record.score:.3f}",
        "quality": f"{record.quality:.3f} ({', '.join(f'{n} {v:.2f}' for n, v in terms)})",
        "poor": printable(record.reason.replace("_", " ")) or "no",
        "made by": f"facepics {printable(record.program)}, weights {printable(record.weights)}",
    }
    return "\n".join(f"{name:8} {text}" for name, text in rows.items())


def _corners(box: tuple[float, ...]) -> str:
    x1, y1, x2, y2 = box
    return f"{x1:g}, {y1:g} to {x2:g}, {y2:g} ({x2 - x1:g} x {y2 - y1:g} px)"
