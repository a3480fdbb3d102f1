"""Films that are made of clips: shaken ones of those with labels, and crowds of one face."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import detectors
from benchmarks.sequences import Sequence
from pipeline.decode import open_video
from pipeline.render.encoders import choose_encoder
from pipeline.settings import DecodeSettings, RenderSettings
from pipeline.types import Image

STEP: Final = 0.01
"""By how much a hand moves a picture from frame to frame, either way: standard deviation, as a part
of its width."""
CELLS: Final = (20, 10)
"""Columns and rows of faces in a crowd, 1920x1080 pixels."""
_REACH: Final = 0.12
"""Part of the width by which a picture is moved at most; beyond its edge it is mirrored."""

Way = NDArray[np.int64]


def write_film(path: Path, frames: Iterable[Image], rate: Fraction) -> Path:
    """Write BGR pictures (H, W, 3) as a video, always the same; odd sides lose a row or column."""
    encoder = choose_encoder(RenderSettings(crf=18))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options=dict(encoder.options))
        stream.pix_fmt = encoder.pixel_format
        for number, image in enumerate(frames):
            height, width = (side - side % 2 for side in image.shape[:2])
            if not number:
                stream.width, stream.height = width, height
            picture = np.ascontiguousarray(image[:height, :width])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


def shaken(sequence: Sequence, folder: Path) -> Sequence:
    """Return a sequence as if a hand had held the camera: its picture moves, its truth with it."""
    way = _way(sequence)
    folder.mkdir()
    with open_video(sequence.folder / "clip.mp4", DecodeSettings()) as video:
        frames = (_moved(frame.picture.bgr(), way[frame.index]) for frame in video.frames())
        write_film(folder / "clip.mp4", frames, sequence.frame_rate)
    boxes = sequence.truth.boxes + np.tile(way[sequence.truth.frame], 2)
    return replace(sequence, folder=folder, truth=replace(sequence.truth, boxes=boxes))


def write_crowd(clip: Path, path: Path, count: int, seconds: int) -> int:
    """Write a film with so many faces in each frame, one of a clip again and again; return frames.

    Each sways in a cell of its own, so that there is something to track.
    """
    face, frames = _clear_face(clip), 25 * seconds
    columns, rows = CELLS
    width, height = 1920 // columns, 1080 // rows
    swing = 4  # pixels to either side
    face = np.asarray(cv2.resize(face, (width - 2 * swing, height - 2 * swing)), np.uint8)
    order = np.random.default_rng(1).permutation(columns * rows)[:count]

    def picture(index: int) -> Image:
        image = np.full((1080, 1920, 3), 112, np.uint8)
        for place, cell in enumerate(order):
            sway = swing * np.array([np.sin(0.2 * index + place), np.cos(0.17 * index + place)])
            x, y = np.round(sway).astype(int) + swing
            top, left = (cell // columns) * height + y, (cell % columns) * width + x
            image[top : top + face.shape[0], left : left + face.shape[1]] = face
        return image

    write_film(path, map(picture, range(frames)), Fraction(25))
    return frames


def _clear_face(clip: Path) -> Image:
    """Return the surest face of the first seconds of a clip, with some room around it."""
    detector = detectors.load()
    best, score = None, 0.0
    with open_video(clip, DecodeSettings()) as video:
        for frame in islice(video.frames(), 0, 100, 10):
            image = frame.picture.bgr()
            (found,) = detector([image])
            if len(found) and found.scores[0] > score:
                x1, y1, x2, y2 = found.boxes[0]
                side, x, y = 0.9 * max(x2 - x1, y2 - y1), (x1 + x2) / 2, (y1 + y2) / 2
                rows, columns = (slice(max(0, int(c - side)), int(c + side)) for c in (y, x))
                best, score = image[rows, columns].copy(), float(found.scores[0])
    if best is None:
        raise ValueError(f"there is no face in the first frames of {clip}")
    return best


def _way(sequence: Sequence) -> Way:
    """Return (F, 2) by how many pixels each picture is moved; the same for the same sequence."""
    rng = np.random.default_rng([ord(letter) for letter in sequence.name])
    swing = np.exp(-0.5 * (np.arange(-6, 7) / 2) ** 2)  # a hand turns no faster than that
    dice = rng.normal(size=(sequence.frames + len(swing) - 1, 2))
    steps = np.column_stack([np.convolve(column, swing, mode="valid") for column in dice.T])
    width = sequence.size[0]
    path = np.cumsum(steps / steps.std() * STEP * width, axis=0)
    reach = _REACH * width
    turned = np.abs((path + reach) % (4 * reach) - 2 * reach) - reach
    return np.round(turned).astype(np.int64)


def _moved(image: Image, by: NDArray[np.int64]) -> Image:
    height, width = image.shape[:2]
    room = int(_REACH * width) + 1
    wide = cv2.copyMakeBorder(image, room, room, room, room, cv2.BORDER_REFLECT)
    left, top = room - by
    return np.asarray(wide[top : top + height, left : left + width], np.uint8)
