"""Two folders of results side by side: did the tracks of any video become less healthy?

Videos are matched by content, so that it does not matter where they lie. What is compared stands in
their manifests (:class:`pipeline.facts.Health`); nothing is decoded and nothing written.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final

from pipeline.catalog import find_results
from pipeline.errors import SetUpError
from pipeline.facts import Health
from pipeline.names import counted

FIGURES: Final = tuple(field.name for field in fields(Health))
_RATIO, _STEP = 1.25, 0.01
"""A figure is clearly worse when it grew by a quarter and by this much."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the videos that are in both folders."""

    videos: int
    before: dict[str, float]
    """Each figure's mean over those videos."""
    after: dict[str, float]
    missing: tuple[str, ...]
    """Videos that only the folder before has results of."""
    worse: tuple[tuple[str, str, float, float], ...]
    """Video, figure, and its value before and after, where that is clearly worse."""


def compare(before: Path, after: Path) -> Comparison:
    """Compare two folders of results.

    Raises:
        SetUpError: no video has results in both.
    """
    old, new = _by_content(before), _by_content(after)
    both = sorted(old.keys() & new.keys(), key=lambda content: new[content][0])
    if not both:
        raise SetUpError(f"No video has results with health figures in both {before} and {after}.")
    pairs = [(new[one][0], old[one][1], new[one][1]) for one in both]
    return Comparison(
        videos=len(pairs),
        before=asdict(Health.mean([a for _, a, _ in pairs])),
        after=asdict(Health.mean([b for _, _, b in pairs])),
        missing=tuple(sorted(old[one][0] for one in old.keys() - new.keys())),
        worse=tuple(
            (folder, name, getattr(a, name), getattr(b, name))
            for folder, a, b in pairs
            for name in FIGURES
            if is_worse(getattr(a, name), getattr(b, name))
        ),
    )


def is_worse(before: float, after: float) -> bool:
    """Say whether a figure grew clearly: all of them are better when smaller."""
    return after > _RATIO * before + _STEP


def describe(found: Comparison) -> str:
    """Return the comparison as a table, and the videos that became worse."""
    lines = [f"{counted(found.videos, 'video')} in both", f"{'':20}{'before':>10}{'after':>10}"]
    lines += [f"{name:20}{found.before[name]:10.4f}{found.after[name]:10.4f}" for name in FIGURES]
    lines += [f"missing: {one}" for one in found.missing]
    lines += [f"worse: {one}: {name} {a:.4f} -> {b:.4f}" for one, name, a, b in found.worse]
    return "\n".join(lines)


def _by_content(output: Path) -> dict[str, tuple[str, Health]]:
    """Return folder and health of each result by the hash of its source."""
    results = find_results(output)
    return {one.sha256: (folder, one.health) for folder, one in results if one.health is not None}
