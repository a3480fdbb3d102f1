"""A small video's records as the stages hand them on, and the folder of its result."""

import dataclasses
import hashlib
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from pipeline import tables
from pipeline.facts import DecodeAudit, Status, VideoInfo
from pipeline.manifest import FILE_NAME, Counts, Manifest, Output
from pipeline.names import is_safe, slug
from pipeline.report.video import write_video_page
from pipeline.types import Kind, Reason, Scan, Selection, Tracks

INFO = VideoInfo(
    width=64,
    height=48,
    frame_rate=Fraction(25),
    time_base=Fraction(1, 1000),
    duration=0.4,
    container="mov,mp4,m4a",
    codec="h264",
    pixel_format="yuv420p",
    rotation=0,
    mirrored=False,
    transfer="sdr",
    stream=0,
    video_streams=1,
    has_audio=False,
)


def scan_of(frames: int) -> Scan:
    """``frames`` frames from 2 s on, one each 40 ms."""
    pts = 2000 + 40 * np.arange(frames, dtype=np.int64)
    none = np.zeros(0, np.float32)
    return Scan(
        info=INFO,
        audit=DecodeAudit(frames, 0, frames, False, 0, 0),
        detector="faceboxes, OpenVINO f32, 1 thread",
        pts=pts,
        time=pts / 1000,
        size=np.full((frames, 2), (64, 48), np.int32),
        cut_score=np.zeros(frames, np.float32),
        camera=np.zeros((frames, 2), np.float32),
        looked=np.ones(frames, np.bool_),
        frame=np.zeros(0, np.int32),
        boxes=np.zeros((0, 4), np.float32),
        scores=none,
        sharpness=none,
        brightness=none,
        contrast=none,
        thumbnail=np.zeros((0, 8, 8), np.uint8),
    )


def tracks_of(count: int) -> Tracks:
    """``count`` tracks of four frames, one frame apart; frames 1 and 2 of each are not detected."""
    frame = np.concatenate([np.arange(n, n + 4) for n in range(count)] or [np.zeros(0)])
    n = len(frame)
    kinds = [Kind.DETECTED, Kind.RESCUED, Kind.INTERPOLATED, Kind.DETECTED]
    left = np.repeat(np.arange(count), 4) * 10 + np.tile(np.arange(4), count) / 4
    return Tracks(
        track_id=np.repeat(np.arange(1, count + 1), 4).astype(np.int32),
        frame=frame.astype(np.int32),
        boxes=np.stack([left, np.full(n, 5.5), left + 8, np.full(n, 15.5)], 1).astype(np.float32),
        scores=np.tile([0.9, 0.3, 0, 0.5], count).astype(np.float32),
        kind=np.tile(kinds, count).astype(np.uint8),
        detection=np.tile([0, 1, -1, 2], count).astype(np.int32),
        shots=np.array([0, 1][: count + 1], np.int32),
        dropped=2,
    )


def selection_of(count: int) -> Selection:
    """The last look of each track is the best, the first one the second; track 2's is poor."""
    reasons = np.tile([0, Reason.LOW_SCORE, Reason.INTERPOLATED, 0], count).astype(np.uint8)
    reasons[7:8] = Reason.BLURRED
    terms = np.tile(np.array([[0.5], [0.2], [0], [0.75]], np.float32), (count, 5))
    return Selection(
        terms=terms.reshape(-1, 5),
        quality=np.tile([0.5, 0.2, 0, 0.75], count).astype(np.float32),
        reason=reasons,
        rank=np.tile([2, 0, 0, 1], count).astype(np.int32),
    )


def crops_of(count: int) -> dict[tuple[int, int], str]:
    """Two crops a track."""
    names = {1: "best.jpg", 2: "000000_00m00.000s_2.jpg"}
    return {
        (track, rank): f"track_{track:04d}/{name}"
        for track in range(1, count + 1)
        for rank, name in names.items()
    }


def manifest_of(name: str, tracks: int = 0, status: Status = Status.DONE, **facts) -> Manifest:
    """The manifest of a video with ``tracks`` tracks, as yet without outputs."""
    return Manifest(
        name=name,
        size=1234,
        sha256=hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest(),
        status=status,
        video=INFO,
        audit=scan_of(tracks + 4).audit,
        counts=Counts(tracks + 4, 3 * tracks, tracks, 2 * tracks, 2),
        **facts,
    )


def publish(output: Path, name: str, tracks: int = 2, **facts) -> tuple[str, Manifest]:
    """Put a whole result for the source ``name`` below ``output``; return its folder."""
    folder = name if is_safe(name) else slug(name)
    place = output / folder
    place.mkdir(parents=True, exist_ok=True)
    scan, linked, chosen = scan_of(tracks + 4), tracks_of(tracks), selection_of(tracks)
    for crop in crops_of(tracks).values():
        (place / crop).parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(place / crop), np.full((4, 4, 3), 99, np.uint8))
    manifest = manifest_of(name, tracks, **facts)
    tables.write_tables(place, scan, linked, chosen, crops_of(tracks))
    write_video_page(place, manifest, scan, linked, chosen, crops_of(tracks))
    return folder, seal(place, manifest)


def seal(place: Path, manifest: Manifest) -> Manifest:
    """Write ``manifest`` into ``place``, with everything there as its outputs; return it."""
    files = (path for path in sorted(place.rglob("*")) if path.is_file())
    outputs = {
        path.relative_to(place).as_posix(): Output(
            path.stat().st_size, hashlib.sha256(path.read_bytes()).hexdigest()
        )
        for path in files
        if path.name != FILE_NAME
    }
    whole = dataclasses.replace(manifest, outputs=outputs)
    (place / FILE_NAME).write_text(whole.to_json(), "utf-8")
    return whole
