"""What the files of a result are called, below its folder. Crops sort in time and by rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.types import Look

INDEX_PAGE = "index.html"
TRACKS, BOXES, MOT = "tracks.csv", "boxes.parquet", "mot.txt"
SCAN = "scan.npz"
ANNOTATED = "annotated.mp4"
CLIP = "clip.mp4"


def track_folder(track_id: int, highest_id: int) -> str:
    """Return a track's folder; ids are as wide as the video's highest one, four digits at least."""
    return f"track_{track_id:0{max(4, len(str(highest_id)))}d}"


def best_name(extension: str) -> str:
    """Return the name of a track's best crop."""
    return f"best.{extension}"


def crop_name(look: Look, seconds: float, frames: int, extension: str) -> str:
    """Return a crop's name: frame, time, rank.

    Args:
        look: The look that the crop shows.
        seconds: Time from the video's first frame.
        frames: How many frames the video has.
        extension: Without a dot.
    """
    digits = max(6, len(str(max(0, frames - 1))))
    minutes, milliseconds = divmod(round(seconds * 1000), 60_000)
    clock = f"{minutes:02d}m{milliseconds // 1000:02d}.{milliseconds % 1000:03d}s"
    return f"{look.frame:0{digits}d}_{clock}_{look.rank}.{extension}"
