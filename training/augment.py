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
from typing import Self

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.datasets import Boxes, Image, Labels, Sample
from training.distract import distract
from training.spoil import hide_parts, spoil

Pair = NDArray[np.float64]  # (2,) x, y
Mapping = NDArray[np.float64]  # (2, 3) from px of the picture to px of the result


@dataclass(frozen=True, slots=True)
class AugmentSettings:
    """How training pictures are made.

    Attributes:
        size: Side of the square result, px.
        sizes: Sides that batches may have, each as often as any other.
        smallest_face: Faces below this are ignored, px (square root of the area).
        face_range: A chosen face is scaled to a size drawn from here, px, evenly in log.
        max_enlarge: No picture is enlarged more than this many times.
        squeeze: The aspect ratio changes by up to this factor,
        strong_squeeze: and, one time in four, by up to this one.
        turn: Some pictures are turned by up to so many degrees either way.
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
    strong_squeeze: float = 1.5
    turn: float = 30.0
    mosaic: tuple[float, float, float] = (0.65, 0.30, 0.05)
    mean: tuple[int, int, int] = (104, 117, 123)


@dataclass(frozen=True, slots=True, eq=False)
class Source:
    """A picture, and what a window of it is laid around: all of its faces, or something else."""

    sample: Sample
    aims: Labels

    @classmethod
    def of(cls, sample: Sample) -> Self:
        """Aim at the faces of the labels."""
        return cls(sample, sample.labels)


def augment(sources: Sequence[Source], settings: AugmentSettings, rng: Generator) -> Sample:
    """Make one (size, size, 3) sample of one picture, or of 4 or 16: a mosaic."""
    across = math.isqrt(len(sources))
    tiles = [cut(source, settings.size // across, settings, rng) for source in sources]
    whole = join(tiles, settings.size)
    image, boxes = whole.image, whole.labels.boxes
    if rng.random() < 0.3:
        image = distract(image, boxes, rng)
    image = hide_parts(image, boxes, rng)
    return Sample(whole.name, spoil(image, rng), whole.labels)


def cut(source: Source, size: int, settings: AugmentSettings, rng: Generator) -> Sample:
    """Map a window of the picture to (size, size, 3), with flip, and move the labels with it."""
    sample = source.sample
    scale = draw_scale(source, size, settings, rng)
    corner = draw_corner(source, size / scale, rng)
    angle = rng.uniform(-1, 1) * settings.turn if rng.random() < 0.25 else 0.0
    mapping = map_window(corner, scale, size, angle)
    image = resample(sample.image, mapping, size, settings, rng)
    labels = move_labels(sample.labels, mapping, size, settings.smallest_face)
    if rng.random() < 0.5:
        image, labels = image[:, ::-1], flip_labels(labels, size)
    return Sample(sample.name, image, labels)


def map_window(corner: Pair, scale: Pair, size: int, angle: float) -> Mapping:
    """Return the map of a window with that corner to a square, turned about its middle."""
    turned = cv2.getRotationMatrix2D((size / 2, size / 2), angle, 1.0)  # (2, 3)
    straight = np.array([[scale[0], 0, 0], [0, scale[1], 0]])
    straight[:, 2] = -corner * scale
    mapping: Mapping = turned[:, :2] @ straight
    mapping[:, 2] += turned[:, 2]
    return mapping


def draw_scale(source: Source, size: int, settings: AugmentSettings, rng: Generator) -> Pair:
    """Choose a scale, result px a picture px, that gives an aim drawn at random a drawn size."""
    aims = source.aims
    longest = max(source.sample.image.shape[:2])
    if len(aims.boxes):
        face = face_sizes(aims.boxes)[draw_face(aims, rng)]
        low, high = settings.face_range
        scale = np.exp(rng.uniform(np.log(low), np.log(min(high, 0.9 * size)))) / face
    else:
        scale = size / longest * np.exp(rng.uniform(-0.3, 1.0))
    scale = np.clip(scale, 0.75 * size / longest, settings.max_enlarge)
    most = settings.strong_squeeze if rng.random() < 0.25 else settings.squeeze
    squeeze = most ** rng.uniform(-0.5, 0.5)
    return np.array([scale * squeeze, scale / squeeze])


def draw_corner(source: Source, window: Pair, rng: Generator) -> Pair:
    """Place a window of so many px in the picture, mostly with the centre of an aim in it.

    A window larger than the picture holds all of it, anywhere.
    """
    extent = np.array(source.sample.image.shape[1::-1], np.float64)
    low, high = np.minimum(0, extent - window), np.maximum(0, extent - window)
    aims = source.aims
    if len(aims.boxes) and rng.random() < 0.85:
        box = aims.boxes[draw_face(aims, rng)].astype(np.float64)
        centre = (box[:2] + box[2:]) / 2
        low = np.maximum(low, np.minimum(centre - 0.95 * window, high))
        high = np.minimum(high, np.maximum(centre - 0.05 * window, low))
    return rng.uniform(low, high)


def draw_face(labels: Labels, rng: Generator) -> int:
    """Choose a face, a likely one more often."""
    bounds = labels.scores.cumsum()
    return int(bounds[:-1].searchsorted(rng.random() * bounds[-1], side="right"))


def resample(
    image: Image, mapping: Mapping, size: int, settings: AugmentSettings, rng: Generator
) -> Image:
    """Map a picture to (size, size, 3); what lies outside it gets the mean colour."""
    back = cv2.invertAffineTransform(mapping)
    seen = cv2.transform(np.array([[[0, 0], [size, 0], [0, size], [size, size]]], float), back)[0]
    margin = 2  # px of the picture kept around the window for the filter
    first = np.clip(np.floor(seen.min(0)) - margin, 0, None).astype(int)
    last = np.ceil(seen.max(0)).astype(int) + margin
    part = image[first[1] : last[1], first[0] : last[0]]
    extent = np.array(part.shape[1::-1])
    scale = np.sqrt(abs(np.linalg.det(mapping[:, :2])))
    if scale < 0.7:  # shrink by area first: a bilinear filter alone would alias
        shrunk = np.maximum(np.round(extent * scale), 1).astype(int)
        part = np.asarray(cv2.resize(part, shrunk.tolist(), interpolation=cv2.INTER_AREA), np.uint8)
        ratio = extent / shrunk
    else:
        ratio = np.ones(2)
    # Pixel centres: result x + 0.5 = mapping of (picture x + 0.5).
    linear = mapping[:, :2] * ratio
    shift = mapping @ np.array([*first, 1]) + 0.5 * linear.sum(1) - 0.5
    matrix = np.column_stack([linear, shift])
    method = cv2.INTER_CUBIC if rng.random() < 0.3 else cv2.INTER_LINEAR
    border = cv2.BORDER_CONSTANT
    moved = cv2.warpAffine(part, matrix, (size, size), None, method, border, settings.mean)
    return moved.astype(np.uint8, copy=False)


def move_labels(labels: Labels, mapping: Mapping, size: int, smallest_face: float) -> Labels:
    """Follow the mapping: keep faces with their centre inside, mostly visible, large enough.

    A face is taken for the ellipse in its box: that is what a turned box is drawn around.
    """
    boxes = _move(labels.boxes, mapping, round_shape=True)
    ignore = _move(labels.ignore, mapping, round_shape=False)
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    inside = ((centres >= 0) & (centres < size)).all(1)
    visible = face_sizes(boxes.clip(0, size)) > 0.6 * face_sizes(boxes)
    keep = inside & visible & (face_sizes(boxes) >= smallest_face)
    dropped = np.concatenate([boxes[~keep], ignore]).clip(0, size)
    dropped = dropped[(dropped[:, 2:] - dropped[:, :2] >= 1).all(1)]
    return Labels(boxes[keep].clip(0, size), dropped, labels.scores[keep])


def _move(boxes: Boxes, mapping: Mapping, *, round_shape: bool) -> Boxes:
    """Draw upright boxes around what boxes (N, 4), or the ellipses in them, are mapped to."""
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2 @ mapping[:, :2].T + mapping[:, 2]
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2  # (N, 2)
    parts = np.abs(mapping[:, :2]) * halves[:, None]  # (N, 2, 2): of the old x and y
    halves = np.hypot(parts[..., 0], parts[..., 1]) if round_shape else parts.sum(2)
    return np.concatenate([centres - halves, centres + halves], 1).astype(np.float32)


def flip_labels(labels: Labels, size: int) -> Labels:
    """Mirror left and right in a picture that is `size` px wide."""
    boxes, ignore = (_mirror(part, size) for part in (labels.boxes, labels.ignore))
    return Labels(boxes, ignore, labels.scores)


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
    scores = np.concatenate([tile.labels.scores for tile in tiles])
    return Sample(name, image, Labels(np.concatenate(boxes), np.concatenate(ignore), scores))


def face_sizes(boxes: Boxes) -> NDArray[np.float32]:
    """Return the square root of the area of each box (N, 4), px."""
    return np.sqrt((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
