"""Turn a checkpoint's averaged weights into a file of weights with its manifest entry."""

import subprocess
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

from detectors.faceboxes import FaceBoxes, FaceBoxesConfig
from detectors.faceboxes.config import Heads
from detectors.weights import Entry, save
from training.engine import CHECKPOINT
from training.errors import TrainingError
from training.imitation import without_imitation
from training.recipe import read_networks
from training.recipes.faceboxes import SUPPRESSION

LICENCE: Final = "MIT for the weights; most pictures that they were learned from state no licence"


def export(
    run: Path,
    output: Path,
    *,
    heads: Heads | None = None,
    threshold: float,
    smallest_face: float,
    card: dict[str, Any],
) -> Entry:
    """Write the averaged weights of a run as `output` (.safetensors), with its manifest entry.

    Args:
        run: The folder.
        output: The file to write.
        heads: Of the network to write; None: of the only one.
        threshold: The score from which a box counts.
        smallest_face: That is still seen, px.
        card: What else the manifest is to say.

    Raises:
        TrainingError: The run has no checkpoint, one that is not of its networks, no network with
            such heads, or several and none is named.
    """
    checkpoint = run / CHECKPOINT
    if not checkpoint.is_file():
        raise TrainingError(f"{checkpoint}: no such checkpoint; train first")
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = FaceBoxes(_choose(read_networks(run), heads, run))
    prefix = f"{network.config.heads}."
    average = {
        name.removeprefix(prefix): value
        for name, value in state["average"].items()
        if name.startswith(prefix)
    }
    try:
        network.load_state_dict(without_imitation(average))
    except RuntimeError as error:
        raise TrainingError(f"{checkpoint}: not a checkpoint of FaceBoxes: {error}") from error
    tensors = {name: _narrow(value.contiguous()) for name, value in network.state_dict().items()}
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


def _narrow(values: Tensor) -> Tensor:
    """Keep the weights of convolutions in 16 bits: half the file, and the same faces."""
    return values.half() if values.ndim > 1 else values


def _choose(
    networks: Mapping[Heads, FaceBoxesConfig], heads: Heads | None, run: Path
) -> FaceBoxesConfig:
    there = ", ".join(networks)
    if heads is None:
        if len(networks) > 1:
            raise TrainingError(f"{run} trained several networks: choose --heads out of {there}")
        (heads,) = networks
    if heads not in networks:
        raise TrainingError(f"{run} trained no network with --heads {heads}: there is {there}")
    return networks[heads]


def current_commit(folder: Path) -> str:
    """Return the commit of the code in `folder`, or an empty string outside a repository."""
    command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.stdout.strip()
