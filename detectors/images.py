"""From pictures to what a network reads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


def by_size(images: Sequence[Image]) -> dict[tuple[int, int], list[int]]:
    """Sort pictures by (height, width): the places of those that can go through together.

    Raises:
        ValueError: A picture is not (H, W, 3) uint8 with at least one pixel.
    """
    places: dict[tuple[int, int], list[int]] = {}
    for place, image in enumerate(images):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or not image.size:
            raise ValueError(f"not a BGR picture: {image.shape = }, {image.dtype = }")
        places.setdefault(image.shape[:2], []).append(place)
    return places


@dataclass(frozen=True, slots=True)
class Surround:
    """What is put around a picture before a network reads it.

    Attributes:
        multiple: Black is added right and below until this divides height and width (px).
        cell: Then `colour`, until this does; so many pixels in a row are read as one with as many
            times three channels.
        border: Rows and columns of `colour` that stand above and left of it all.
        colour: Blue, green, red.
    """

    multiple: int = 1
    cell: int = 1
    border: int = 0
    colour: tuple[int, int, int] = (0, 0, 0)


class Canvas:
    """Memory that pictures of one size are laid into, one after the other.

    Attributes:
        cells: (rows, columns, cell * 3) uint8: the picture and its surround.
    """

    def __init__(self, height: int, width: int, surround: Surround) -> None:
        border = surround.border
        rows, columns = (_round_up(side, surround.multiple) for side in (height, width))
        bottom, right = (_round_up(side, surround.cell) for side in (rows, columns))
        pixels = np.empty((border + bottom, border + right, 3), np.uint8)
        pixels[:] = surround.colour
        pixels[border : border + rows, border : border + columns] = 0
        self._place = pixels[border : border + height, border : border + width]
        self.cells = pixels.reshape(len(pixels), -1, 3 * surround.cell)  # the same memory

    def lay(self, image: Image) -> None:
        """Put a picture in the place of the last."""
        self._place[:] = image


def _round_up(size: int, multiple: int) -> int:
    return -(-size // multiple) * multiple
