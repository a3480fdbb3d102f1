"""Weights to test with: networks with random weights, written as real files are."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch

from detectors.faceboxes import PYTORCH, TENSORFLOW, FaceBoxes, FaceBoxesConfig
from detectors.suppression import Suppression
from detectors.weights import Entry, save

PLAIN = Suppression()
VOTING = Suppression(vote=0.5, support=0.1)


def write_random(
    folder: Path, name: str, config: FaceBoxesConfig = PYTORCH, suppression: Suppression = PLAIN
) -> Path:
    """Write a FaceBoxes with random weights and its manifest entry; return the file."""
    torch.manual_seed(20240607)
    entry = Entry(
        name=name,
        path=folder / f"{name}.safetensors",
        network="faceboxes",
        config=asdict(config),
        suppression=suppression,
        smallest_face=20.0,
        threshold=0.5,
        source="random",
        licence="none",
    )
    return save(entry, FaceBoxes(config).state_dict()).path


@pytest.fixture(scope="session")
def random_weights(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file of weights for each form of each network."""
    folder = tmp_path_factory.mktemp("weights")
    return {
        "pytorch": write_random(folder, "pytorch"),
        "tensorflow": write_random(folder, "tensorflow", TENSORFLOW),
        "voting": write_random(folder, "voting", PYTORCH, VOTING),
    }
