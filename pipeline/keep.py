"""How many of a track's looks to keep: ``best``, ``top:5``, ``every:10``, ``every:0.5s`` or all."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.errors import SetUpError


@dataclass(frozen=True, slots=True)
class Keep:
    """How many of a track's good looks to keep; all of them where nothing is set."""

    top: int | None = None
    """The best so many, near-identical ones left out."""
    sightings: int | None = None
    """The best of every so many sightings."""
    seconds: float | None = None
    """The best of every so many seconds."""


def parse_keep(text: str) -> Keep:
    """Read ``best``, ``top:5``, ``every:10`` (sightings), ``every:0.5s`` or ``all``.

    Raises:
        SetUpError: it is none of them.
    """
    how, _, amount = text.strip().partition(":")
    number = re.fullmatch(r"(\d*\.?\d+)(s?)", amount, re.ASCII)
    if text.strip() in ("best", "all"):
        return Keep(top=1) if how == "best" else Keep()
    if how == "every" and number and number[2] and float(number[1]) > 0:
        return Keep(seconds=float(number[1]))
    if how in ("top", "every") and re.fullmatch(r"0*[1-9]\d*", amount, re.ASCII):
        return Keep(top=int(amount)) if how == "top" else Keep(sightings=int(amount))
    raise SetUpError(
        "Keep best, top:K, every:N (of N sightings the best), every:0.5s (of half a second) or all,"
        f" not {text!r}."
    )
