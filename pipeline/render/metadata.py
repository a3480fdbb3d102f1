"""What each crop knows of itself: where it was taken from, and how good it is.

The record travels in the crop's XMP packet as plain properties of one namespace, so that other
programs (ExifTool, digiKam, Lightroom) show it too. Values are text: numbers in decimal, lists
separated by blanks, the source's name percent-encoded where it is no plain text.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import quoteattr

from pipeline.names import decoded, encoded
from pipeline.render.job import RenderJob
from pipeline.render.xmp import extract
from pipeline.types import QUALITY_TERMS, Look, Reason

SCHEMA = 1
NAMESPACE = "urn:facepics:crop#"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"


class BrokenRecord(ValueError):
    """The packet holds no record that this version can read."""


@dataclass(frozen=True, slots=True)
class CropRecord:
    """One crop's origin. Boxes are pixels of the full-size upright picture."""

    source: str
    """Path of the video below the folder that was given."""
    source_sha256: str
    frame: int
    time: float
    """The source's presentation time, in seconds."""
    seconds: float
    """Time from the source's first frame, in seconds."""
    box: tuple[float, ...]
    """The face: x1, y1, x2, y2."""
    window: tuple[int, ...]
    """What was cut out: x1, y1, x2, y2."""
    track: int
    rank: int
    score: float
    quality: float
    terms: tuple[float, ...]
    """As QUALITY_TERMS."""
    reason: str
    """Why the crop is poor though it is the best there was; empty for good ones."""
    weights: str
    program: str


def record_of(job: RenderJob, look: Look, window: tuple[int, int, int, int]) -> CropRecord:
    """Return the record of a crop, rounded as it is written."""
    return CropRecord(
        source=job.source,
        source_sha256=job.source_sha256,
        frame=look.frame,
        time=round(look.time, 6),
        seconds=round(look.time - job.start, 6),
        box=tuple(round(float(edge), 2) for edge in look.box),
        window=window,
        track=look.track_id,
        rank=look.rank,
        score=round(float(look.score), 4),
        quality=round(float(look.quality), 4),
        terms=tuple(round(float(term), 4) for term in look.terms),
        reason="" if look.reason is Reason.NONE else look.reason.name.lower(),
        weights=job.weights,
        program=job.program,
    )


def to_xmp(record: CropRecord) -> bytes:
    """Return the record as an XMP packet."""
    properties = {
        "schema": SCHEMA,
        "source": encoded(record.source),
        "sourceSha256": record.source_sha256,
        "frame": record.frame,
        "time": record.time,
        "seconds": record.seconds,
        "box": " ".join(map(str, record.box)),
        "window": " ".join(map(str, record.window)),
        "track": record.track,
        "rank": record.rank,
        "score": record.score,
        "quality": record.quality,
        **{f"{name}Term": term for name, term in zip(QUALITY_TERMS, record.terms, strict=True)},
        "reason": record.reason,
        "weights": encoded(record.weights),
        "program": record.program,
    }
    lines = "\n".join(f" f:{name}={quoteattr(str(value))}" for name, value in properties.items())
    creator = quoteattr(f"facepics {record.program}")
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        f'<rdf:RDF xmlns:rdf="{_RDF}">\n'
        '<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
        f' xmlns:f="{NAMESPACE}"\n xmp:CreatorTool={creator}\n{lines}/>\n'
        "</rdf:RDF>\n</x:xmpmeta>\n"
        '<?xpacket end="r"?>'
    ).encode()


def read_record(image: bytes) -> CropRecord:
    """Return the record that a crop's file carries.

    Raises:
        BrokenImage: if it is no whole JPEG, PNG or WebP file.
        BrokenRecord: if there is no record in it, or one that cannot be read.
    """
    packet = extract(image)
    if packet is None:
        raise BrokenRecord("it carries no record of facepics")
    return from_xmp(packet)


def from_xmp(packet: bytes) -> CropRecord:
    """Return the record in an XMP packet, also after another program has rewritten it.

    Raises:
        BrokenRecord: if there is none, or one that is damaged or of a later schema.
    """
    found = _properties(packet)
    if not found:
        raise BrokenRecord("it carries no record of facepics")
    try:
        if int(found["schema"]) > SCHEMA:
            raise BrokenRecord("its record is of a later version of facepics: update facepics")
        return _record(found)
    except (KeyError, ValueError) as error:
        if isinstance(error, BrokenRecord):
            raise
        raise BrokenRecord("its record is damaged") from error


def _record(found: dict[str, str]) -> CropRecord:
    box, window = _numbers(found["box"]), _numbers(found["window"])
    if len(box) != 4 or len(window) != 4:
        raise ValueError(f"{box = }, {window = }")
    return CropRecord(
        source=decoded(found["source"]),
        source_sha256=found["sourceSha256"],
        frame=int(found["frame"]),
        time=float(found["time"]),
        seconds=float(found["seconds"]),
        box=box,
        window=tuple(map(int, window)),
        track=int(found["track"]),
        rank=int(found["rank"]),
        score=float(found["score"]),
        quality=float(found["quality"]),
        terms=tuple(float(found[f"{name}Term"]) for name in QUALITY_TERMS),
        reason=found["reason"],
        weights=decoded(found["weights"]),
        program=found["program"],
    )


def _numbers(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))


def _properties(packet: bytes) -> dict[str, str]:
    """Return our properties: XMP may hold each as an attribute or as an element."""
    # No honest packet defines entities, and expanding them can eat all memory.
    if b"<!" in packet or b"\0" in packet:
        raise BrokenRecord("its record is damaged")
    try:
        root = ElementTree.fromstring(packet)
    except (ElementTree.ParseError, ValueError) as error:
        raise BrokenRecord("its record is damaged") from error
    prefix, found = f"{{{NAMESPACE}}}", {}
    for description in root.iter(f"{{{_RDF}}}Description"):
        found.update(description.attrib)
        found.update({child.tag: child.text or "" for child in description})
    return {key.removeprefix(prefix): text for key, text in found.items() if prefix in key}
