"""Small scenes for the tests of rendering: pictures in memory, tracks, looks, sound with beeps."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import Colorspace

from pipeline.decode.colour import Converter
from pipeline.planes import Planes
from pipeline.render import RenderJob
from pipeline.render.sheet import Sheet
from pipeline.settings import RenderSettings
from pipeline.types import Frame, Image, Kind, Look, Reason, Tracks, Window
from tests.helpers import make_scan

BOX = (20.0, 12.0, 36.0, 30.0)
"""Where a face is unless a test says otherwise."""


@dataclass
class ArrayPicture:
    """A picture held in memory, which counts what is asked of it."""

    image: Image
    asked: list[str] = field(default_factory=list)

    @property
    def width(self) -> int:
        return int(self.image.shape[1])

    @property
    def height(self) -> int:
        return int(self.image.shape[0])

    def bgr(self, size: tuple[int, int] | None = None) -> Image:
        self.asked.append("bgr")
        return self._at(size)

    def yuv(self, size: tuple[int, int] | None = None) -> Planes:
        self.asked.append("yuv")
        return to_planes(self._at(size))

    def luma(self) -> Image:
        return self.image[..., 1]

    def part(self, _window: Window) -> Image | None:
        return None

    def _at(self, size: tuple[int, int] | None) -> Image:
        return self.image.copy() if size is None else cv2.resize(self.image, size)


def to_planes(image: Image) -> Planes:
    """Return a BGR picture as a video holds it."""
    frame = VideoFrame.from_ndarray(image, format="bgr24")
    return Converter().yuv(frame, (frame.width, frame.height))


def to_bgr(sheet: Sheet) -> Image:
    """Return (height, width, 3) what a player shows of a sheet."""
    sheet.frame.colorspace = Colorspace.ITU709
    return Converter().bgr(sheet.frame, sheet.size)


def picture(index: int, size: tuple[int, int]) -> Image:
    """Return (height, width, 3): a slope that gets brighter with time, blue left, red right."""
    width, height = size
    image = np.full((height, width, 3), 40 + index * 7 % 160, np.uint8)
    image[:, : width // 2, 0] = 200
    image[:, width // 2 :, 2] = 200
    return image


def frames_of(job: RenderJob) -> list[Frame]:
    """Return the frames that the job's scan speaks of."""
    return [
        Frame(index, int(pts), float(time), ArrayPicture(picture(index, job.size_of(index))))
        for index, (pts, time) in enumerate(zip(job.scan.pts, job.scan.time, strict=True))
    ]


def tracks_of(*spans: tuple[int, int], box: Sequence[float] = BOX, filled: int = -1) -> Tracks:
    """Return a track for each (first, last) frame; ``filled`` is a frame without a detection."""
    rows = [
        (track_id, frame)
        for track_id, (first, last) in enumerate(spans, 1)
        for frame in range(first, last + 1)
    ]
    ids = np.array([row[0] for row in rows], np.int32)
    frame = np.array([row[1] for row in rows], np.int32)
    kind = np.where(frame == filled, Kind.INTERPOLATED, Kind.DETECTED).astype(np.uint8)
    return Tracks(
        track_id=ids,
        frame=frame,
        boxes=np.tile(np.array(box, np.float32), (len(rows), 1)).reshape(-1, 4),
        scores=np.ones(len(rows), np.float32),
        kind=kind,
        detection=np.zeros(len(rows), np.int32),
        shots=np.zeros(1, np.int32),
    )


def look_of(track_id: int, frame: int, time: float, rank: int = 1, **changes: Any) -> Look:
    look = Look(track_id, rank, frame, time, BOX, 0.9, 0.8, (1, 0.5, 0.9, 1, 0.7), Reason.NONE)
    return replace(look, **changes)


def job_of(
    *spans: tuple[int, int],
    frames: int = 6,
    size: tuple[int, int] = (64, 48),
    settings: dict[str, Any] | None = None,
    filled: int = -1,
    best_only: bool = False,
    **columns: Any,
) -> RenderJob:
    """Return the job of a video with a track over each span; two looks at each, where it can."""
    scan = make_scan([], frames, size=size, **columns)
    looks = tuple(
        look_of(track_id, frame, float(scan.time[frame]), rank)
        for track_id, span in enumerate(spans, 1)
        for rank, frame in enumerate(sorted(set(span)), 1)
    )
    return RenderJob(
        source="day 1/a.mp4",
        source_sha256="0f" * 32,
        weights="faceboxes",
        program="0.1.0",
        scan=scan,
        tracks=tracks_of(*spans, filled=filled),
        looks=looks,
        settings=RenderSettings(**(settings or {})),
        best_only=best_only,
    )


def with_boxes(job: RenderJob, boxes: Sequence[Sequence[float]]) -> RenderJob:
    """Return a job whose rows of tracks have these boxes."""
    tracks = replace(job.tracks, boxes=np.array(boxes, np.float32).reshape(-1, 4))
    return replace(job, tracks=tracks)


class BeepSource:
    """Sound with a beep at each full second, in any codec, read from a file in memory."""

    def __init__(self, codec: str = "aac", seconds: float = 3, rate: int = 48_000) -> None:
        self._container = av.open(beeps(codec, seconds, rate))
        self.stream: AudioStream = self._container.streams.audio[0]

    def packets(self) -> Iterator[Packet[AudioStream]]:
        yield from (packet for packet in self._container.demux(self.stream) if packet.size)


def beeps(codec: str, seconds: float, rate: int = 48_000) -> io.BytesIO:
    """Return a Matroska file of sound: 60 ms of 1 kHz from each full second but the first on."""
    time = np.arange(round(seconds * rate)) / rate
    loud = np.where((time % 1 < 0.06) & (time >= 1), np.sin(2000 * np.pi * time) * 0.8, 0)
    samples = np.round(loud * 32767).astype(np.int16)[None]
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream(codec, rate=rate, layout="mono")
        frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, 0
        for part in av.AudioResampler(stream.format, "mono", rate).resample(frame):
            container.mux(stream.encode(part))
        container.mux(stream.encode(None))
    file.seek(0)
    return file


def beep_times(file: Path | io.BytesIO) -> list[float]:
    """Return the seconds at which beeps begin in a file."""
    loud: list[float] = []
    with av.open(str(file) if isinstance(file, Path) else file) as container:
        for frame in container.decode(audio=0):
            assert frame.time is not None
            samples = frame.to_ndarray().reshape(-1).astype(np.float32)
            samples /= 32768 if frame.format.name.startswith("s16") else 1
            loud += list(frame.time + np.flatnonzero(np.abs(samples) > 0.2) / frame.sample_rate)
    return [t for i, t in enumerate(loud) if i == 0 or t - loud[i - 1] > 0.5]


def decoded(path: Path) -> list[tuple[float, Image]]:
    """Return the time and (height, width, 3) BGR picture of each frame of a video."""
    with av.open(str(path)) as container:
        return [
            (frame.time or 0.0, frame.to_ndarray(format="bgr24"))
            for frame in container.decode(video=0)
        ]


def files_below(folder: Path) -> list[str]:
    """Return the path of every file below a folder, sorted."""
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())
