"""Train FaceBoxes, the paper's own form or the one with finer heads.

What differs from the paper's training: faces get the anchors that predict them best, the classes
are learned by a focal loss whose target is the quality of the box, boxes by their distance IoU,
with AdamW over a cosine.

Reference:
    Zhang et al., FaceBoxes, 2017, arXiv:1708.05234; for the rest see matching.py and losses.py.
"""

import json
import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from detectors.backends import Execution
from detectors.backends.torch import TorchNetwork, find_device
from detectors.faceboxes import FaceBoxes, FaceBoxesConfig, anchors, decode
from detectors.faceboxes.config import parse_config
from detectors.faceboxes.detector import FaceBoxesDetector
from detectors.suppression import Suppression
from detectors.weights import Entry
from training.augment import AugmentSettings
from training.datasets import Sample, Samples
from training.errors import TrainingError
from training.imitation import Pupil
from training.losses import distance_iou, quality_focal
from training.matching import BACKGROUND, assign, covered
from training.metrics.average_precision import Judged, average_precision, judge
from training.mining import HardExamples, HardSources
from training.stream import AugmentedBatches, Batch, load
from training.teach import Teacher
from training.teachers import CHANNELS, name_of

logger = logging.getLogger(__name__)

FULL_STEPS: Final = 30_000  # what the shipped weights had, about
RECIPE_FILE: Final = "recipe.json"
SUPPRESSION: Final = Suppression(iou=0.4, vote=0.6, support=0.05)
"""Best on pictures and clips that were kept aside: voting for the boxes, support for the scores."""
LOWEST_SCORE: Final = 0.02  # below it, a curve of precision and recall gains nothing


@dataclass(frozen=True, slots=True)
class FaceBoxesRecipe:
    """Everything that shapes the weights, beside the engine's settings.

    Attributes:
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

    network: FaceBoxesConfig = field(default_factory=FaceBoxesConfig)
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


class FaceBoxesTask:
    """The engine's view of the recipe: a model, batches, losses."""

    def __init__(
        self, recipe: FaceBoxesRecipe, samples: Samples, validation: Sequence[Sample] = ()
    ) -> None:
        self.recipe, self._validation = recipe, validation
        self._device = find_device(recipe.device)
        torch.manual_seed(recipe.seed)
        channels = sum(CHANNELS[name_of(Path(path))] for path in recipe.teachers)
        self.model = Pupil(recipe.network, channels)
        start_heads(self.model, recipe.prior)
        self.model.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._batches = open_batches(recipe, samples)
        self._lay_out = lru_cache(self._anchors)

    def start_from(self, weights: Path) -> None:
        """Start from trained weights (.safetensors) instead of random ones.

        Layers that these lack, or have in another shape, stay random.

        Raises:
            TrainingError: They are not weights of this network.
        """
        wanted = self.model.state_dict()
        try:
            given = load_file(weights)
        except SafetensorError as error:
            raise TrainingError(f"{weights}: not weights of FaceBoxes: {error}") from error
        fitting = {
            name: tensor
            for name, tensor in given.items()
            if name in wanted and tensor.shape == wanted[name].shape
        }
        if len(fitting) < len(wanted) / 2:
            raise TrainingError(f"{weights}: not weights of FaceBoxes: most layers are missing")
        self.model.load_state_dict(wanted | fitting)
        logger.info("%d of %d tensors come from %s", len(fitting), len(wanted), weights)

    def batches(self, first_step: int) -> Iterator[Batch]:
        """Yield batches from number `first_step` on."""
        return load(self._batches, first_step, self.recipe.workers, self._device)

    def losses(self, batch: Batch, *, bfloat16: bool) -> dict[str, Tensor]:
        """Return `loss`, which is to be lowered, and its parts."""
        images = self._prepare(batch.images, torch.bfloat16 if bfloat16 else torch.float32)
        places = self._lay_out(*images.shape[2:])  # (N, 4) cx cy w h
        with torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
            maps = self.model.maps(images)
            loc, logits = self.model.read(maps)  # (B, N, 4), (B, N, 2)
            unlike = self.model.unlikeness(maps, batch.maps)
        score = (logits[..., 1].float() - logits[..., 0].float()).contiguous()  # (B, N) log-odds
        boxes = decode(loc.float(), places)  # (B, N, 4) xyxy, px
        truth, sure, ignored = targets(batch, places, boxes.detach(), score.detach())
        positive = sure > 0  # (B, N)
        count = sure.sum().clamp(min=1)
        box_loss, overlap = distance_iou(boxes[positive], truth[positive])
        quality = torch.zeros_like(score)
        quality[positive] = class_target(overlap, sure[positive], truth[positive], self.recipe)
        face_loss = quality_focal(score, quality)[positive | ~ignored].sum() / count
        box_mean = (box_loss * sure[positive]).sum() / count
        weights = self.recipe.box_weight, self.recipe.imitation_weight
        total = face_loss + weights[0] * box_mean + weights[1] * unlike
        parts = {"face": face_loss, "box": box_mean, "unlikeness": unlike, "faces": count}
        return {"loss": total, **parts}

    def _prepare(self, pixels: Tensor, dtype: torch.dtype) -> Tensor:
        """Subtract the mean: (B, H, W, 3) uint8 -> (B, 3, H, W) in channels-last memory.

        By whole rows: over a last dimension of 3 it takes five times as long.
        """
        mean = torch.tensor(self.recipe.network.mean, dtype=dtype, device=self._device)
        rows = pixels.flatten(2).to(dtype) - mean.repeat(pixels.shape[2])  # (B, H, W * 3)
        return rows.view(pixels.shape).permute(0, 3, 1, 2)

    def _anchors(self, height: int, width: int) -> Tensor:
        return anchors(height, width, self.recipe.network).to(self._device)

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return the average precision on the validation pictures; nothing without any."""
        if not self._validation:
            return {}
        detector = open_model(model, self.recipe.network, self._device)
        judged = []
        for sample in self._validation:
            (found,) = detector([sample.image])
            labels = sample.labels
            all_count = np.ones(len(labels.boxes), bool)
            judged.append(judge(found, labels.boxes, all_count, labels.ignore))
        return {"average_precision": average_precision(Judged.join(judged))}


def open_batches(recipe: FaceBoxesRecipe, samples: Samples) -> AugmentedBatches:
    """Make the stream of pictures, with the teachers and hard examples that the recipe names.

    Raises:
        TrainingError: A file holds no teacher, or no hard examples of these pictures; or there are
            hard examples without a teacher, who alone can tell that they are faces.
    """
    teachers = [*map(Path, recipe.teachers)]
    for path in teachers:
        name_of(path)  # a file of something else is told before there are other processes
    if recipe.hard and not teachers:
        raise TrainingError(
            "--hard needs a --teacher: faces without a label are among the examples"
        )
    hard = HardSources(samples, HardExamples.load(Path(recipe.hard))) if recipe.hard else None
    return AugmentedBatches(
        samples,
        recipe.augment,
        recipe.batch_size,
        recipe.seed,
        teacher=Teacher(teachers) if teachers else None,
        hard=hard,
    )


def targets(
    batch: Batch, places: Tensor, predicted: Tensor, log_odds: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the box of every anchor (B, N, 4), how sure it is (B, N), and what is ignored (B, N).

    The background has nan for a box, and 0. An anchor is ignored when the box it predicts now, or
    its own, lies on an ignore region.

    Args:
        batch: The labels.
        places: (N, 4) the anchors, cx, cy, w, h, px.
        predicted: (B, N, 4) the boxes that they predict now.
        log_odds: (B, N) of a face, as predicted now.
    """
    corners = decode(torch.zeros_like(places), places)  # (N, 4) xyxy
    truth = torch.full_like(predicted, math.nan)
    sure = torch.zeros_like(log_odds)
    ignored = torch.zeros_like(log_odds, dtype=torch.bool)
    height, width = batch.images.shape[1:3]
    limit = torch.tensor([width, height, width, height], device=predicted.device)
    visible, inside = predicted.clamp(min=0).minimum(limit), corners.clamp(min=0).minimum(limit)
    all_boxes = torch.split(batch.boxes, batch.box_counts)
    all_scores = torch.split(batch.scores, batch.box_counts)
    all_regions = torch.split(batch.ignore, batch.ignore_counts)
    for row, (boxes, scores, regions) in enumerate(
        zip(all_boxes, all_scores, all_regions, strict=True)
    ):
        index = assign(corners, predicted[row], log_odds[row], boxes)
        faces = index != BACKGROUND
        truth[row, faces], sure[row, faces] = boxes[index[faces]], scores[index[faces]]
        ignored[row] = covered(visible[row], regions) | covered(inside, regions)
    return truth, sure, ignored


def class_target(overlap: Tensor, sure: Tensor, faces: Tensor, recipe: FaceBoxesRecipe) -> Tensor:
    """Return the class that is to be predicted for faces (K, 4), 0 to 1.

    Args:
        overlap: (K,) IoU of the predicted boxes with their faces.
        sure: (K,) how likely each is a face.
        faces: (K, 4) x1, y1, x2, y2, px.
        recipe: From which IoU and size they are worth all of that.
    """
    sizes = (faces[:, 2:] - faces[:, :2]).prod(1).sqrt()
    good = (overlap / recipe.full_iou).clamp(max=1)
    return good * sure * (sizes / recipe.worth).clamp(max=1).sqrt()


def open_model(
    model: nn.Module, config: FaceBoxesConfig, device: torch.device
) -> FaceBoxesDetector:
    """Make a detector of a network in training, where it is and with the threads in use."""
    entry = Entry(
        name="in-training",
        path=Path("in-training"),
        network="faceboxes",
        config=asdict(config),
        suppression=SUPPRESSION,
        smallest_face=1,
        threshold=LOWEST_SCORE,
        source="",
        licence="",
    )
    execution = Execution(str(device), torch.get_num_threads(), precision="f32")
    network = TorchNetwork(model, config.mean, config.multiple, execution)
    return FaceBoxesDetector(entry, network, LOWEST_SCORE)


def start_heads(model: FaceBoxes, prior: float) -> None:
    """Start all heads small and the face probability at `prior`, as focal losses need."""
    log_odds = math.log(prior / (1 - prior))
    for head in [*model.loc, *model.conf]:
        assert isinstance(head, nn.Conv2d)
        nn.init.normal_(head.weight, std=0.01)
        assert head.bias is not None
        nn.init.zeros_(head.bias)
    for head in model.conf:
        assert isinstance(head.bias, Tensor)
        with torch.no_grad():
            head.bias.view(-1, 2)[:] = torch.tensor([-log_odds / 2, log_odds / 2])


def write_recipe(recipe: FaceBoxesRecipe, folder: Path) -> None:
    """Keep what shaped the weights beside them."""
    (folder / RECIPE_FILE).write_text(json.dumps(asdict(recipe), indent=1) + "\n")


def read_network(folder: Path) -> FaceBoxesConfig:
    """Read which network a run trained.

    Raises:
        TrainingError: The folder holds no recipe.
    """
    try:
        recipe = json.loads((folder / RECIPE_FILE).read_text())
    except OSError as error:
        raise TrainingError(f"{folder}: no {RECIPE_FILE} here; give the folder of a run") from error
    return parse_config(recipe["network"])


def cache_folder(output: Path) -> Path:
    """Name the folder of decoded pictures beside the runs, so that runs share it."""
    return output.parent / "cache"
