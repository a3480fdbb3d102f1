"""What a worker says to its parent: lines of JSON, of which nothing is taken on trust."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Final

from pipeline.manifest import Manifest

KEPT_AFTER: Final = ("done", "skipped", "changing")
"""Outcomes after which a worker goes on; any other may have left it in disorder."""
_KINDS: Final = (*KEPT_AFTER, "crashed", "limit")
_PHASES: Final = ("", "open", "scan", "link", "select", "render", "write", "verify")
_HIGHEST: Final = 1 << 53
"""Whole numbers up to here are the same to every program."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a worker's job ended."""

    kind: str
    """``done``, ``skipped``, or a status: ``changing``, ``crashed``, ``timeout``, ``limit``."""
    reason: str = ""
    phase: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    manifest: Manifest | None = None
    """Of what was done."""


def read_message(line: bytes) -> dict[str, Any]:
    """Return what a line says, under its one name.

    ``progress``: phase, steps done, steps in all or None. ``outcome``: an :class:`Outcome`.
    ``isolation``: state by part. ``defect``, ``output``, ``set_up``: words.

    Raises:
        ValueError: It is no message.
    """
    try:
        match json.loads(line):
            case {"progress": [phase, done, total]} if phase in _PHASES and _are_steps(done, total):
                return {"progress": (phase, done, total)}
            case {"outcome": dict(facts)}:
                return {"outcome": _outcome(**facts)}
            case {"isolation": dict(parts)} if _are_words(*parts.values()):
                return {"isolation": parts}
            case {"defect": str(words)}:
                return {"defect": _readable(words)}
            case {"output": str(words)}:
                return {"output": _readable(words)}
            case {"set_up": str(words)}:
                return {"set_up": _readable(words)}
    except (ArithmeticError, RecursionError, TypeError) as error:
        raise ValueError(f"not a message: {error}") from error
    raise ValueError("not a message")


def presentable(value: Any) -> bool:
    """Tell whether every program can present a text or a number."""
    match value:
        case str():
            return value.encode("utf-8", "replace").decode() == value
        case Fraction():
            return max(abs(value.numerator), value.denominator) < _HIGHEST
        case float():
            return math.isfinite(value)
        case int():
            return abs(value) < _HIGHEST
    return True


def _outcome(kind: Any, reason: Any = "", phase: Any = "", seconds: Any = None) -> Outcome:
    stages: dict[str, float] = {} if seconds is None else dict(seconds)
    timed = all(type(it) is float and presentable(it) for it in stages.values())
    known = kind in _KINDS and {phase, *stages} <= {*_PHASES}
    if known and timed and isinstance(reason, str):
        return Outcome(kind, _readable(reason), phase, stages)
    raise ValueError("not an outcome")


def _readable(words: str) -> str:
    """Return words, which may name any file, such that every program can present them."""
    return words.encode("utf-8", "backslashreplace").decode()


def _are_words(*values: Any) -> bool:
    return all(isinstance(value, str) and presentable(value) for value in values)


def _are_steps(done: Any, total: Any) -> bool:
    steps = [done] if total is None else [done, total]
    return all(type(count) is int and 0 <= count < _HIGHEST for count in steps)
