"""Turn one labelled picture into one training picture: where to cut, how to spoil the pixels.

Everything random comes from the generator that is handed in, so that a sample is a function of its
seed. Faces that the cut leaves too small, or without their centre, become ignore regions: they are
neither right nor wrong.

Reference:
    Zhang et al., FaceBoxes, 2017, arXiv:1708.05234, section 3.4 (colour distortion, random square
    crops, rescaling, flip, the face-centre rule).
    Bochkovskiy et al., YOLOv4, 2020, arXiv:2004.10934 (mosaic).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.datasets import Boxes, Image, Labels, Sample
from training.spoil import spoil

Pair = NDArray[np.float64]  # (2,) x, y


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How training pictures are made.

    Attributes:
        size: Side of the square result, px.
        sizes: Sides that batches may have, each as often as any other.
        smallest_face: Faces below this are ignored, px (square root of the area).
        face_range: A chosen face is scaled to a size drawn from here, px, evenly in log.
        max_enlarge: No picture is enlarged more than this many times.
        squeeze: The aspect ratio changes by up to this factor.
        mosaic: Chances of a result of 1, of 2 x 2 and of 4 x 4 pictures; the small ones fill the
            small face sizes.
        mean: Blue, green and red of what lies outside the picture (0 to 255).
    """

    size: int = 320
    sizes: tuple[int, ...] = (256, 320, 416, 512, 640)
    smallest_face: float = 6.5
    face_range: tuple[float, float] = (7.0, 560.0)
    max_enlarge: float = 6.0
    squeeze: float = 1.15
    mosaic: tuple[float, float, float] = (0.55, 0.35, 0.10)
    mean: tuple[int, int, int] = (104, 117, 123)


def augment(samples: Sequence[Sample], settings: AugmentSettings, rng: Generator) -> Sample:
    """Make one (size, size, 3) sample of one picture, or of 4 or 16: a mosaic."""
    across = math.isqrt(len(samples))
    tiles = [cut(sample, settings.size // across, settings, rng) for sample in samples]
    whole = join(tiles, settings.size)
    return Sample(whole.name, spoil(whole.image, rng), whole.labels)


def cut(sample: Sample, size: int, settings: AugmentSettings, rng: Generator) -> Sample:
    """Scale a window of the picture to (size, size, 3), with flip, and move the labels with it."""
    scale = draw_scale(sample, size, settings, rng)
    corner = draw_corner(sample, size / scale, rng)
    image = resample(sample.image, corner, scale, size, settings, rng)
    labels = move_labels(sample.labels, corner, scale, size, settings.smallest_face)
    if rng.random() < 0.5:
        image, labels = image[:, ::-1], flip_labels(labels, size)
    return Sample(sample.name, image, labels)


def draw_scale(sample: Sample, size: int, settings: AugmentSettings, rng: Generator) -> Pair:
    """Choose a scale, result px a picture px, that gives a face drawn at random a drawn size."""
    boxes = sample.labels.boxes
    longest = max(sample.image.shape[:2])
    if len(boxes):
        face = face_sizes(boxes)[rng.integers(len(boxes))]
        low, high = settings.face_range
        scale = np.exp(rng.uniform(np.log(low), np.log(min(high, 0.9 * size)))) / face
    else:
        scale = size / longest * np.exp(rng.uniform(-0.3, 1.0))
    scale = np.clip(scale, 0.75 * size / longest, settings.max_enlarge)
    squeeze = settings.squeeze ** rng.uniform(-0.5, 0.5)
    return np.array([scale * squeeze, scale / squeeze])


def draw_corner(sample: Sample, window: Pair, rng: Generator) -> Pair:
    """Place a window of so many px in the picture, mostly with the centre of a face in it.

    A window larger than the picture holds all of it, anywhere.
    """
    extent = np.array(sample.image.shape[1::-1], np.float64)
    low, high = np.minimum(0, extent - window), np.maximum(0, extent - window)
    boxes = sample.labels.boxes
    if len(boxes) and rng.random() < 0.85:
        box = boxes[rng.integers(len(boxes))].astype(np.float64)
        centre = (box[:2] + box[2:]) / 2
        low = np.maximum(low, np.minimum(centre - 0.95 * window, high))
        high = np.minimum(high, np.maximum(centre - 0.05 * window, low))
    return rng.uniform(low, high)


def resample(
    image: Image,
    corner: Pair,
    scale: Pair,
    size: int,
    settings: AugmentSettings,
    rng: Generator,
) -> Image:
    """Cut out and scale a window; what lies outside the picture gets the mean colour."""
    margin = 2  # px of the picture kept around the window for the filter
    first = np.clip(np.floor(corner) - margin, 0, None).astype(int)
    last = np.ceil(corner + size / scale).astype(int) + margin
    part = image[first[1] : last[1], first[0] : last[0]]
    if scale.mean() < 0.7:  # shrink by area first: a bilinear filter alone would alias
        shrunk = np.maximum(np.round(np.array(part.shape[1::-1]) * scale), 1).astype(int)
        ratio = shrunk / np.array(part.shape[1::-1])
        part = np.asarray(cv2.resize(part, shrunk.tolist(), interpolation=cv2.INTER_AREA), np.uint8)
    else:
        ratio = np.ones(2)
    rest = scale / ratio
    # Pixel centres: result x + 0.5 = scale * (picture x + 0.5 - corner).
    shift = (first - corner) * scale + 0.5 * rest - 0.5
    matrix = np.array([[rest[0], 0, shift[0]], [0, rest[1], shift[1]]])
    method = cv2.INTER_CUBIC if rng.random() < 0.3 else cv2.INTER_LINEAR
    border = cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(part, matrix, (size, size), None, method, border, settings.mean)
    return moved.astype(np.uint8, copy=False)


def move_labels(
    labels: Labels,
    corner: Pair,
    scale: Pair,
    size: int,
    smallest_face: float,
) -> Labels:
    """Follow the window: keep faces with their centre in it, mostly visible, large enough."""
    boxes, ignore = (
        (part - np.tile(corner, 2)) * np.tile(scale, 2) for part in (labels.boxes, labels.ignore)
    )
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centres >= 0) & (centres < size)).all(1)
    visible = face_sizes(boxes.clip(0, size)) > 0.6 * face_sizes(boxes)
    keep = inside & visible & (face_sizes(boxes) >= smallest_face)
    dropped = np.concatenate([boxes[~keep], ignore]).clip(0, size)
    dropped = dropped[(dropped[:, 2:] - dropped[:, :2] >= 1).all(1)]
    kept = boxes[keep].clip(0, size)
    return Labels(kept.astype(np.float32), dropped.astype(np.float32))


def flip_labels(labels: Labels, size: int) -> Labels:
    """Mirror left and right in a picture that is `size` px wide."""
    return Labels(*(_mirror(part, size) for part in (labels.boxes, labels.ignore)))


def _mirror(boxes: Boxes, size: int) -> Boxes:
    return np.stack([size - boxes[:, 2], boxes[:, 1], size - boxes[:, 0], boxes[:, 3]], 1)


def join(tiles: Sequence[Sample], size: int) -> Sample:
    """Lay square tiles side by side, row by row, in a square of `size` px: n * n of them."""
    side = tiles[0].image.shape[0]
    across = size // side
    image = np.empty((size, size, 3), np.uint8)
    boxes, ignore = [], []
    for index, tile in enumerate(tiles):
        y, x = index // across * side, index % across * side
        image[y : y + side, x : x + side] = tile.image
        boxes.append(tile.labels.boxes + np.array([x, y, x, y], np.float32))
        ignore.append(tile.labels.ignore + np.array([x, y, x, y], np.float32))
    name = "+".join(tile.name for tile in tiles)
    return Sample(name, image, Labels(np.concatenate(boxes), np.concatenate(ignore)))


def face_sizes(boxes: Boxes) -> NDArray[np.float32]:
    """Return the square root of the area of each box (N, 4), px."""
    return np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
