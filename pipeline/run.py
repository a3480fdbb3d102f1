"""One video: from a source to a folder of results, the whole flow on one page.

What is built here lies in staging and nowhere else; :mod:`pipeline.batch` decides what is to be
done and makes it visible. The manifest is written last: a folder without one is not whole.
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from detectors import Detector
from detectors.team import Team
from pipeline import __version__, tables
from pipeline.decode import Indivisible, Video, open_video
from pipeline.errors import LimitExceeded, NotAVideo, StaleScan, VideoError
from pipeline.facts import Status
from pipeline.health import examine
from pipeline.job import VideoJob
from pipeline.layout import SCAN
from pipeline.link import link
from pipeline.manifest import FILE_NAME, Counts, Manifest, Output
from pipeline.render import RenderJob, RenderResult, render, verify
from pipeline.report.video import write_video_page
from pipeline.scan import scan, scan_divided, scanfile
from pipeline.select import looks, select
from pipeline.settings import DecodeSettings, parse_duration
from pipeline.types import Frame, Look, Scan, Tell, Tracks

_LONGEST_FRAME = 60.0
"""Seconds for which one frame counts at most towards the length of a video."""

Progress = Callable[[str, int, int | None], None]
"""Called with the stage, the steps done (most often frames), and how many there are, if known."""


@dataclass(slots=True)
class Clock:
    """Knows the stage that is running, and how long each took."""

    progress: Progress
    stage: str = "open"
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def running(self, stage: str) -> Iterator[Tell]:
        """Time the body as ``stage``; gives what is told how far it is."""
        self.stage = stage
        self.progress(stage, 0, None)
        start = time.monotonic()
        yield partial(self.progress, stage)
        self.seconds[stage] = self.seconds.get(stage, 0.0) + time.monotonic() - start


def work(job: VideoJob, detector: Callable[[], Detector], progress: Progress) -> dict[str, float]:
    """Build the result of ``job`` in its staging folder; return the seconds of each stage.

    A video that cannot be worked on gives a result too: a manifest that says why.

    Raises:
        NotAVideo: If the file is no video and was not named by the user.
        SourceChanging: If the file changed meanwhile; nothing in staging is of use then.
        OSError: If staging cannot be written to.
    """
    clock = Clock(progress)
    try:
        result = _results(job, detector, clock)
    except VideoError as error:
        job.content.check_unchanged(job.source.path)
        if isinstance(error, NotAVideo) and not job.source.named:
            raise
        result = _failure(job, clock.stage, error)
    job.content.check_unchanged(job.source.path)
    (job.stage / FILE_NAME).write_text(result.to_json(), "utf-8")
    return clock.seconds


def _results(job: VideoJob, detector: Callable[[], Detector], clock: Clock) -> Manifest:
    """Build everything, from an older scan if there is one that still fits the video."""
    kept = _kept_scan(job)
    try:
        return _built(job, kept, detector, clock)
    except StaleScan:  # the libraries that decode may have changed since
        if kept is None:
            raise
        _clear(job.stage)
        return _built(job, None, detector, clock)


def _built(
    job: VideoJob, kept: Scan | None, detector: Callable[[], Detector], clock: Clock
) -> Manifest:
    settings, stage = job.settings, job.stage
    with open_video(job.source.path, settings.decode, job.file) as video:
        with clock.running("scan"):
            seen = kept or _scan(video, detector(), job, clock.progress)
        with clock.running("link") as tell:
            tracks = link(seen, settings.link, tell)
        with clock.running("select") as tell:
            selection = select(seen, tracks, settings.select, tell)
            chosen = looks(seen, tracks, selection)
        with clock.running("render") as tell, video.sound() as sound:
            rendering = _rendering(job, seen, tracks, chosen)
            frames = partial(_chosen_frames, video, seen, tell)
            rendered = render(frames, rendering, stage, sound)
    with clock.running("write") as tell:
        scanfile.save(seen, stage / SCAN)
        tables.write_tables(stage, seen, tracks, selection, rendered.crops, tell)
        manifest = _manifest(job, seen, tracks, rendered)
        write_video_page(stage, manifest, seen, tracks, selection, rendered.crops, job.folder)
    with clock.running("verify") as tell:
        verify(stage, rendered, tell)
        return replace(manifest, outputs=_outputs(stage, tell))


def _kept_scan(job: VideoJob) -> Scan | None:
    """Return the scan of an older result if nothing that it depends on has changed."""
    if job.previous is None:
        return None
    try:
        old = Manifest.read(job.previous)
        if old.sha256 != job.content.sha256 or old.keys.get("scan") != job.keys["scan"]:
            return None
        if old.outputs[SCAN] != _output(job.previous / SCAN):
            return None
        return scanfile.load(job.previous / SCAN)
    except (OSError, KeyError, ValueError):
        return None


def _scan(video: Video, detector: Detector, job: VideoJob, progress: Progress) -> Scan:
    settings, info = job.settings, video.info
    claimed = int((info.duration or 0) * info.frame_rate)
    total = claimed if 0 < claimed <= settings.decode.max_frames else None

    extent, batch_size = Extent(settings.decode), settings.run.batch_size

    def show(frames: int) -> None:
        progress("scan", frames, total)

    def tell(frames: int, time: float) -> None:
        extent.check(frames, time)
        show(frames)

    if isinstance(detector, Team):
        with suppress(Indivisible):
            extent.check_claim(info.duration or 0, claimed)
            seen = scan_divided(video, detector, settings.scan, batch_size, show)
            for frames, time in enumerate(seen.time.tolist(), 1):
                extent.check(frames, time)
            return seen
        batch_size *= len(detector)
    return scan(video, detector, settings.scan, batch_size, tell)


@dataclass(slots=True)
class Extent:
    """Gives a video up as soon as it turns out longer than the settings allow."""

    settings: DecodeSettings
    played: float = 0.0
    """Seconds; a gap of days between two frames is not days of video."""
    latest: float | None = None
    """Time of the frame before, seconds."""
    longest: float = field(init=False)
    """Seconds that are allowed."""

    def __post_init__(self) -> None:
        self.longest = parse_duration(self.settings.max_duration)

    def check_claim(self, seconds: float, frames: int) -> None:
        """Raise Indivisible where so much is too long: one pass stops as soon as that is sure."""
        if seconds > self.longest or frames > self.settings.max_frames:
            raise Indivisible

    def check(self, frames: int, time: float) -> None:
        """Take note of the latest frame; raises LimitExceeded."""
        if self.latest is not None:
            self.played += min(time - self.latest, _LONGEST_FRAME)
        self.latest = time
        if frames > self.settings.max_frames:
            raise LimitExceeded(f"more than {self.settings.max_frames:,} frames (--max-frames)")
        if self.played > self.longest:
            allowed = self.settings.max_duration
            raise LimitExceeded(f"it plays for longer than {allowed} (--max-duration)")


def _chosen_frames(
    video: Video, seen: Scan, tell: Tell, wanted: NDArray[np.bool_]
) -> Iterator[Frame]:
    """Yield the frames of the second pass and tell how far it is."""
    for frame in video.frames_at(wanted, seen):
        tell(frame.index, len(seen.pts))
        yield frame


def _rendering(job: VideoJob, seen: Scan, tracks: Tracks, kept: tuple[Look, ...]) -> RenderJob:
    return RenderJob(
        source=job.source.name,
        source_sha256=job.content.sha256,
        weights=job.weights["name"],
        program=__version__,
        scan=seen,
        tracks=tracks,
        looks=kept,
        settings=job.settings.render,
        threshold=job.settings.link.threshold,
        best_only=job.settings.select.keep == "best",
    )


def _manifest(job: VideoJob, seen: Scan, tracks: Tracks, rendered: RenderResult) -> Manifest:
    partial, empty = seen.audit.partial, not len(tracks.track_id)
    counts = Counts(
        frames=len(seen.pts),
        faces=int((tracks.detection >= 0).sum()),
        tracks=len(tracks.ids),
        crops=len(rendered.crops),
        dropped_tracks=tracks.dropped,
    )
    return Manifest(
        name=job.source.name,
        size=job.content.fingerprint.size,
        sha256=job.content.sha256,
        status=Status.PARTIAL if partial else Status.EMPTY if empty else Status.DONE,
        phase="scan" if partial else "",
        reason="; ".join(seen.audit.warnings) if partial else "",
        keys=job.keys,
        settings=job.result_settings,
        weights=job.weights,
        detector=seen.detector,
        program=__version__,
        video=seen.info,
        audit=seen.audit,
        counts=counts,
        health=examine(seen, tracks),
        warnings=(*seen.audit.warnings, *rendered.warnings),
    )


def _failure(job: VideoJob, phase: str, error: VideoError) -> Manifest:
    """Say why there is no result; what was built so far is thrown away."""
    _clear(job.stage)
    return Manifest(
        name=job.source.name,
        size=job.content.fingerprint.size,
        sha256=job.content.sha256,
        status=Status(error.status),
        phase=phase,
        reason=str(error),
        keys=job.keys,
        settings=job.result_settings,
        weights=job.weights,
        program=__version__,
    )


def _clear(stage: Path) -> None:
    for path in stage.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _outputs(stage: Path, tell: Tell) -> dict[str, Output]:
    files = sorted(path for path in stage.rglob("*") if path.is_file())
    outputs = {}
    for count, path in enumerate(files):
        tell(count, len(files))
        outputs[path.relative_to(stage).as_posix()] = _output(path)
    return outputs


def _output(path: Path) -> Output:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return Output(path.stat().st_size, digest.hexdigest())
