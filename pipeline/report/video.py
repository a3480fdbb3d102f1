"""The page of one video: the source, the annotated video, a timeline and a card for each track."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from pipeline.layout import ANNOTATED, BOXES, CLIP, INDEX_PAGE, MOT, TRACKS, track_folder
from pipeline.manifest import FILE_NAME, Manifest
from pipeline.names import printable
from pipeline.render.draw import colour
from pipeline.report.page import (
    clock,
    file_size,
    name_parts,
    number,
    picture_size,
    plural,
    render,
)
from pipeline.report.timeline import timeline
from pipeline.tables import CropFiles, TrackSummary, rows_by_track, summarise
from pipeline.types import QUALITY_TERMS, Scan, Selection, Tracks

_LOOKS_A_TRACK = 12
"""Crops shown beside the best one."""
_TIMELINE_SCALE, _TIMELINE_LIMIT = 2, 20_000
"""Pixels a second, and in all, to which the timeline of a long video is widened."""


def write_video_page(
    folder: Path,
    video: Manifest,
    scan: Scan,
    tracks: Tracks,
    selection: Selection,
    crop_files: CropFiles,
    place: str = "",
) -> None:
    """Write the page of one video into ``folder``, beside everything that it shows.

    It links the annotated video, the clips and the tables that are there already. ``place`` is
    where the folder will be below the output folder: without it, as the source's name says.
    """
    line = timeline(scan, tracks)
    folders, file = name_parts(video.name)
    warnings = dict.fromkeys((*video.warnings, *(video.audit.warnings if video.audit else ())))
    page = render(
        "video.html",
        home="../" * len((place or video.name).split("/")) + INDEX_PAGE,
        folders=folders,
        file=file,
        status=video.status.value,
        phase=video.phase,
        reason=printable(video.reason),
        warnings=[printable(warning) for warning in warnings],
        facts=[*_source_facts(video), *_found_facts(video)],
        annotated=ANNOTATED if (folder / ANNOTATED).exists() else None,
        tables=[*(name for name in (TRACKS, BOXES, MOT) if (folder / name).exists()), FILE_NAME],
        line=line,
        timeline_width=min(_TIMELINE_LIMIT, round(line.seconds * _TIMELINE_SCALE)),
        redacted=video.settings.get("render", {}).get("redact", "none") != "none",
        cards=list(_Cards(folder, scan, tracks, selection, crop_files)),
    )
    (folder / INDEX_PAGE).write_bytes(page)


def _fact(label: str, value: str, full: str = "") -> dict[str, str]:
    return {"label": label, "value": value, "full": full}


def _source_facts(video: Manifest) -> Iterator[dict[str, str]]:
    info = video.video
    if info:
        turned = f", turned {info.rotation}°" if info.rotation else ""
        mirrored = ", mirrored" if info.mirrored else ""
        light = {"pq": ", HDR10", "hlg": ", HLG"}.get(info.transfer, "")
        yield _fact("Picture", f"{picture_size(info.width, info.height)}{turned}{mirrored}{light}")
        if info.duration:
            yield _fact("Length", clock(info.duration))
        yield _fact("Frame rate", f"{float(info.frame_rate):.5g} a second", str(info.frame_rate))
        container = printable(info.container)
        yield _fact("Format", f"{printable(info.codec)} in {container.split(',')[0]}", container)
        yield _fact("Sound", "yes" if info.has_audio else "no")
    yield _fact("File", file_size(video.size), f"{video.size} bytes")
    yield _fact("SHA-256", f"{video.sha256[:12]}…", video.sha256)


def _found_facts(video: Manifest) -> Iterator[dict[str, str]]:
    counts, audit = video.counts, video.audit
    yield _fact("Frames", number(counts.frames))
    if audit and audit.partial:
        expected = "unknown" if audit.expected is None else number(audit.expected)
        yield _fact("Frames expected", expected)
        yield _fact("Not decodable", number(audit.failed))
    yield _fact("Faces seen", number(counts.faces))
    yield _fact("Tracks", number(counts.tracks))
    if counts.dropped_tracks:
        yield _fact("Too short to keep", plural(counts.dropped_tracks, "track"))
    yield _fact("Crops", number(counts.crops))
    if video.health and counts.tracks:
        unseen = f"{video.health.gaps:.0%} of their time"
        yield _fact("Tracks unseen", unseen, video.health.describe())


@dataclass(frozen=True, slots=True, eq=False)
class _Cards:
    """Makes what the card of each track shows."""

    folder: Path
    scan: Scan
    tracks: Tracks
    selection: Selection
    crop_files: CropFiles

    def __iter__(self) -> Iterator[dict[str, Any]]:
        summaries = summarise(self.scan, self.tracks, self.selection, self.crop_files)
        rows = rows_by_track(self.tracks)
        for summary, (track_id, own) in zip(summaries, rows, strict=True):
            looks = self._looks(own)
            home = track_folder(track_id, summaries[-1].track_id)
            clip = f"{home}/{CLIP}"
            yield {
                **_numbers(summary),
                "best": quote(summary.best_crop),
                "terms": self._terms(own),
                "looks": looks[:_LOOKS_A_TRACK],
                "more_looks": len(looks[_LOOKS_A_TRACK:]),
                "folder": f"{home}/",
                "clip": clip if (self.folder / clip).exists() else None,
            }

    def _looks(self, rows: slice) -> list[dict[str, Any]]:
        """Return the crops of a track beside the best one, best first."""
        kept = rows.start + np.flatnonzero(self.selection.rank[rows] > 1)
        looks = []
        for row in kept[np.argsort(self.selection.rank[kept])]:
            crop = self.crop_files.get(
                (int(self.tracks.track_id[row]), int(self.selection.rank[row]))
            )
            if crop:
                at = float(self.scan.time[self.tracks.frame[row]] - self.scan.time[0])
                quality = float(self.selection.quality[row])
                looks.append({"src": quote(crop), "at": at, "quality": quality})
        return looks

    def _terms(self, rows: slice) -> list[dict[str, Any]]:
        """Return the quality of a track's best look, term by term."""
        best = rows.start + int(np.flatnonzero(self.selection.rank[rows] == 1)[0])
        terms = zip(QUALITY_TERMS, self.selection.terms[best], strict=True)
        return [{"name": name, "value": float(value)} for name, value in terms]


def _numbers(track: TrackSummary) -> dict[str, Any]:
    rescued = f", {number(track.rescued_frames)} rescued" if track.rescued_frames else ""
    filled = f", {number(track.interpolated_frames)} filled in" if track.interpolated_frames else ""
    seconds = track.last_from_start_s - track.first_from_start_s
    return {
        "id": track.track_id,
        "colour": "#" + bytes(colour(track.track_id)[::-1]).hex(),
        "first": track.first_from_start_s,
        # Rounded down, the player would show the frame before.
        "seek": track.first_from_start_s + 0.001,
        "last": track.last_from_start_s,
        "seconds": seconds,
        "facts": [
            f"{seconds:.1f} s on screen",
            f"{track.min_width_px:.0f} to {track.max_width_px:.0f} px wide",
            f"{plural(track.frames, 'frame')}{rescued}{filled}",
        ],
        "quality": track.best_quality,
        "poor": track.best_reason.replace("_", " "),
        "best_at": track.best_from_start_s,
    }
