"""What a worker left in staging, checked before anyone relies on it.

A worker reads files that nobody has checked, and one of them may have taken it over: its manifest
is held against the job, against the files beside it, and against the types of its own fields.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import UnionType
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

from pipeline import __version__
from pipeline.errors import VideoError
from pipeline.job import VideoJob
from pipeline.manifest import FILE_NAME, BrokenManifest, Manifest
from pipeline.messages import presentable
from pipeline.sources import open_file

_OWN_FILE: Final = stat.S_IRUSR | stat.S_IWUSR
_OWN_FOLDER: Final = stat.S_IRWXU
_LONGEST: Final = 1 << 28
"""Bytes of a manifest; it names every crop."""
_GIVEN: Final = ("done", "empty", "partial", "failed", "refused", "limit")
"""What a worker may say in a manifest that became of a video."""


def receive(job: VideoJob) -> Manifest:
    """Return the manifest of a job that is said to be done.

    Raises:
        BrokenManifest: It is none to which the job can have led.
    """
    try:
        with open_file(job.stage / FILE_NAME) as file:
            manifest = Manifest.from_json(file.read(_LONGEST))
        files = dict(_files(job.stage))
    except (OSError, VideoError) as error:
        raise BrokenManifest(f"the manifest cannot be read: {error}") from error
    made = manifest.status in _GIVEN and manifest.attempts == 1
    if not made or manifest != replace(manifest, **_given(job)):
        raise BrokenManifest("the manifest is not of this video")
    if files != {path: output.size for path, output in manifest.outputs.items()}:
        raise BrokenManifest("the manifest does not fit the files beside it")
    if not _fits(replace(manifest, name=""), Manifest):  # a name may hold any bytes
        raise BrokenManifest("the manifest holds what none can hold")
    return manifest


def _given(job: VideoJob) -> dict[str, Any]:
    """Return what a manifest must say, whatever the video is."""
    return {
        "name": job.source.name,
        "size": job.content.fingerprint.size,
        "sha256": job.content.sha256,
        "keys": job.keys,
        "settings": json.loads(json.dumps(job.result_settings)),
        "weights": job.weights,
        "program": __version__,
        "duplicate_of": "",
    }


def _files(folder: Path, below: str = "") -> Iterator[tuple[str, int]]:
    """Yield every file of a result but its manifest, with its size; raises BrokenManifest."""
    for path in folder.iterdir():
        entry, name = path.lstat(), f"{below}{path.name}"
        mode = stat.S_IMODE(entry.st_mode)
        if stat.S_ISREG(entry.st_mode) and mode & _OWN_FILE == _OWN_FILE:
            if name != FILE_NAME:
                yield name, entry.st_size
        elif stat.S_ISDIR(entry.st_mode) and mode & _OWN_FOLDER == _OWN_FOLDER and not below:
            yield from _files(path, f"{path.name}/")
        else:
            raise BrokenManifest(f"{name} beside the manifest is nothing of a result")


def _fits(value: Any, wanted: Any) -> bool:
    """Tell whether a value is what a field of that type may hold, and every program can present."""
    inner = get_args(wanted)
    match get_origin(wanted) or wanted:
        case outer if outer in (Union, UnionType):
            return any(_fits(value, one) for one in inner)
        case outer if outer is tuple:
            return type(value) is tuple and all(_fits(one, inner[0]) for one in value)
        case outer if outer is dict:
            return type(value) is dict and all(
                _fits(key, inner[0]) and _fits(one, inner[1]) for key, one in value.items()
            )
        case outer if isinstance(outer, type) and is_dataclass(outer):
            types = _types(outer)
            return type(value) is outer and all(
                _fits(getattr(value, name), kind) for name, kind in types.items()
            )
    return wanted is Any or (type(value) is wanted and presentable(value))


@lru_cache
def _types(record: type[Any]) -> dict[str, Any]:
    """Return the types of a record's fields by name."""
    hints = get_type_hints(record)
    return {field.name: hints[field.name] for field in fields(record)}
