"""Names of files, and counts, as text that every system can hold, show and read back.

A file name is bytes. Python hands it out as text in which bytes that are no UTF-8 stand as lone
surrogates; those cannot be written to JSON, SQLite or a terminal.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from urllib.parse import quote, unquote_to_bytes

SAFE_PART = 120
"""Longest part of a result's path, in bytes; leaves room for what is appended to it."""
SAFE_PATH = 1000
"""Longest path of a result below the output folder, in bytes; systems allow 4096 in all."""

_RESERVED = {"con", "prn", "aux", "nul", *(f"{p}{n}" for p in ("com", "lpt") for n in range(1, 10))}
_UNSAFE = re.compile(r'[\x00-\x1f\x7f<>:"|?*\\]')


def printable(name: str) -> str:
    """Return ``name`` with every character that could steer a terminal shown as an escape."""
    return "".join(
        char
        if char.isprintable()
        else char.encode("unicode_escape", "surrogateescape").decode()
        if not 0xD800 <= ord(char) <= 0xDFFF
        else f"\\x{ord(char) & 0xFF:02x}"
        for char in name
    )


def counted(count: int, noun: str) -> str:
    """Return ``1 file`` or ``1,200 files``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def encoded(name: str) -> str:
    """Return ``name`` percent-encoded where it is no plain text, else as it is.

    Reversible by :func:`decoded`: a ``%`` is encoded too.
    """
    return "".join(
        quote(os.fsencode(char), safe="") if char == "%" or not char.isprintable() else char
        for char in name
    )


def decoded(text: str) -> str:
    """Return the file name that :func:`encoded` made ``text`` from."""
    return os.fsdecode(unquote_to_bytes(os.fsencode(text)))


def short_id(name: str) -> str:
    """Return eight hexadecimal digits that stand for the bytes of ``name``."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:8]


def is_safe(name: str) -> bool:
    """Tell whether every part of the path ``name`` can be a folder's name on any system."""
    return len(os.fsencode(name)) <= SAFE_PATH and all(map(_is_safe_part, name.split("/")))


def slug(name: str) -> str:
    """Return a safe folder path for ``name``: ASCII, its last part ended by a short id."""
    parts = _slug_parts(name)
    return "/".join([*parts[:-1], f"{parts[-1]}-{short_id(name)}"])


def beside(name: str, path: str) -> str:
    """Return a safe folder path for ``name`` below a top folder that only ``path`` can have."""
    parts = _slug_parts(name)
    return "/".join([f"{parts[0]}-{short_id(path)}", *parts[1:]])


def _slug_parts(name: str) -> list[str]:
    """Return the safe parts of a path; only the last where all together are too long."""
    parts = [_slug_part(part) for part in name.split("/")]
    return parts if sum(map(len, parts)) + len(parts) < SAFE_PATH else parts[-1:]


def _is_safe_part(part: str) -> bool:
    plain = part != "" and part.isprintable() and unicodedata.is_normalized("NFC", part)
    return bool(
        plain
        and not _UNSAFE.search(part)
        and part == part.strip(" ").rstrip(".")
        and not part.startswith((".", "-", "~"))
        and part.split(".")[0].lower() not in _RESERVED
        and len(os.fsencode(part)) <= SAFE_PART
    )


def _slug_part(part: str) -> str:
    if _is_safe_part(part) and len(os.fsencode(part)) < SAFE_PART - 8:  # room for a short id
        return part
    ascii_only = unicodedata.normalize("NFKD", part).encode("ascii", "ignore").decode()
    words = re.sub(r"[^A-Za-z0-9._]+", "-", ascii_only).strip("-._")[:80]
    return words if _is_safe_part(words) and words else f"_{words}"
