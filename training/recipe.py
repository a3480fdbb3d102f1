"""What shapes the weights of a run, and the file beside them that says so."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from detectors.faceboxes import FaceBoxesConfig
from detectors.faceboxes.config import Heads, parse_config
from training.augment import AugmentSettings
from training.errors import TrainingError

RECIPE_FILE: Final = "recipe.json"


@dataclass(frozen=True, slots=True)
class FaceBoxesRecipe:
    """Everything that shapes the weights, beside the engine's settings.

    Attributes:
        networks: What is trained, each with other heads; they have the pictures in common, and the
            clipping of the gradient.
        batch_size: Pictures a step, at the size `augment.size`; fewer of larger ones.
        box_weight: Of the box loss against the class loss.
        imitation_weight: Of the maps' unlikeness to those of the teachers.
        prior: Face probability of every anchor at the start.
        full_iou: IoU of a predicted box with its face from which the class target is 1; below, the
            target falls in proportion.
        worth: Size of a face, px, from which it is worth all that its box is; smaller ones are
            worth less, as the square root: of so few pixels nobody can be sure.
        teachers: Files of the detectors that look at every training picture.
        hard: File of the examples to see more often; nothing for none.
        seed: Of the initial weights and of the stream of pictures.
        workers: Processes that make batches.
        device: Where the network learns: `cpu`, `cuda`, `cuda:N`, or `auto`: a GPU where there is
            one. The order of sums differs from device to device, and so do the weights a little.
    """

    networks: tuple[FaceBoxesConfig, ...] = (FaceBoxesConfig(),)
    augment: AugmentSettings = field(default_factory=AugmentSettings)
    batch_size: int = 24
    box_weight: float = 2.0
    imitation_weight: float = 3.0
    prior: float = 0.01
    full_iou: float = 0.75
    worth: float = 24.0
    teachers: tuple[str, ...] = ()
    hard: str = ""
    seed: int = 1
    workers: int = 1
    device: str = "cpu"


def write_recipe(recipe: FaceBoxesRecipe, folder: Path) -> None:
    """Keep what shaped the weights beside them."""
    (folder / RECIPE_FILE).write_text(json.dumps(asdict(recipe), indent=1) + "\n")


def check_recipe(recipe: FaceBoxesRecipe, folder: Path) -> None:
    """Hold a recipe against the one that a run began with; where and how fast it runs is free.

    Raises:
        TrainingError: It differs, or the folder holds no recipe.
    """
    given, begun = json.loads(json.dumps(asdict(recipe))), _read_recipe(folder)
    names = sorted((given.keys() | begun.keys()) - {"workers", "device"})
    differing = [name for name in names if given.get(name) != begun.get(name)]
    if differing:
        raise TrainingError(
            f"{folder} began with other {', '.join(differing)}, see {RECIPE_FILE} in it: go on "
            "with the options that it began with"
        )


def read_networks(folder: Path) -> dict[Heads, FaceBoxesConfig]:
    """Read which networks a run trained, by their heads.

    Raises:
        TrainingError: The folder holds no recipe, or not one of this version.
    """
    networks = [parse_config(options) for options in _read_recipe(folder)["networks"]]
    return {network.heads: network for network in networks}


def _read_recipe(folder: Path) -> dict[str, Any]:
    path = folder / RECIPE_FILE
    try:
        recipe: dict[str, Any] = json.loads(path.read_text())
        recipe["networks"]
    except OSError as error:
        raise TrainingError(f"{folder}: no {RECIPE_FILE} here; give the folder of a run") from error
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(f"{path} is damaged or of another version: train anew") from error
    return recipe
