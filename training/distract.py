"""Draw what is taken for a face and is none: letters, rings, emblems, balls, patches out of focus.

The pictures that we learn from show mostly people; what detectors mistake in videos hangs on walls,
stands on signs and is carried around. Each kind draws over a square of the picture, in place.

Reference:
    Dwibedi et al., Cut, Paste and Learn, 2017, arXiv:1708.01642 (what is pasted at random places
    teaches a detector all the same).
"""

from collections.abc import Callable
from typing import Any, Final

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.datasets import Boxes, Image

MOST: Final = 8
SIDES: Final = (12.0, 240.0)  # px, drawn evenly in log
SIGNS: Final = "aabcddeeegoopqsuw0123456689ABCDGOQRSU&@%#?"  # round ones more often
FONTS: Final = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
    cv2.FONT_HERSHEY_PLAIN,
)
SKIN: Final = np.array([140.0, 170.0, 215.0])  # BGR


def distract(image: Image, boxes: Boxes, rng: Generator) -> Image:
    """Draw some things into a copy of a square picture, beside its boxes (N, 4) and each other."""
    image = image.copy()
    size = image.shape[0]
    high = min(SIDES[1], 0.7 * size)
    for _ in range(rng.integers(2, MOST + 1)):
        side = int(np.exp(rng.uniform(np.log(SIDES[0]), np.log(high))))
        x, y = rng.integers(0, size - side, 2).tolist()
        here = np.array([[x, y, x + side, y + side]], np.float32)
        if _touch(here, boxes):
            continue
        boxes = np.concatenate([boxes, here])
        _draw(image[y : y + side, x : x + side], rng)
    return image


def _touch(box: Boxes, others: Boxes) -> bool:
    """Tell whether a box (1, 4) has anything in common with others (N, 4)."""
    low = np.maximum(box[:, :2], others[:, :2])
    high = np.minimum(box[:, 2:], others[:, 2:])
    return bool((high > low).all(1).any())


def _draw(part: Image, rng: Generator) -> None:
    """Draw one thing over a square part of a picture, larger first: small lines stay smooth."""
    side = part.shape[0]
    enlarged = side * (4 if side < 60 else 2)
    canvas = np.asarray(cv2.resize(part, (enlarged, enlarged)), np.uint8)
    KINDS[rng.integers(len(KINDS))](canvas, rng)
    part[:] = cv2.resize(canvas, (side, side), interpolation=cv2.INTER_AREA)


def _colour(rng: Generator) -> tuple[float, ...]:
    """Draw a colour: of skin, black or white, or any."""
    kind = rng.random()
    if kind < 0.35:
        colour = SKIN * rng.uniform(0.35, 1.15) + rng.normal(0, 12, 3)
    elif kind < 0.6:
        colour = np.repeat(rng.choice([0.0, 20.0, 235.0, 255.0]), 3)
    else:
        colour = rng.uniform(0, 256, 3)
    return tuple(colour.clip(0, 255).tolist())


def _panel(canvas: Image, rng: Generator) -> None:
    """Put a plain ground under half of the things."""
    if rng.random() < 0.5:
        ground = np.full_like(canvas, _colour(rng))
        canvas[:] = cv2.addWeighted(canvas, 0.1, ground, 0.9, 0)


def letters(canvas: Image, rng: Generator) -> None:
    """Write one sign, or a few."""
    _panel(canvas, rng)
    count = 1 if rng.random() < 0.6 else int(rng.integers(2, 5))
    _write(canvas, count, 0.8, rng.uniform(0.02, 0.12), rng)


def _write(canvas: Image, count: int, share: float, thickness: float, rng: Generator) -> None:
    """Write signs into the middle, over a share of the side; the thickness is one, too."""
    side = canvas.shape[0]
    text = "".join(rng.choice(list(SIGNS), count))
    font = int(rng.choice(FONTS))
    (width, height), _ = cv2.getTextSize(text, font, 1, 1)
    scale = share * side / max(width, height)
    place = (round((side - width * scale) / 2), round((side + height * scale) / 2))
    thick = max(1, int(side * thickness / np.sqrt(count)))
    cv2.putText(canvas, text, place, font, scale, _colour(rng), thick, cv2.LINE_AA)


def rings(canvas: Image, rng: Generator) -> None:
    """Draw ellipses in each other, filled or not, some with a sign within."""
    _panel(canvas, rng)
    side = canvas.shape[0]
    middle, radius = (side // 2, side // 2), 0.48
    squash = rng.uniform(0.7, 1.0) if rng.random() < 0.4 else 1.0
    for _ in range(rng.integers(1, 6)):
        thick = -1 if rng.random() < 0.5 else max(1, int(side * rng.uniform(0.01, 0.08)))
        axes = (int(side * radius * squash), int(side * radius))
        angle = rng.uniform(0, 180)
        cv2.ellipse(canvas, middle, axes, angle, 0, 360, _colour(rng), thick, cv2.LINE_AA)
        radius *= rng.uniform(0.45, 0.9)
    if rng.random() < 0.4:
        _write(canvas, 1, 0.35, 0.025, rng)


def emblem(canvas: Image, rng: Generator) -> None:
    """Repeat a figure around the middle, as coats of arms, wreaths and wheels do."""
    _panel(canvas, rng)
    side, colour = canvas.shape[0], _colour(rng)
    count, corners = int(rng.integers(2, 9)), int(rng.integers(3, 7))
    radius = side * rng.uniform(0.05, 0.46, corners)
    angle = rng.uniform(0.05, 0.46, corners) * 2 * np.pi / count
    thick = max(1, int(side * rng.uniform(0.01, 0.05)))
    filled, closed, mirrored = rng.random(3) < (0.5, 0.5, 0.6)
    for turn in 2 * np.pi * np.arange(count) / count + np.pi / 2:
        for sign in (1, -1) if mirrored else (1,):
            direction = sign * angle + turn
            figure = side / 2 + radius * np.stack([np.cos(direction), np.sin(direction)])
            points = [figure.T.astype(np.int32)]
            if filled:
                cv2.fillPoly(canvas, points, colour, cv2.LINE_AA)
            else:
                cv2.polylines(canvas, points, bool(closed), colour, thick, cv2.LINE_AA)
    if rng.random() < 0.5:
        middle, edge = (side // 2, side // 2), max(1, side // 30)
        cv2.circle(canvas, middle, int(0.47 * side), colour, edge, cv2.LINE_AA)


def balls(canvas: Image, rng: Generator) -> None:
    """Draw one ball or a bunch of small ones, lit from a side; some shine."""
    side = canvas.shape[0]
    y, x = np.mgrid[:side, :side] / side - 0.5
    count = 1 if rng.random() < 0.5 else int(rng.integers(2, 6))
    for _ in range(count):
        radius = rng.uniform(0.3, 0.48) if count == 1 else rng.uniform(0.12, 0.3)
        centre = np.zeros(2) if count == 1 else rng.uniform(-0.3, 0.3, 2)
        lamp = rng.uniform(-0.6, 0.6, 2)
        right, down = (x - centre[0]) / radius / rng.uniform(0.75, 1), (y - centre[1]) / radius
        light = (1.15 - 0.55 * np.hypot(right - lamp[0], down - lamp[1])).clip(0.15, 1.3)
        inside = ((1 - np.hypot(right, down)) * side * radius / 1.5).clip(0, 1)
        lit = (np.array(_colour(rng)) * light[..., None]).clip(0, 255)
        _blend(canvas, lit, inside)
        if rng.random() < 0.4:
            spot = (side * (0.5 + centre + lamp * radius * 0.6)).astype(int).tolist()
            shine = max(1, int(0.12 * side * radius))
            cv2.circle(canvas, spot, shine, (255, 255, 255), -1, cv2.LINE_AA)


def patches(canvas: Image, rng: Generator) -> None:
    """Blur patches of colour into each other, as clothes, hands and crowds out of focus look."""
    side = canvas.shape[0]
    drawn = canvas.copy()
    for _ in range(rng.integers(2, 8)):
        centre = (rng.uniform(0.2, 0.8, 2) * side).astype(int).tolist()
        axes = (rng.uniform(0.08, 0.35, 2) * side).astype(int).tolist()
        cv2.ellipse(drawn, centre, axes, rng.uniform(0, 180), 0, 360, _colour(rng), -1)
    blurred = cv2.GaussianBlur(drawn, (0, 0), side * rng.uniform(0.02, 0.1))
    y, x = np.mgrid[:side, :side] / side - 0.5
    _blend(canvas, blurred, (6 * (0.5 - np.hypot(x, y))).clip(0, 1))


def _blend(canvas: Image, other: NDArray[Any], share: NDArray[np.float64]) -> None:
    """Mix another picture (H, W, 3) in, by its share (H, W) at each place."""
    mixed = canvas * (1 - share[..., None]) + other * share[..., None]
    canvas[:] = mixed.astype(np.uint8)


KINDS: Final[tuple[Callable[[Image, Generator], None], ...]] = (
    letters,
    letters,
    rings,
    rings,
    emblem,
    emblem,
    balls,
    patches,
)
"""As often as each is there."""
