"""Boxes with names, drawn so that they can be told apart and read on any picture."""

from __future__ import annotations

import colorsys

import cv2
import numpy as np

from pipeline.types import Boxes, Image

_GOLDEN = 0.6180339887498949
"""Steps of the golden ratio spread hues evenly, however many there are."""
_SHADES = ((0.75, 1.0), (1.0, 0.85), (0.45, 1.0))
"""Saturation and value: neighbours in hue differ in these."""
_DARK = (16, 16, 16)
_LIGHT = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

Colour = tuple[int, int, int]


def colour(track_id: int) -> Colour:
    """Return a track's colour (blue, green, red): the same for the same id, always."""
    saturation, value = _SHADES[track_id % len(_SHADES)]
    red, green, blue = colorsys.hsv_to_rgb(track_id * _GOLDEN % 1, saturation, value)
    return round(blue * 255), round(green * 255), round(red * 255)


def line_width(image: Image) -> int:
    """Return how thick lines are, in pixels, for a picture of this height."""
    return max(1, round(int(image.shape[0]) / 360))


def draw_track(image: Image, box: Boxes, track_id: int, dashed: bool) -> None:
    """Draw a track's box (4,) and id into ``image``; dashed where no detection stands behind it."""
    thick = line_width(image)
    x1, y1, x2, y2 = (int(edge) for edge in np.rint(np.clip(box, -1e6, 1e6)))
    corners = (x1, y1), (max(x1, x2 - 1), max(y1, y2 - 1))
    hue = colour(track_id)
    for ink, width in ((_DARK, thick + 2), (hue, thick)):
        if dashed:
            _dashed_rectangle(image, *corners, ink, width, 4 * thick)
        else:
            cv2.rectangle(image, *corners, ink, width)
    _label(image, str(track_id), (x1, y1, x2, y2), hue)


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


def _label(image: Image, text: str, box: tuple[int, int, int, int], hue: Colour) -> None:
    """Write on a patch of colour above the box, or in it where there is no room above."""
    height, width = image.shape[:2]
    scale, thick = max(0.4, height / 1100), max(1, round(height / 500))
    (text_width, text_height), _ = cv2.getTextSize(text, _FONT, scale, thick)
    pad = max(2, text_height // 3)
    patch_width, patch_height = text_width + 2 * pad, text_height + 2 * pad
    if patch_width > width or patch_height > height:
        return  # no room to write in so small a picture
    edge = line_width(image) // 2 + 1
    left = min(max(box[0] - edge, 0), width - patch_width)
    above = box[1] - edge - patch_height
    top = min(above if above >= 0 else max(box[1], 0), height - patch_height)
    cv2.rectangle(image, (left, top), (left + patch_width - 1, top + patch_height - 1), hue, -1)
    ink = _DARK if np.dot(hue, (0.114, 0.587, 0.299)) > 140 else _LIGHT
    origin = left + pad, top + pad + text_height
    cv2.putText(image, text, origin, _FONT, scale, ink, thick, cv2.LINE_AA)
