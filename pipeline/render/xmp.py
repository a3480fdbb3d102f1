"""An XMP packet in the bytes of a JPEG, PNG or WebP file: put in, and read back.

OpenCV can write XMP too, but leaves out the signature in JPEG files and takes the wrong chunk in
PNG files (5.0.0), so that other programs do not find it.

Reference:
    XMP Specification Part 3, Storage in Files (ISO 16684-1); WebP Container Specification.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterator

LIMIT = 1 << 20
"""Largest packet that is read, in bytes."""

_JPEG_START = b"\xff\xd8"
_JPEG_SIGNATURE = b"http://ns.adobe.com/xap/1.0/\0"
_PNG_START = b"\x89PNG\r\n\x1a\n"
_PNG_KEYWORD = b"XML:com.adobe.xmp\0"
_WEBP_XMP_FLAG, _WEBP_ALPHA_FLAG = 0x04, 0x10


class BrokenImage(ValueError):
    """The bytes are no whole JPEG, PNG or WebP file."""


def embed(image: bytes, packet: bytes) -> bytes:
    """Return the file ``image`` with ``packet`` in it.

    Args:
        image: A file as OpenCV encodes it: without metadata.
        packet: At most 65,502 bytes, so that it fits a JPEG's segment.

    Raises:
        BrokenImage: if ``image`` is of another kind.
    """
    if len(packet) > 0xFFFF - 2 - len(_JPEG_SIGNATURE):
        raise ValueError(f"the packet is too long for a JPEG: {len(packet) = }")
    return _codec(image)[0](image, packet)


def extract(image: bytes) -> bytes | None:
    """Return the XMP packet in ``image``, or None where it carries none.

    Raises:
        BrokenImage: if ``image`` is of another kind, cut off or damaged before the packet.
    """
    try:
        packet = _codec(image)[1](image)
    except (struct.error, IndexError, zlib.error) as error:
        raise BrokenImage("it ends early or is damaged") from error
    if packet is not None and len(packet) > LIMIT:
        raise BrokenImage("its metadata is too large")
    return packet


def _codec(
    image: bytes,
) -> tuple[Callable[[bytes, bytes], bytes], Callable[[bytes], bytes | None]]:
    if image.startswith(_JPEG_START):
        return _embed_jpeg, _extract_jpeg
    if image.startswith(_PNG_START):
        return _embed_png, _extract_png
    if image[:4] == b"RIFF" and image[8:12] == b"WEBP":
        return _embed_webp, _extract_webp
    raise BrokenImage("it is no JPEG, PNG or WebP file")


def _embed_jpeg(image: bytes, packet: bytes) -> bytes:
    body = _JPEG_SIGNATURE + packet
    segment = b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body
    # The JFIF segment, where there is one, has to stay the first.
    place = 2
    if image[2:4] == b"\xff\xe0":
        place = 4 + int.from_bytes(image[4:6], "big")
    return image[:place] + segment + image[place:]


def _extract_jpeg(image: bytes) -> bytes | None:
    place = 2
    while True:
        mark, kind = image[place], image[place + 1]
        if mark != 0xFF:
            raise BrokenImage("it is damaged")
        if kind == 0xFF:  # a fill byte
            place += 1
            continue
        if kind in (0xDA, 0xD9):  # the pixels begin: no more metadata
            return None
        (length,) = struct.unpack_from(">H", image, place + 2)
        body = image[place + 4 : place + 2 + length]
        if length < 2 or len(body) != length - 2:
            raise BrokenImage("it ends early or is damaged")
        if kind == 0xE1 and body.startswith(_JPEG_SIGNATURE):
            return body[len(_JPEG_SIGNATURE) :]
        place += 2 + length


def _embed_png(image: bytes, packet: bytes) -> bytes:
    # Two zero bytes: not compressed; two empty strings: no language, no translated keyword.
    body = b"iTXt" + _PNG_KEYWORD + b"\0\0\0\0" + packet
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    place = len(_PNG_START) + 25  # after the header's chunk, which is the first and 25 bytes long
    return image[:place] + chunk + image[place:]


def _extract_png(image: bytes) -> bytes | None:
    place = len(_PNG_START)
    while True:
        length, kind = struct.unpack_from(">I4s", image, place)
        body = image[place + 8 : place + 8 + length]
        if len(body) != length:
            raise BrokenImage("it ends early or is damaged")
        if kind == b"iTXt" and body.startswith(_PNG_KEYWORD):
            (check,) = struct.unpack_from(">I", image, place + 8 + length)
            if check != zlib.crc32(kind + body):
                raise BrokenImage("it is damaged")
            return _international_text(body[len(_PNG_KEYWORD) :])
        if kind == b"IEND":
            return None
        place += 12 + length


def _international_text(body: bytes) -> bytes:
    compressed = body[0] == 1
    parts = body[2:].split(b"\0", 2)  # language, translated keyword, text
    text = parts[2]
    return zlib.decompressobj().decompress(text, LIMIT + 1) if compressed else text


def _embed_webp(image: bytes, packet: bytes) -> bytes:
    chunks = list(_riff_chunks(image))
    width, height, alpha = _webp_header(*chunks[0])
    flags = _WEBP_XMP_FLAG | (_WEBP_ALPHA_FLAG if alpha else 0)
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = [(b"VP8X", struct.pack("<I", flags) + size), *chunks, (b"XMP ", packet)]
    body = b"".join(
        kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for kind, data in chunks
    )
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _extract_webp(image: bytes) -> bytes | None:
    return next((data for kind, data in _riff_chunks(image) if kind == b"XMP "), None)


def _riff_chunks(image: bytes) -> Iterator[tuple[bytes, bytes]]:
    place, end = 12, 8 + int.from_bytes(image[4:8], "little")
    if end > len(image):
        raise BrokenImage("it ends early or is damaged")
    while place + 8 <= end:
        kind, length = struct.unpack_from("<4sI", image, place)
        if place + 8 + length > end:
            raise BrokenImage("it ends early or is damaged")
        yield kind, image[place + 8 : place + 8 + length]
        place += 8 + length + length % 2


def _webp_header(kind: bytes, data: bytes) -> tuple[int, int, bool]:
    """Return width, height and whether there is transparency, from the pixels' own header."""
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 6)
        return width & 0x3FFF, height & 0x3FFF, False
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 1)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, bool(bits >> 28 & 1)
    raise BrokenImage("it carries metadata already")
