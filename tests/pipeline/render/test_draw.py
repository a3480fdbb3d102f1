"""What is drawn can be seen, told apart and read, and stays in the picture."""

import itertools
from typing import Any

import numpy as np
import pytest

from pipeline.render.draw import colour, draw_track, line_width
from pipeline.render.sheet import Sheet, ink
from pipeline.types import Image
from tests.pipeline.render.scenes import to_bgr


def drawn(
    box: tuple[float, float, float, float],
    size: tuple[int, int] = (320, 240),
    background: int = 128,
    track_id: int = 1,
    dashed: bool = False,
) -> Image:
    sheet = Sheet(size)
    sheet.fill((0, 0, *size), ink(*[background] * 3))
    draw_track(sheet, np.float32(box), track_id, dashed)
    return to_bgr(sheet)


def coloured(image: Image, track_id: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Return which pixels have a track's colour."""
    return np.abs(image.astype(int) - colour(track_id)).max(axis=-1) <= 6


def test_a_track_keeps_its_colour_and_neighbours_differ() -> None:
    assert colour(7) == colour(7)
    for first, second in itertools.combinations(range(1, 9), 2):
        assert np.abs(np.subtract(colour(first), colour(second))).max() > 50


def test_no_colour_is_too_dark_to_be_seen_or_to_be_written_on() -> None:
    for track_id in range(1, 500):
        blue, green, red = colour(track_id)
        assert 0.114 * blue + 0.587 * green + 0.299 * red >= 119


@pytest.mark.parametrize("background", [0, 128, 255])
def test_a_box_surrounds_the_face_and_leaves_it_to_be_seen(background: int) -> None:
    image = drawn((100, 80, 140, 130), background=background)
    inside = image[80:130, 100:140].astype(int)
    assert np.abs(inside - background).max() <= 2
    assert coloured(image, 1)[[78, 131, 105, 105], [120, 120, 98, 141]].all()


def test_filled_boxes_are_dashed() -> None:
    whole, dashed = (drawn((100, 80, 180, 180), dashed=dashed) for dashed in (False, True))
    left = slice(90, 170), 98
    assert coloured(whole[left], 1).all()
    share = coloured(dashed[left], 1).mean()
    assert 0.3 < share < 0.8


def test_lines_grow_with_the_picture() -> None:
    widths = [line_width(h) for h in (1, 240, 480, 1080, 2160)]
    assert widths == [1, 1, 2, 4, 8]


@pytest.mark.parametrize(
    "box",
    [(0, 0, 30, 30), (290, 0, 320, 40), (0, 200, 40, 240), (300, 230, 320, 240), (-20, -9, 9, 9)],
)
def test_a_label_is_whole_at_every_edge(box: tuple[float, float, float, float]) -> None:
    """The patch of colour under the id has as many pixels as in the middle of the picture."""
    patches = []
    for place in (box, (150, 110, 180, 140)):
        image = drawn(place, track_id=88)
        inked = coloured(image, 88)
        rows = np.flatnonzero(inked.sum(axis=1) >= 10)
        patches.append(((image < 100).all(axis=2).sum() > 20, len(rows) >= 10))
    assert patches[0] == patches[1] == (True, True)


@pytest.mark.parametrize("size", [(2, 2), (4, 6), (18, 14), (4000, 2)])
@pytest.mark.parametrize("box", [(0, 0, 1, 1), (-1e9, -1e9, 1e9, 1e9), (5, 5, 5, 5), (9, 9, 2, 2)])
@pytest.mark.parametrize("dashed", [False, True])
def test_no_picture_is_too_small_and_no_box_too_odd(
    size: tuple[int, int], box: tuple[float, float, float, float], dashed: bool
) -> None:
    assert drawn(box, size, dashed=dashed).shape == (size[1], size[0], 3)
