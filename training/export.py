"""Turn a checkpoint's averaged weights into a file of weights with its manifest entry."""

import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from detectors.boxes import Suppression
from detectors.faceboxes import FaceBoxes, FaceBoxesConfig
from detectors.weights import Entry, save
from training.errors import TrainingError

LICENCE: Final = "MIT for the weights; most pictures that they were learned from state no licence"


def export(
    checkpoint: Path,
    output: Path,
    *,
    threshold: float,
    smallest_face: float,
    suppression: Suppression,
    card: dict[str, Any],
) -> Entry:
    """Write `output` (.safetensors) and its entry in the manifest beside it.

    Raises:
        TrainingError: The checkpoint is missing or is not of this network.
    """
    if not checkpoint.is_file():
        raise TrainingError(f"{checkpoint}: no such checkpoint; train first")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = FaceBoxes(FaceBoxesConfig())
    try:
        network.load_state_dict(state["average"])
    except RuntimeError as error:
        raise TrainingError(f"{checkpoint}: not a checkpoint of FaceBoxes: {error}") from error
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    entry = Entry(
        name=output.stem,
        path=output,
        network="faceboxes",
        config=asdict(network.config),
        suppression=suppression,
        smallest_face=smallest_face,
        threshold=threshold,
        source="trained by python -m training faceboxes",
        licence=LICENCE,
        card={"steps": state["step"], "minutes": round(state["seconds"] / 60, 1)} | card,
    )
    return save(entry, tensors, replacing=True)


def current_commit(folder: Path) -> str:
    """Return the commit of the code in `folder`, or an empty string outside a repository."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip()
