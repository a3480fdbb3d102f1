"""Read WebDataset shards: tar files with NAME.webp (or .jpg, .png) beside NAME.json.

Reference:
    https://github.com/webdataset/webdataset (the layout; read here with the standard library).
"""

import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import cv2
import numpy as np

from training.datasets import Image, Labels, Sample, Scores
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
    for pair in read_pairs(shard):
        yield parse_sample(shard, pair)


class Pair(NamedTuple):
    """A picture and its label as they are stored, and the names of both but for the suffix."""

    name: str
    suffix: str  # of the picture
    picture: bytes
    label: bytes


def read_pairs(shard: Path) -> Iterator[Pair]:
    """Yield what belongs together in one tar file, undecoded.

    Raises:
        LabelError: A member has no partner.
    """
    waiting: dict[str, dict[str, bytes]] = {}
    with tarfile.open(shard) as archive:
        for member in archive:
            stream = archive.extractfile(member)
            if stream is None:
                continue
            path = PurePosixPath(member.name)
            name = str(path.with_suffix(""))
            parts = waiting.setdefault(name, {})
            parts[path.suffix] = stream.read()
            pictures = IMAGE_SUFFIXES & parts.keys()
            if pictures and ".json" in parts:
                del waiting[name]
                (suffix,) = pictures
                yield Pair(name, suffix, parts[suffix], parts[".json"])
    for name, parts in waiting.items():
        missing = "label (.json)" if IMAGE_SUFFIXES & parts.keys() else "picture"
        raise LabelError(shard, f"sample {name!r}", f"has no {missing}")


def parse_sample(shard: Path, pair: Pair) -> Sample:
    """Decode one picture and check its label against it.

    Raises:
        LabelError: The picture cannot be decoded, or the label is bad.
    """
    image = cv2.imdecode(np.frombuffer(pair.picture, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        raise LabelError(shard, f"sample {pair.name!r}", "the picture cannot be decoded")
    try:
        labels = parse_labels(json.loads(pair.label), image.astype(np.uint8, copy=False))
    except (ValueError, KeyError, TypeError) as error:
        raise LabelError(shard, f"sample {pair.name!r}", f"bad label: {error}") from error
    return Sample(pair.name, image.astype(np.uint8, copy=False), labels)


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
    ignore = parse_boxes(record.get("ignore", []), width, height)
    return Labels(boxes, ignore, parse_scores(record.get("scores", [1.0] * len(boxes))))


def parse_scores(values: Sequence[float]) -> Scores:
    """Return how likely each box is a face (N,).

    Raises:
        ValueError: One is no probability above 0.
    """
    scores = np.array(values, np.float32)
    if not ((scores > 0) & (scores <= 1)).all():
        raise ValueError(f"scores must lie above 0 and not above 1: {values}")
    return scores
