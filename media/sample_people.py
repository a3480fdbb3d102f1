"""The people of the sample, cut out of public-domain portraits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import matplotlib.cbook
import numpy as np
import skimage.data
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Figure:
    """A person cut out of a portrait."""

    levels: tuple[NDArray[np.uint8], ...]
    """(h, w, 4) BGR and alpha, colours multiplied by alpha; each level half as large."""
    face: tuple[float, float, float, float]
    """x1, y1, x2, y2 in the portrait: hairline (or hat brim) to chin, between the ears."""

    @property
    def centre(self) -> tuple[float, float]:
        """The middle of the face in the portrait."""
        x1, y1, x2, y2 = self.face
        return (x1 + x2) / 2, (y1 + y2) / 2

    @property
    def half(self) -> tuple[float, float]:
        """Half the face's width and height in the portrait."""
        x1, y1, x2, y2 = self.face
        return (x2 - x1) / 2, (y2 - y1) / 2


def hopper() -> Figure:
    """Cut out Grace Hopper: matplotlib ships her portrait."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        portrait = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_COLOR)
    outline = [(250, 15), (345, 45), (378, 80), (378, 150), (384, 190), (376, 240), (366, 290)]
    outline += [(344, 308), (365, 335), (440, 362), (505, 400), (511, 599), (5, 599), (25, 400)]
    outline += [(60, 370), (150, 340), (195, 312), (180, 292), (158, 260), (148, 180), (145, 100)]
    outline += [(180, 60)]
    return cut_out(portrait, outline, face=(169, 127, 359, 333), bust=(390, 540))


def collins() -> Figure:
    """Cut out Eileen Collins: scikit-image ships her portrait."""
    portrait = np.ascontiguousarray(skimage.data.astronaut()[..., ::-1])
    outline = [(230, 10), (285, 25), (308, 65), (308, 120), (285, 140), (268, 165), (296, 183)]
    outline += [(312, 235), (360, 260), (375, 350), (320, 350), (288, 390), (284, 511), (5, 511)]
    outline += [(5, 420), (30, 290), (65, 235), (100, 205), (105, 175), (140, 145), (180, 142)]
    outline += [(165, 130), (148, 110), (146, 60), (185, 18)]
    return cut_out(portrait, outline, face=(177, 70, 275, 181), bust=(240, 345))


def cut_out(
    portrait: NDArray[np.uint8],
    outline: list[tuple[int, int]],
    face: tuple[float, float, float, float],
    bust: tuple[int, int],
) -> Figure:
    """Take what GrabCut finds of a person inside ``outline``; fade out between the bust rows."""
    height, width = portrait.shape[:2]
    labels = np.full((height, width), cv2.GC_BGD, np.uint8)
    cv2.fillPoly(labels, [np.array(outline)], cv2.GC_PR_FGD)
    sure = cv2.erode((labels == cv2.GC_PR_FGD).astype(np.uint8), np.ones((41, 41), np.uint8))
    labels[sure > 0] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    cv2.grabCut(portrait, labels, None, np.zeros((1, 65)), np.zeros((1, 65)), 6)  # type: ignore[call-overload]
    person = np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    soft = cv2.GaussianBlur(cv2.medianBlur(person, 7), (0, 0), 1.5).astype(np.float32) / 255
    alpha = np.clip((soft - 0.25) / 0.6, 0, 1) * bust_fade(width, height, bust)
    layer = np.dstack([portrait * alpha[..., None], alpha * 255])
    return Figure(tuple(pyramid(layer.round().astype(np.uint8))), face)


def bust_fade(width: int, height: int, bust: tuple[int, int]) -> NDArray[np.float32]:
    """Return (height, width): 1, and softly down to 0 below a curved line as busts end in."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    top, bottom = bust
    depth = y + (bottom - top) * 0.9 * ((x - width / 2) / (width / 2)) ** 2
    t = np.clip((depth - top) / (bottom - top), 0, 1)
    return 1 - t * t * (3 - 2 * t)


def pyramid(layer: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """Yield the layer, then halves of it: a warp may only shrink twofold without aliasing."""
    while min(layer.shape[:2]) > 16:
        yield layer
        height, width = layer.shape[:2]
        layer = cv2.resize(layer, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
