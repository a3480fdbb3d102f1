"""The crops: each kept look at a face, cut out of the full-size picture."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from types import TracebackType
from typing import Self

import cv2
import numpy as np

from pipeline.layout import best_name, crop_name
from pipeline.render.job import Made, RenderJob
from pipeline.render.metadata import record_of, to_xmp
from pipeline.render.sound import Piece, PlayableSound
from pipeline.render.xmp import embed
from pipeline.settings import RenderSettings
from pipeline.types import Frame, Image, Look, Window


class Crops:
    """Writes ``track_0001/best.jpg`` and ``track_0001/000123_00m04.920s_1.jpg``."""

    def __init__(self, job: RenderJob, folder: Path, _sound: PlayableSound | None) -> None:
        self._job = job
        self._folder = folder
        self._looks: defaultdict[int, list[Look]] = defaultdict(list)
        for look in job.looks:
            self._looks[look.frame].append(look)
        self.made = Made()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing stays open between frames."""

    def wants(self, index: int) -> bool:
        """Tell whether a crop comes from the frame."""
        return index in self._looks

    def hear(self, piece: Piece) -> None:
        """Do nothing: crops are silent."""

    def write(self, frame: Frame) -> None:
        """Write the frame's crops."""
        picture = frame.picture
        for look in self._looks[frame.index]:
            window = crop_window(look.box, (picture.width, picture.height), self._job.settings)
            left, top, right, bottom = window
            part = picture.part(window)
            image = picture.bgr()[top:bottom, left:right] if part is None else part
            self._write(image, look, window)

    def _write(self, image: Image, look: Look, window: Window) -> None:
        job, extension = self._job, self._job.settings.format
        packet = to_xmp(record_of(job, look, window))
        data = embed(encode(image, job.settings), packet)
        frames = len(job.scan.time)
        numbered = crop_name(look, look.time - job.start, frames, extension)
        names = [] if job.best_only else [numbered]
        if look.rank == 1:
            names.append(best_name(extension))
        folder = job.folder_of(look.track_id)
        (self._folder / folder).mkdir(exist_ok=True)
        for name in names:
            (self._folder / folder / name).write_bytes(data)
            self.made.images.append(f"{folder}/{name}")
            self.made.crops[look.track_id, look.rank] = f"{folder}/{name}"


def crop_window(
    box: tuple[float, float, float, float], size: tuple[int, int], settings: RenderSettings
) -> Window:
    """Return what to cut out, in whole pixels within a picture of ``size`` (width, height).

    The box gets ``margin`` of its size on each side. A window that would reach beyond the picture
    is shifted inside, so that there are no bars; one larger than the picture is made smaller: a
    square one stays square as long as the face fits.
    """
    x1, y1, x2, y2 = box
    width, height = x2 - x1, y2 - y1
    if settings.shape == "square":
        visible = max(min(x2, size[0]) - max(x1, 0), min(y2, size[1]) - max(y1, 0))
        width = height = max(width, height)
        largest = max(min(size), visible) / (1 + 2 * settings.margin)
        width = height = min(width, largest)
    grown = 1 + 2 * settings.margin
    left, right = _side((x1 + x2) / 2, width * grown, size[0])
    top, bottom = _side((y1 + y2) / 2, height * grown, size[1])
    return left, top, right, bottom


def _side(centre: float, length: float, limit: int) -> tuple[int, int]:
    """Return first and past-the-last pixel of a stretch about ``centre``, within the picture."""
    whole = min(max(1, round(length)), limit)
    first = min(max(0, round(centre - whole / 2)), limit - whole)
    return first, first + whole


def encode(image: Image, settings: RenderSettings) -> bytes:
    """Return ``image`` as a file of the format and quality of the settings."""
    options = {
        "jpg": [cv2.IMWRITE_JPEG_QUALITY, settings.quality],
        "png": [],
        "webp": [cv2.IMWRITE_WEBP_QUALITY, settings.quality],
    }[settings.format]
    done, data = cv2.imencode(f".{settings.format}", np.ascontiguousarray(image), options)
    if not done:
        raise ValueError(f"cannot encode {image.shape = } as {settings.format}")
    return data.tobytes()
