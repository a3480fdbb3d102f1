"""Turn a checkpoint's averaged weights into a file of weights with its manifest entry."""

import subprocess
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch

from detectors.faceboxes import FaceBoxes
from detectors.weights import Entry, save
from training.engine import CHECKPOINT
from training.errors import TrainingError
from training.imitation import without_imitation
from training.recipes.faceboxes import SUPPRESSION, read_network

LICENCE: Final = "MIT for the weights; most pictures that they were learned from state no licence"


def export(
    run: Path,
    output: Path,
    *,
    threshold: float,
    smallest_face: float,
    card: dict[str, Any],
) -> Entry:
    """Write the averaged weights of a run as `output` (.safetensors), with its manifest entry.

    Raises:
        TrainingError: The run has no checkpoint, or one that is not of its network.
    """
    checkpoint = run / CHECKPOINT
    if not checkpoint.is_file():
        raise TrainingError(f"{checkpoint}: no such checkpoint; train first")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = FaceBoxes(read_network(run))
    try:
        network.load_state_dict(without_imitation(state["average"]))
    except RuntimeError as error:
        raise TrainingError(f"{checkpoint}: not a checkpoint of FaceBoxes: {error}") from error
    tensors = {name: value.contiguous() for name, value in network.state_dict().items()}
    entry = Entry(
        name=output.stem,
        path=output,
        network="faceboxes",
        config=asdict(network.config),
        suppression=SUPPRESSION,
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
