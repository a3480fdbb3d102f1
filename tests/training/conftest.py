"""Small labelled pictures and shards, made where they are needed."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.datasets import Labels, Sample

ShardWriter = Callable[[str, list[tuple[str, bytes]]], Path]


def draw_face(image: NDArray[np.uint8], box: tuple[int, int, int, int]) -> None:
    """Draw a pale oval with two eyes and a mouth that fills the box."""
    x1, y1, x2, y2 = box
    centre, half = ((x1 + x2) // 2, (y1 + y2) // 2), ((x2 - x1) // 2, (y2 - y1) // 2)
    cv2.ellipse(image, centre, half, 0, 0, 360, (150, 180, 230), -1)
    for side in (-1, 1):
        eye = (centre[0] + side * half[0] // 2, centre[1] - half[1] // 4)
        cv2.circle(image, eye, max(half[0] // 6, 1), (20, 20, 20), -1)
    mouth = (centre[0], centre[1] + half[1] // 2)
    cv2.ellipse(image, mouth, (half[0] // 2, half[1] // 8 + 1), 0, 0, 360, (60, 60, 160), -1)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Compute in one thread: two of them wait for each other on a busy machine."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def cartoons() -> list[Sample]:
    """Eight 160 x 120 pictures with one to three drawn faces on noise."""
    rng = np.random.default_rng(5)
    samples = []
    for number in range(8):
        image = rng.integers(0, 90, (120, 160, 3), np.uint8)
        boxes = []
        for place in range(1 + number % 3):
            side = int(rng.integers(24, 48))
            x, y = 4 + 52 * place, int(rng.integers(4, 60))
            boxes.append((x, y, x + side, y + side))
            draw_face(image, boxes[-1])
        samples.append(Sample(f"cartoon{number}", image, Labels(np.array(boxes, np.float32))))
    return samples


@pytest.fixture
def write_shard(tmp_path: Path) -> ShardWriter:
    """Write a tar file of given members below tmp_path."""

    def write(name: str, members: list[tuple[str, bytes]]) -> Path:
        path = tmp_path / name
        with tarfile.open(path, "w") as archive:
            for member, data in members:
                info = tarfile.TarInfo(member)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
        return path

    return write


@pytest.fixture
def encode() -> Callable[..., list[tuple[str, bytes]]]:
    """Turn a sample into its two members; keywords replace fields of the label."""

    def members(sample: Sample, **changes: Any) -> list[tuple[str, bytes]]:
        height, width = sample.image.shape[:2]
        label = {
            "width": width,
            "height": height,
            "boxes": sample.labels.boxes.tolist(),
            "ignore": sample.labels.ignore.tolist(),
        } | changes
        _, picture = cv2.imencode(".png", sample.image)
        stem = sample.name
        return [
            (f"{stem}.png", picture.tobytes()),
            (f"{stem}.json", json.dumps(label).encode()),
        ]

    return members
