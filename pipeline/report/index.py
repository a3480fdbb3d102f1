"""The pages over all videos: ``index.html``, and ``pages/2.html`` on where there are many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline.catalog import BestCrop, Catalog, VideoRow
from pipeline.facts import Status
from pipeline.layout import INDEX_PAGE
from pipeline.names import decoded
from pipeline.publish import output_errors, write_whole
from pipeline.report.page import clock, name_parts, number, picture_size, plural, render

_MORE = "pages"
"""Folder of the second page and what follows it."""
_VIDEOS_A_PAGE = 500
_FACES_A_VIDEO = 8
_PROBLEMS = "Needs attention"


def write_index_page(output: Path, catalog: Catalog) -> bool:
    """Write the pages over all videos where they differ from what is there; tell whether any did.

    Raises:
        OutputError: If ``output`` cannot be written to.
    """
    pages = {output / path: page for path, page in _pages(catalog)}
    with output_errors(output):
        changed = {path: page for path, page in pages.items() if _bytes_of(path) != page}
        for path, page in changed.items():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            write_whole(path, page)
        numbered = (output / _MORE).glob("*.html")
        left_over = [path for path in numbered if path.is_file() and path not in pages]
        for path in left_over:
            path.unlink()
    return bool(changed or left_over)


def _bytes_of(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _pages(catalog: Catalog) -> Iterator[tuple[str, bytes]]:
    """Make every page; gives each with its path below the output folder."""
    videos = catalog.videos()
    starts = range(0, max(1, len(videos)), _VIDEOS_A_PAGE)
    parts = [videos[start : start + _VIDEOS_A_PAGE] for start in starts]
    sizes = Counter(_section(video) for video in videos)
    by_name = {video.name: video for video in videos}
    for page, part in enumerate(parts, 1):
        root = "" if page == 1 else "../"
        yield (
            _path(page),
            render(
                "index.html",
                root=root,
                page=page,
                pager=_pager(parts, root) if len(parts) > 1 else [],
                tiles=_tiles(videos, sizes[_PROBLEMS]),
                sections=[
                    {
                        "title": title,
                        "count": sizes[title],
                        "rows": [_row(catalog, by_name, video, root) for video in some],
                    }
                    for title, some in groupby(part, _section)
                ],
            ),
        )


def _path(page: int) -> str:
    return INDEX_PAGE if page == 1 else f"{_MORE}/{page}.html"


def _pager(parts: list[list[VideoRow]], root: str) -> list[dict[str, Any]]:
    return [
        {"page": page, "href": root + _path(page), "first": _shown(part[0].name)}
        for page, part in enumerate(parts, 1)
    ]


def _section(video: VideoRow) -> str:
    return "Videos" if Status(video.status).ok else _PROBLEMS


def _tiles(videos: list[VideoRow], problems: int) -> list[dict[str, str]]:
    # By what was seen: a file may claim days, or leave out days between two frames.
    seconds = sum(video.frames / video.frame_rate for video in videos if video.frame_rate)
    tiles = [
        (number(len(videos)), "video" if len(videos) == 1 else "videos"),
        (clock(seconds, 0), "of footage"),
        (number(sum(video.frames for video in videos)), "frames"),
        (number(sum(video.tracks for video in videos)), "face tracks"),
        (number(sum(video.crops for video in videos)), "crops"),
        (number(problems), "need attention"),
    ]
    return [{"value": value, "label": label} for value, label in tiles]


def _row(
    catalog: Catalog, by_name: Mapping[str, VideoRow], video: VideoRow, root: str
) -> dict[str, Any]:
    """Return one line of the list. A duplicate shows the faces of its original."""
    shown = by_name.get(video.duplicate_of, video)
    page = shown.page and root + quote(f"{shown.folder}/{shown.page}")
    faces = catalog.best_crops(shown.folder, _FACES_A_VIDEO)
    folders, file = name_parts(decoded(video.name))
    same = f"same content as {_shown(video.duplicate_of)}" if video.duplicate_of else ""
    return {
        "folders": folders,
        "file": file,
        "status": video.status,
        "phase": video.phase,
        "reason": video.reason or same,
        "notes": video.warnings.splitlines(),
        "present": video.present,
        "href": page,
        "tracks": shown.tracks,
        "facts": _facts(video),
        "faces": [_face(face, shown.folder, root, page) for face in faces],
        "more_tracks": max(0, shown.tracks - len(faces)) if page else 0,
    }


def _facts(video: VideoRow) -> list[str]:
    facts = []
    if video.width and video.height:
        facts.append(picture_size(video.width, video.height))
    if video.duration_s:
        facts.append(clock(video.duration_s, 0))
    if video.tracks:
        facts += [plural(video.tracks, "track"), plural(video.crops, "crop")]
    elif video.frames:
        facts.append("no faces")
    return facts


def _face(face: BestCrop, folder: str, root: str, page: str | None) -> dict[str, Any]:
    src = root + quote(f"{folder}/{face.crop}")
    return {
        "src": src,
        "href": f"{page}#track-{face.track_id}" if page else src,
        "track_id": face.track_id,
        "seconds": face.from_start_s,
    }


def _shown(name: str) -> str:
    return "".join(name_parts(decoded(name)))
