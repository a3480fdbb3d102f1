"""What x264's presets and qualities cost, and how like the picture the video stays.

Frames go the way of the annotated video, without boxes. Likeness is SSIM of the brightness, over
the whole picture; faces are large in a few of the clips only.

Reference:
    Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural
    similarity. IEEE Transactions on Image Processing 13 (4), 2004.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from statistics import fmean, median
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.decode import open_video
from pipeline.facts import VideoInfo
from pipeline.render.canvas import Canvas
from pipeline.render.encode import Mp4Writer
from pipeline.render.sheet import Sheet
from pipeline.settings import DecodeSettings, RenderSettings
from pipeline.types import Frame, Image

FRAMES: Final = 50  # of each clip
PRESETS: Final = ("ultrafast", "superfast", "veryfast", "faster", "fast", "medium")
QUALITIES: Final = (18, 20, 23, 26, 29)
_SIGMA: Final = 1.5  # px of the window, as in the paper
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


@dataclass(frozen=True, slots=True)
class Encoding:
    """What one preset and quality does to the clips.

    Attributes:
        cpu: Milliseconds a megapixel, the median over the turns.
        rate: Bits a pixel.
        ssim: The mean of all frames.
        worst: The worst clip's mean.
    """

    preset: str
    crf: int
    cpu: float
    rate: float
    ssim: float
    worst: float


@dataclass(frozen=True, slots=True, eq=False)
class _Film:
    """The beginning of a clip, ready to be encoded."""

    info: VideoInfo
    times: NDArray[np.float64]
    sheets: tuple[Sheet, ...]

    @classmethod
    def of(cls, clip: Path) -> _Film:
        with open_video(clip, DecodeSettings()) as video:
            frames = list(islice(video.frames(), FRAMES))
            times = np.array([frame.time for frame in frames])
            return cls(video.info, np.append(times, 2 * times[-1] - times[-2]), _sheets(frames))

    @property
    def pixels(self) -> int:
        return sum(sheet.y.size for sheet in self.sheets)


def _sheets(frames: Sequence[Frame]) -> tuple[Sheet, ...]:
    canvas = Canvas.of((frames[0].picture.width, frames[0].picture.height))
    return tuple(canvas.place(frame.picture).sheet for frame in frames)


def run(clips: Sequence[Path], turns: int) -> Iterator[Encoding]:
    """Encode the beginnings of clips with each preset at the default quality, and the reverse."""
    films, default = [_Film.of(clip) for clip in clips], RenderSettings()
    cases = [replace(default, preset=preset) for preset in PRESETS]
    cases += [replace(default, crf=crf) for crf in QUALITIES if crf != default.crf]
    seconds: dict[tuple[str, int], list[float]] = {(one.preset, one.crf): [] for one in cases}
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "a.mp4"
        for _ in range(turns):
            for case in cases:
                took = sum(_encode(film, path, case) for film in films)
                seconds[case.preset, case.crf].append(took)
        for case in cases:
            yield _judge(case, films, path, median(seconds[case.preset, case.crf]))


def _judge(case: RenderSettings, films: Sequence[_Film], path: Path, seconds: float) -> Encoding:
    """Encode once more, and look at what came of it."""
    size, likeness = 0, []
    for film in films:
        _encode(film, path, case)
        size += path.stat().st_size
        with open_video(path, DecodeSettings()) as video:
            pairs = zip(film.sheets, video.frames(), strict=True)
            likeness.append(fmean(ssim(sheet.y, frame.picture.luma()) for sheet, frame in pairs))
    pixels = sum(film.pixels for film in films)
    return Encoding(
        case.preset,
        case.crf,
        cpu=1e9 * seconds / pixels,
        rate=8 * size / pixels,
        ssim=fmean(likeness),
        worst=min(likeness),
    )


def _encode(film: _Film, path: Path, settings: RenderSettings) -> float:
    """Write a film; return the seconds of CPU that it took."""
    size = film.sheets[0].size
    began = time.process_time()
    with Mp4Writer(path, size, film.times, film.info, settings, sound=None) as writer:
        for sheet, moment in zip(film.sheets, film.times, strict=False):
            writer.write(sheet, float(moment))
    return time.process_time() - began


def ssim(one: Image, other: Image) -> float:
    """Return the structural similarity of two pictures (H, W) of brightness: 1 where equal."""
    x, y = (np.asarray(image, np.float32) for image in (one, other))
    mean_x, mean_y = _blurred(x), _blurred(y)
    variance_x = _blurred(x * x) - mean_x * mean_x
    variance_y = _blurred(y * y) - mean_y * mean_y
    covariance = _blurred(x * y) - mean_x * mean_y
    light = (2 * mean_x * mean_y + _C1) / (mean_x * mean_x + mean_y * mean_y + _C1)
    structure = (2 * covariance + _C2) / (variance_x + variance_y + _C2)
    return float((light * structure).mean())


def _blurred(image: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(image, (11, 11), _SIGMA), np.float32)
