"""Read WebDataset shards: tar files with NAME.webp (or .jpg, .png) beside NAME.json.

Reference:
    https://github.com/webdataset/webdataset (the layout; read here with the standard library).
"""

import json
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import cv2
import numpy as np

from training.datasets import Image, Labels, Sample
from training.datasets.boxes import parse_boxes
from training.errors import LabelError, TrainingError

IMAGE_SUFFIXES = {".webp", ".jpg", ".jpeg", ".png"}


def find_shards(folder: Path, pattern: str) -> list[Path]:
    """Return the shards of `folder` that match `pattern`, sorted by name.

    Raises:
        TrainingError: There is none.
    """
    shards = sorted(folder.glob(pattern))
    if not shards:
        raise TrainingError(f"{folder}: no {pattern} here; give the folder that holds the shards")
    return shards


def read_shards(shards: Iterable[Path]) -> Iterator[Sample]:
    """Yield every sample of every shard, in stored order."""
    for shard in shards:
        yield from read_shard(shard)


def read_shard(shard: Path) -> Iterator[Sample]:
    """Yield the samples of one tar file.

    Raises:
        LabelError: A member without its partner, a picture that cannot be decoded, or a bad label.
    """
    waiting: dict[str, dict[str, bytes]] = {}
    with tarfile.open(shard) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None:
                continue
            path = PurePosixPath(member.name)
            name = str(path.with_suffix(""))
            kind = "image" if path.suffix in IMAGE_SUFFIXES else path.suffix
            parts = waiting.setdefault(name, {})
            parts[kind] = stream.read()
            if {"image", ".json"} <= parts.keys():
                del waiting[name]
                yield parse_sample(shard, name, parts["image"], parts[".json"])
    for name, parts in waiting.items():
        missing = "label (.json)" if "image" in parts else "picture"
        raise LabelError(shard, f"sample {name!r}", f"has no {missing}")


def parse_sample(shard: Path, name: str, picture: bytes, label: bytes) -> Sample:
    """Decode one picture and check its label against it."""
    image = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise LabelError(shard, f"sample {name!r}", "the picture cannot be decoded")
    try:
        labels = parse_labels(json.loads(label), image.astype(np.uint8, copy=False))
    except (ValueError, KeyError, TypeError) as error:
        raise LabelError(shard, f"sample {name!r}", f"bad label: {error}") from error
    return Sample(name, image.astype(np.uint8, copy=False), labels)


def parse_labels(record: dict[str, Any], image: Image) -> Labels:
    """Turn the JSON record of one picture into labels.

    Raises:
        KeyError: A field is missing.
        ValueError: A box is no box, or lies outside the picture.
    """
    height, width = image.shape[:2]
    if (record["width"], record["height"]) != (width, height):
        stated = f"{record['width']}x{record['height']}"
        raise ValueError(f"says {stated}, the picture is {width}x{height}")
    boxes = parse_boxes(record["boxes"], width, height)
    return Labels(boxes, parse_boxes(record.get("ignore", []), width, height))
