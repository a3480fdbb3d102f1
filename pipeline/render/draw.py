"""Boxes with names, drawn so that they can be told apart and read on any picture."""

from __future__ import annotations

import colorsys
import math

import cv2
import numpy as np

from pipeline.types import Boxes, Image

_GOLDEN = 0.6180339887498949
"""Steps of the golden ratio spread hues evenly, however many there are."""
_SATURATIONS = (0.8, 1.0, 0.5)
"""Neighbours in hue differ in these."""
_DARKEST = 120
"""Brightness that colours have at least, of 255: seen on dark pictures, and written on in black."""
_INK = (16, 16, 16)
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


def line_width(image: Image) -> int:
    """Return how thick lines are, in pixels, for a picture of this height."""
    return math.ceil(int(image.shape[0]) / 300)


def draw_track(image: Image, box: Boxes, track_id: int, dashed: bool) -> None:
    """Draw a track's box (4,) and id into ``image``; dashed where no detection stands behind it."""
    thick = line_width(image)
    around = thick // 2 + 1  # lines lie outside the box: small faces stay to be seen
    x1, y1, x2, y2 = (int(edge) for edge in np.rint(np.clip(box, -1e6, 1e6)))
    corners = (x1 - around, y1 - around), (x2 - 1 + around, y2 - 1 + around)
    hue = colour(track_id)
    for ink, width in ((_INK, thick + 2), (hue, thick)):
        if dashed:
            _dashed_rectangle(image, *corners, ink, width, 4 * thick)
        else:
            cv2.rectangle(image, *corners, ink, width)
    _label(image, str(track_id), corners[0], hue)


def _dashed_rectangle(
    image: Image,
    first: tuple[int, int],
    last: tuple[int, int],
    ink: Colour,
    width: int,
    dash: int,
) -> None:
    """Draw a rectangle of dashes as long as the gaps between them."""
    (x1, y1), (x2, y2) = first, last
    # Only what can be seen: a box may reach far beyond the picture.
    height, breadth = image.shape[:2]
    for x in range(x1, x2, 2 * dash):
        if -dash <= x <= breadth:
            for y in (y1, y2):
                cv2.line(image, (x, y), (min(x + dash, x2), y), ink, width)
    for y in range(y1, y2, 2 * dash):
        if -dash <= y <= height:
            for x in (x1, x2):
                cv2.line(image, (x, y), (x, min(y + dash, y2)), ink, width)


def _label(image: Image, text: str, corner: tuple[int, int], hue: Colour) -> None:
    """Write on a patch of colour above a box, or in it where there is no room above."""
    height, width = image.shape[:2]
    scale, thick = max(0.4, height / 1100), max(1, round(height / 500))
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, thick)
    pad = max(2, text_height // 3)
    patch_width, patch_height = text_width + 2 * pad, text_height + 2 * pad
    if patch_width > width or patch_height > height:
        return  # no room to write in so small a picture
    edge = line_width(image) // 2 + 1
    left = min(max(corner[0] - edge, 0), width - patch_width)
    above = corner[1] - edge - patch_height
    top = min(above if above >= 0 else max(corner[1], 0), height - patch_height)
    cv2.rectangle(image, (left, top), (left + patch_width - 1, top + patch_height - 1), hue, -1)
    origin = left + pad, top + pad + text_height
    cv2.putText(image, text, origin, _FONT, scale, _INK, thick, cv2.LINE_AA)
