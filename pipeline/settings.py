"""Every setting of a run, once: its default, its unit, and what it does.

The command line, the environment and the settings file are all made from these fields
(:mod:`pipeline.options`). Settings are grouped by the stage that they belong to, so that a change
of one redoes that stage and what comes after it, and nothing before it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from pipeline.errors import SetUpError
from pipeline.machine import count_workers

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def setting(default: Any, help: str, **metadata: Any) -> Any:
    """Declare a setting: ``help`` for people, what else there is for checks."""
    return field(default=default, metadata={"help": help, **metadata})


@dataclass(frozen=True, slots=True)
class DiscoverSettings:
    """Which files are looked at."""

    include: tuple[str, ...] = setting((), "Only paths that match one of these patterns.")
    exclude: tuple[str, ...] = setting((), "No paths that match one of these patterns.")
    follow_symlinks: bool = setting(False, "Follow symbolic links.")
    settle: float = setting(0.0, "Leave files alone that changed in the last SECONDS.", minimum=0)


@dataclass(frozen=True, slots=True)
class DecodeSettings:
    """What is taken from a file, and how much at most."""

    max_megapixels: float = setting(40.0, "Refuse pictures with more megapixels.", minimum=0.01)
    max_streams: int = setting(100, "Refuse files with more streams.", minimum=1)
    max_frames: int = setting(10_000_000, "Give a video up that has more frames.", minimum=1)
    max_duration: str = setting("48h", "Give a video up that plays for longer.", duration=True)


@dataclass(frozen=True, slots=True)
class ScanSettings:
    """How faces are looked for."""

    weights: str = setting("faceboxes", "Detector: a name of weights/manifest.toml, or a file.")
    min_face: float = setting(
        24.0,
        "Size from which faces are to be found, in pixels of the video: sets the detector's size. "
        "Smaller ones may be found as well.",
        minimum=8,
    )
    least_side: int = setting(
        640,
        "The detector sees pictures with a long side of at least this, in pixels; small videos are "
        "enlarged up to twofold.",
        minimum=0,
    )
    precision: str = setting(
        "auto",
        "How exactly the network is computed; auto: as the processor does it best.",
        choices=("auto", "f32", "bf16", "int8"),
    )
    every: str = setting("1", "Look at every Nth frame (5), or once in a while (0.2s).")
    score_floor: float = setting(
        0.2, "Detections below this are not even kept for rescue.", minimum=0.01, maximum=1
    )


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """How detections become tracks."""

    tracker: str = setting(
        "offline", "How boxes are joined: offline, or as they come by sort, bytetrack or ocsort."
    )
    threshold: float = setting(
        0.0, "Score from which a detection counts; 0: as the weights say.", minimum=0, maximum=1
    )
    max_face: float = setting(0.0, "Largest face to keep, in pixels; 0: any.", minimum=0)
    region: str = setting("", "Only faces with their centre in X,Y,W,H, as pixels or percent.")
    min_iou: float = setting(
        0.2, "Overlap from which the others than offline join boxes.", minimum=0, maximum=1
    )
    max_unseen: float = setting(
        2.0, "Longest time out of sight after which a face is still the same track, s.", minimum=0
    )
    max_gap: float = setting(0.5, "Longest gap in a track that is filled, in seconds.", minimum=0)
    smooth: bool = setting(True, "Take the detector's jitter off the boxes.")
    min_track: float = setting(0.2, "Shortest track to keep, in seconds.", minimum=0)
    cut_threshold: float = setting(
        0.35, "Cut score from which a new shot begins.", minimum=0, maximum=1
    )


@dataclass(frozen=True, slots=True)
class SelectSettings:
    """Which looks at a face are kept."""

    keep: str = setting(
        "top:5", "Looks to keep of each track: best, top:K, every:N, every:1s or all."
    )
    min_crop: float = setting(20.0, "Smaller faces are poor, in pixels.", minimum=1)
    min_sharpness: float = setting(0.1, "Less sharp faces are poor.", minimum=0, maximum=1)
    min_spacing: float = setting(0.3, "Looks closer in time are near-identical, s.", minimum=0)


@dataclass(frozen=True, slots=True)
class RenderSettings:
    """What is written."""

    video: str = setting(
        "both",
        "Which videos to make.",
        choices=("none", "annotated", "clips", "both"),
    )
    margin: float = setting(
        0.3, "Room around the face, as a part of its size, on each side.", minimum=0, maximum=4
    )
    shape: str = setting(
        "square",
        "Shape of the crops: square, or free as the face's box.",
        choices=("square", "free"),
    )
    format: str = setting("jpg", "Format of the crops.", choices=("jpg", "png", "webp"))
    quality: int = setting(95, "Quality of jpg and webp crops.", minimum=1, maximum=100)
    clip_margin: float = setting(
        0.75,
        "Room around the face in its track's clip, as a part of its size; 100: the whole picture.",
        minimum=0,
        maximum=100,
    )
    clip_size: int = setting(720, "Largest height of a track's clip, in pixels.", minimum=16)
    audio: bool = setting(True, "Keep the sound.")
    redact: str = setting(
        "none",
        "Hide all faces in the annotated video, and write no crops and no clips; solid is safer: a "
        "blur can be undone.",
        choices=("none", "solid", "blur"),
    )
    encoder: str = setting(
        "x264",
        "What encodes videos: x264, or the graphics card of NVIDIA (nvenc), Intel (qsv) or AMD "
        "(amf), whose bytes differ from machine to machine.",
        choices=("x264", "nvenc", "qsv", "amf"),
    )
    preset: str = setting(
        "veryfast",
        "x264's preset.",
        choices=("ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow"),
    )
    crf: int = setting(
        23,
        "Quality of the videos, as x264 counts it: lower is better and larger.",
        minimum=0,
        maximum=51,
    )


@dataclass(frozen=True, slots=True)
class RunSettings:
    """How a batch is run. Nothing here changes a result."""

    device: str = setting("auto", "Where the detector runs: auto, cpu, cuda or cuda:N.")
    jobs: str | int = setting(
        "auto",
        "Videos worked on side by side, or auto: one for each processor, as memory allows. Where "
        "fewer need work, several detectors look at one.",
        workers=True,
    )
    batch_size: int = setting(4, "Pictures the detector sees at once.", minimum=1, maximum=256)
    force: bool = setting(False, "Do everything again, also what is done.")
    retry_failed: bool = setting(False, "Try again what failed before.")
    fail_fast: bool = setting(False, "Stop at the first video that fails.")
    limit: int = setting(0, "Work on at most this many videos; 0: all.", minimum=0)
    stall_timeout: float = setting(
        300.0, "Give a video up that shows no progress for this long, in seconds.", minimum=1
    )
    max_wall: str = setting("48h", "Give a video up that takes longer; 0: never.", duration=True)
    time_budget: str = setting(
        "0", "Begin no more videos after this time, as in 90s, 15m, 6h; 0: no end.", duration=True
    )
    min_free: float = setting(
        1.0, "Begin no video while the output's disk has less room left, in GB.", minimum=0
    )
    worker_memory: float = setting(
        12.0, "Memory for a video beside the detector's, in GB; 0: any.", minimum=0
    )
    max_output: float = setting(100.0, "Largest file to write, in GB; 0: any.", minimum=0)
    sandbox: bool = setting(True, "Let what reads videos reach no network and no other file.")


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings of a run."""

    discover: DiscoverSettings = DiscoverSettings()
    decode: DecodeSettings = DecodeSettings()
    scan: ScanSettings = ScanSettings()
    link: LinkSettings = LinkSettings()
    select: SelectSettings = SelectSettings()
    render: RenderSettings = RenderSettings()
    run: RunSettings = RunSettings()


TICK: Final = 1e-6
"""Seconds by which times may be off when they are compared with settings."""


def check_settings(settings: Settings) -> None:
    """Check every value against its declaration; raises :class:`SetUpError`."""
    for group in fields(settings):
        values = getattr(settings, group.name)
        for field_ in fields(values):
            problem = _problem(getattr(values, field_.name), field_.metadata)
            if problem:
                raise SetUpError(f"{group.name}.{field_.name} {problem}")


def parse_duration(text: str) -> float:
    """Return the seconds that ``90s``, ``15m``, ``6h`` or ``2d`` mean; ``0`` needs no unit.

    Raises:
        ValueError: It is no such duration.
    """
    number, unit = (text, "s") if text == "0" else (text[:-1], text[-1:])
    if unit not in _UNITS or not number.isascii() or not number.replace(".", "", 1).isdigit():
        raise ValueError("write it as 90s, 15m, 6h or 2d")
    return float(number) * _UNITS[unit]


def _problem(value: Any, declared: Mapping[str, Any]) -> str:
    if declared.get("duration"):
        try:
            parse_duration(value)
        except ValueError as error:
            return f"is {value!r}: {error}"
    if declared.get("workers"):
        try:
            count_workers(value)
        except ValueError as error:
            return f"is {value!r}: {error}"
    choices, low, high = (declared.get(name) for name in ("choices", "minimum", "maximum"))
    if choices is not None and value not in choices:
        return f"is {value!r}: choose among {', '.join(choices)}"
    if isinstance(value, float) and not math.isfinite(value):
        return f"is {value}: it must be a number"
    if low is not None and value < low:
        return f"is {value}: it must be at least {low}"
    if high is not None and value > high:
        return f"is {value}: it must be at most {high}"
    return ""
