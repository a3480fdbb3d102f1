"""How well hard cuts are told from everything that only looks like one.

The labelled clips hold few cuts, so more are made from them: pieces of different clips put one
after the other, and, within single clips, fades to black and back, flashes, and a shaking camera,
none of which is a cut. Dissolves from clip to clip are reported beside: they are no hard cuts, but
somewhere within one a track must end. All are small H.264 files, the same for everyone.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from benchmarks.films import write_film
from benchmarks.sequences import Sequence
from pipeline.decode import open_video
from pipeline.scan.cuts import CutMeter, cut_scores
from pipeline.settings import DecodeSettings, LinkSettings

Frames = list[NDArray[np.uint8]]

_SIZE: Final = (320, 180)
_RATE: Final = Fraction(25)
_PIECE: Final = 20
"""Frames of a piece."""
_NEAR: Final = 1
"""Frames by which a cut may be off."""
_CONTENDERS: Final = Path(__file__).parent / "contenders_cuts.py"


@dataclass(frozen=True, slots=True)
class Film:
    """A video with known cuts."""

    name: str
    path: Path
    cuts: tuple[int, ...]
    """First frames of shots, 0 left out."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What became of one film's cuts."""

    detector: str
    film: str
    cuts: int
    found: int
    false: int


def run(sequences: list[Sequence], python: Path | None) -> list[Tally]:
    """Return the tally of every detector on every film."""
    with tempfile.TemporaryDirectory() as folder:
        films = [*_labelled(sequences), *_made(sequences, Path(folder))]
        found = {"ours": {film.name: _own_cuts(film.path) for film in films}}
        if python is not None:
            paths = {film.name: str(film.path) for film in films}
            command = [str(python), str(_CONTENDERS), json.dumps(paths)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            found |= json.loads(done.stdout.splitlines()[-1])
    return [
        tally(detector, film, cuts[film.name]) for detector, cuts in found.items() for film in films
    ]


def tally(detector: str, film: Film, found: list[int]) -> Tally:
    """Match cuts one to one, each with the nearest that is near enough."""
    left, hits = list(found), 0
    for cut in film.cuts:
        near = [one for one in left if abs(one - cut) <= _NEAR]
        if near:
            left.remove(min(near, key=lambda one: abs(one - cut)))
            hits += 1
    return Tally(detector, film.name, len(film.cuts), hits, len(left))


def _own_cuts(path: Path) -> list[int]:
    meter = CutMeter()
    with open_video(path, DecodeSettings()) as video:
        for frame in video.frames():
            meter.add(frame.picture.luma())
    scores = cut_scores(meter.distances())
    found: list[int] = np.flatnonzero(scores >= LinkSettings().cut_threshold).tolist()
    return found


def _labelled(sequences: list[Sequence]) -> Iterator[Film]:
    for one in sequences:
        yield Film(one.name, one.folder / "clip.mp4", tuple(one.shots[1:].tolist()))


def _made(sequences: list[Sequence], folder: Path) -> Iterator[Film]:
    rng = np.random.default_rng(0)
    scenes = [_scene(one) for one in sequences]
    pieces = list(_pieces(scenes, rng))
    cuts = tuple(int(cut) for cut in np.cumsum([len(piece) for piece in pieces])[:-1])
    joined = [frame for piece in pieces for frame in piece]
    yield Film("made: cuts", write_film(folder / "cuts.mp4", joined, _RATE), cuts)
    kinds: dict[str, Callable[[Frames, np.random.Generator], Frames]] = {
        "fades": _fade,
        "flashes": _flash,
        "shake": _shake,
    }
    for name, change in kinds.items():
        for number, scene in enumerate(scenes):
            frames = change(scene, rng)
            yield Film(
                f"made: {name} {number}",
                write_film(folder / f"{name}{number}.mp4", frames, _RATE),
                (),
            )
    dissolved = _dissolve(pieces)
    yield Film("made: dissolves", write_film(folder / "dissolves.mp4", dissolved, _RATE), ())


def _scene(sequence: Sequence) -> Frames:
    """Return the frames of the longest shot, small."""
    edges = [*sequence.shots.tolist(), sequence.frames]
    begin = int(np.argmax(np.diff(edges)))
    with open_video(sequence.folder / "clip.mp4", DecodeSettings()) as video:
        return [
            frame.picture.bgr(_SIZE)
            for frame in video.frames()
            if edges[begin] <= frame.index < edges[begin + 1]
        ]


def _pieces(scenes: list[Frames], rng: np.random.Generator) -> Iterator[Frames]:
    """Yield short pieces, each of another scene than the one before."""
    before = -1
    for _ in range(60):
        others = [k for k in range(len(scenes)) if k != before]
        before = int(rng.choice(others))
        length = int(rng.integers(_PIECE // 2, 2 * _PIECE))
        begin = int(rng.integers(0, len(scenes[before]) - length))
        yield scenes[before][begin : begin + length]


def _fade(frames: Frames, rng: np.random.Generator) -> Frames:
    """Go to black and back, within 8 to 16 frames each, again and again."""
    light: list[float] = []
    while len(light) < len(frames):
        steps = int(rng.integers(8, 17))
        down = np.linspace(1, 0, steps)
        light += [1.0] * int(rng.integers(10, 20)) + [*down, *down[::-1]]
    return [_lit(frame, gain, 0) for frame, gain in zip(frames, light, strict=False)]


def _flash(frames: Frames, rng: np.random.Generator) -> Frames:
    """Brighten one or two frames of every 15 or so, some all the way to white."""
    lit = list(frames)
    for begin in range(8, len(frames) - 8, 15):
        strength = float(rng.uniform(80, 255))
        for k in range(begin, begin + int(rng.integers(1, 3))):
            lit[k] = _lit(frames[k], 1, strength)
    return lit


def _shake(frames: Frames, rng: np.random.Generator) -> Frames:
    """Move the picture by up to a twentieth of its width from frame to frame."""
    reach = _SIZE[0] // 20
    moves = rng.integers(-reach, reach + 1, (len(frames), 2))
    return [
        np.ascontiguousarray(np.roll(frame, tuple(move), (0, 1))[reach:-reach, reach:-reach])
        for frame, move in zip(frames, moves, strict=True)
    ]


def _dissolve(pieces: list[Frames]) -> Frames:
    """Let each piece go over into the next within 8 frames."""
    frames = list(pieces[0])
    for piece in pieces[1:]:
        weights = np.linspace(0, 1, 10)[1:-1]
        last = frames[-8:]
        frames[-8:] = [
            (a * (1 - w) + b * w).astype(np.uint8)
            for a, b, w in zip(last, piece[:8], weights, strict=True)
        ]
        frames += piece[8:]
    return frames


def _lit(frame: NDArray[np.uint8], gain: float, more: float) -> NDArray[np.uint8]:
    return np.asarray(np.clip(frame * gain + more, 0, 255), np.uint8)
