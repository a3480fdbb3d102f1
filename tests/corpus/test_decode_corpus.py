"""Every file of the corpus is decoded, or refused with the right reason.

``EXPECT.tsv`` says how many frames of which size a file has, ``-`` where it must be refused and
``?`` where the choice is ours. Our choices stand here.
"""

import csv
import os
from fnmatch import fnmatch
from pathlib import Path

import numpy as np
import pytest

from pipeline.decode import open_video
from pipeline.discover import discover
from pipeline.errors import LimitExceeded, NotAVideo, Refused, Unreadable, VideoError
from pipeline.settings import DecodeSettings, DiscoverSettings
from pipeline.types import Image

pytestmark = [pytest.mark.shared, pytest.mark.slow]

ERRORS: list[tuple[str, type[VideoError]]] = [
    ("hls_*", Refused),
    ("concat_*", Refused),
    ("*sdp*", Refused),
    ("dash_*", Refused),
    ("bomb_tracks_*", LimitExceeded),
    ("bomb_gif_16000.gif", LimitExceeded),
    ("bomb_png_16000.mkv", LimitExceeded),
    ("streams300.mkv", LimitExceeded),
    ("bomb_gif_65535.gif", Unreadable),
    ("bomb_samples_*", Unreadable),
    ("deep_atoms.mp4", Unreadable),
    ("cenc.mp4", Unreadable),
    ("unknown_codec.mp4", Unreadable),
    ("trunc_nomoov.mp4", Unreadable),
    ("*", NotAVideo),
]
"""The first pattern that fits says how a file is refused that must be."""

CHOSEN_FRAMES = {
    "twovideo.mkv": range(50, 51),  # the larger and longer stream
    "editlist.mp4": range(37, 38),  # what the edit list shows
    "dref_external.mp4": range(50, 51),  # the reference names nothing: the file's own data
    # cut at 60 %: how many frames that is depends on the encoder
    "trunc_mdat.mp4": range(20, 31),
    "trunc_ok_mkv.mkv": range(20, 31),
    "trunc_ok_ts.ts": range(20, 31),
    "trunc_ok_avi.avi": range(20, 31),
    "trunc_ok_webm.webm": range(20, 31),
}

PARTIAL = {"trunc_mdat.mp4", *(f"trunc_ok_{form}.{form}" for form in ("mkv", "ts", "avi", "webm"))}

CHOSEN_SIZES = {
    "twovideo.mkv": "160x120",
    # oblong pixels, which EXPECT.tsv gives as they are stored and we make square
    "sar2.mp4": "320x120",
    "size3x5.mkv": "5x5",
    "size17x13.mp4": "17x17",
    "size17x13_420.avi": "17x17",
}

RED_CORNERS = {
    "rot90.mp4": (1, 0),
    "rot180.mp4": (1, 1),
    "rot270.mp4": (0, 1),
    "mirror_h.mp4": (0, 1),
    "mirror_v.mp4": (1, 0),
    "transpose.mp4": (0, 0),
}
"""Lower and right, where the red corner must stand: as the ffmpeg command shows it."""


def rows(corpus: Path) -> list[list[str]]:
    with (corpus / "EXPECT.tsv").open(newline="") as file:
        return list(csv.reader(file, delimiter="\t"))


def test_every_row_is_as_expected(corpus: Path) -> None:
    problems = {
        name: problem
        for name, frames, size, _ in rows(corpus)
        if (problem := problem_of(corpus / name, frames, size))
    }
    assert problems == {}


def problem_of(path: Path, frames: str, size: str) -> str:
    """Return what is wrong with how a file is decoded, in words."""
    expected = next(error for pattern, error in ERRORS if fnmatch(path.name, pattern))
    refused = frames == "-" or (frames == "?" and expected is not NotAVideo)
    try:
        times, shown, partial = decode(path)
    except VideoError as error:
        return "" if refused and type(error) is expected else repr(error)
    if refused:
        return f"not refused: {len(times)} frames"
    allowed = CHOSEN_FRAMES.get(path.name) or range(int(frames), int(frames) + 1)
    wanted = CHOSEN_SIZES.get(path.name, size)
    problems = [
        f"{len(times)} frames" if len(times) not in allowed else "",
        f"size {shown}" if wanted not in ("-", shown) else "",
        f"partial: {partial}" if partial != (path.name in PARTIAL) else "",
        "" if all(np.diff(times) > 0) else "times do not advance",
    ]
    return ", ".join(filter(None, problems))


def decode(path: Path) -> tuple[list[float], str, bool]:
    """Return the times, the size of the first picture, and whether something is missing."""
    with open_video(path, DecodeSettings()) as video:
        times = []
        for frame in video.frames():
            times.append(frame.time)
            if frame.index < 3:
                assert frame.picture.bgr().shape == (*frame.picture.luma().shape, 3)
        return times, f"{video.info.width}x{video.info.height}", video.audit.partial


@pytest.mark.parametrize(("name", "corner"), RED_CORNERS.items())
def test_the_red_corner_is_where_it_belongs(
    corpus: Path, name: str, corner: tuple[int, int]
) -> None:
    with open_video(corpus / name, DecodeSettings()) as video:
        picture = next(iter(video.frames())).picture.bgr()
    quarters = [
        (below, right)
        for below in (0, 1)
        for right in (0, 1)
        if is_red(quarter(picture, below, right))
    ]
    assert quarters == [corner]


def quarter(picture: Image, below: int, right: int) -> Image:
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    return picture[below * height :, right * width :][:height, :width]


def is_red(picture: Image) -> bool:
    blue, green, red = picture.reshape(-1, 3).mean(axis=0)
    return bool(red > 200 and blue < 60 and green < 60)


def test_flipped_bits_end_in_frames_or_a_reason(corpus: Path) -> None:
    files = sorted((corpus / "flips").iterdir())
    assert len(files) == 168
    with_frames = 0
    for path in files:
        try:
            times, _, _ = decode(path)
        except VideoError:
            continue
        with_frames += 1
        assert all(np.diff(times) > 0), path
    assert with_frames > 120


def test_any_name_is_found_and_opened(corpus: Path) -> None:
    sources = discover([corpus / "fs"], Path("/nowhere"), DiscoverSettings())
    assert len(sources) > 40
    for source in sources:
        if os.access(source.path, os.R_OK):
            assert len(decode(source.path)[0]) == 50, source.name


def test_links_pipes_and_devices_are_refused_when_named(corpus: Path) -> None:
    names = ["link_passwd", "link_ok", "selfloop", "dev_zero", "fifo", "sock", "dir"]
    for name in names:
        with pytest.raises(Refused):
            open_video(corpus / "fs" / f"{name}.mp4", DecodeSettings())
