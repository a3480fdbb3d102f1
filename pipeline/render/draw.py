"""Boxes with names, drawn so that they can be told apart and read on any picture."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Iterator

import cv2
import numpy as np

from pipeline.render.sheet import Ink, Rectangle, Sheet, ink
from pipeline.types import Boxes

_GOLDEN = 0.6180339887498949
"""Steps of the golden ratio spread hues evenly, however many there are."""
_SATURATIONS = (0.8, 1.0, 0.5)
"""Neighbours in hue differ in these."""
_DARKEST = 120
"""Brightness that colours have at least, of 255: seen on dark pictures, and written on in black."""
_DARK = ink(16, 16, 16)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

Colour = tuple[int, int, int]


def colour(track_id: int) -> Colour:
    """Return a track's colour (blue, green, red): the same for the same id, always."""
    saturation = _SATURATIONS[track_id % len(_SATURATIONS)]
    red, green, blue = (
        255 * part for part in colorsys.hsv_to_rgb(track_id * _GOLDEN % 1, saturation, 1)
    )
    brightness = 0.299 * red + 0.587 * green + 0.114 * blue
    white = max(0.0, (_DARKEST - brightness) / (255 - brightness))
    blue, green, red = (round(part + (255 - part) * white) for part in (blue, green, red))
    return blue, green, red


def line_width(height: int) -> int:
    """Return how thick lines are without their rim, in pixels, for a picture of this height."""
    return math.ceil(height / 300)


def draw_track(sheet: Sheet, box: Boxes, track_id: int, dashed: bool) -> None:
    """Draw a track's box (4,) and id; dashed where no detection stands behind it.

    Lines lie outside the box, so that small faces stay to be seen, and have a dark rim.
    """
    thick = line_width(sheet.size[1]) + 2
    hue = ink(*colour(track_id))
    frame = _frame(sheet, box, thick)
    pieces = [
        piece
        for side in _sides(frame, thick)
        for piece in (_dashes(side, 2 * thick) if dashed else (side,))
    ]
    for piece in pieces:
        sheet.fill(piece, _DARK)
    for x1, y1, x2, y2 in pieces:
        sheet.fill((x1 + 1, y1 + 1, x2 - 1, y2 - 1), hue)
    _label(sheet, str(track_id), frame, hue)


def _frame(sheet: Sheet, box: Boxes, thick: int) -> Rectangle:
    """Return the outer edges of the lines; what lies far beyond the picture is brought near."""
    limits = np.array(sheet.size * 2) + 2 * thick
    x1, y1, x2, y2 = (int(edge) for edge in np.rint(np.clip(box, -2 * thick, limits)))
    return x1 - thick, y1 - thick, max(x1, x2) + thick, max(y1, y2) + thick


def _sides(frame: Rectangle, thick: int) -> tuple[Rectangle, ...]:
    x1, y1, x2, y2 = frame
    return (
        (x1, y1, x2, y1 + thick),
        (x1, y2 - thick, x2, y2),
        (x1, y1, x1 + thick, y2),
        (x2 - thick, y1, x2, y2),
    )


def _dashes(side: Rectangle, length: int) -> Iterator[Rectangle]:
    """Yield the dashes of one side: about ``length`` long, with one at each end."""
    x1, y1, x2, y2 = side
    if x2 - x1 > y2 - y1:
        for first, last in _spread(x1, x2, length):
            yield first, y1, last, y2
    else:
        for first, last in _spread(y1, y2, length):
            yield x1, first, x2, last


def _spread(start: int, end: int, length: int) -> Iterator[tuple[int, int]]:
    """Yield every other one of an odd number of equal parts."""
    parts = 1 + 2 * max(1, round((end - start) / length / 2))
    edges = [start + (end - start) * part // parts for part in range(parts + 1)]
    yield from zip(edges[::2], edges[1::2], strict=True)


def _label(sheet: Sheet, text: str, frame: Rectangle, hue: Ink) -> None:
    """Write on a patch of colour above a box, or in it where there is no room above."""
    width, height = sheet.size
    scale, thick = max(0.4, height / 1100), max(1, round(height / 500))
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, thick)
    pad = max(2, text_height // 3)
    patch_width, patch_height = text_width + 2 * pad, text_height + 2 * pad
    if patch_width > width or patch_height > height:
        return  # no room to write in so small a picture
    left = min(max(frame[0], 0), width - patch_width)
    above = frame[1] - patch_height
    top = min(above if above >= 0 else max(frame[1], 0), height - patch_height)
    sheet.fill((left, top, left + patch_width, top + patch_height), hue)
    origin = left + pad, top + pad + text_height
    cv2.putText(sheet.y, text, origin, _FONT, scale, _DARK[:1], thick, cv2.LINE_AA)
