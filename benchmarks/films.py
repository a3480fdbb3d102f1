"""Films that are made of the labelled clips."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.sequences import Sequence
from pipeline.decode import open_video
from pipeline.settings import DecodeSettings
from pipeline.types import Image

STEP: Final = 0.01
"""By how much a hand moves a picture from frame to frame, either way: standard deviation, as a part
of its width."""
_REACH: Final = 0.12
"""Part of the width by which a picture is moved at most; beyond its edge it is mirrored."""

Way = NDArray[np.int64]


def write_film(path: Path, frames: Iterable[Image], rate: Fraction) -> Path:
    """Write BGR pictures (H, W, 3) as a video; odd sides lose a row or column."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "18"})
        stream.pix_fmt = "yuv420p"
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
