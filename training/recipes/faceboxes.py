"""Train FaceBoxes, the paper's own form, the one with finer heads, or both on the same pictures.

What differs from the paper's training: faces get the anchors that predict them best, the classes
are learned by a focal loss whose target is the quality of the box, boxes by their distance IoU,
with AdamW over a cosine.

Reference:
    Zhang et al., FaceBoxes, 2017, arXiv:1708.05234; for the rest see targets.py, matching.py and
    losses.py.
"""

import logging
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
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
from detectors.faceboxes.config import Heads
from detectors.faceboxes.detector import FaceBoxesDetector
from detectors.suppression import Suppression
from detectors.weights import Entry, read_description
from training.datasets import Sample, Samples
from training.errors import TrainingError
from training.imitation import Pupil
from training.losses import distance_iou, quality_focal
from training.metrics.average_precision import Judged, average_precision, judge
from training.mining import HardExamples, HardSources
from training.recipe import FaceBoxesRecipe
from training.stream import AugmentedBatches, Batch, load
from training.targets import class_target, targets
from training.teach import Teacher
from training.teachers import CHANNELS, name_of

logger = logging.getLogger(__name__)

FULL_STEPS: Final = 30_000  # of a first training, from random weights
SUPPRESSION: Final = Suppression(iou=0.4, vote=0.6, support=0.05)
"""Best on pictures and clips that were kept aside: voting for the boxes, support for the scores."""
LOWEST_SCORE: Final = 0.02  # below it, a curve of precision and recall gains nothing


class FaceBoxesTask:
    """The engine's view of the recipe: a model, batches, losses.

    The model is a `Pupil` for each network, by its heads: to make pictures and to let teachers look
    at them takes longer than to learn from them.
    """

    def __init__(
        self, recipe: FaceBoxesRecipe, samples: Samples, validation: Sequence[Sample] = ()
    ) -> None:
        self.recipe, self._validation = recipe, validation
        self._device = find_device(recipe.device)
        torch.manual_seed(recipe.seed)
        channels = sum(CHANNELS[name_of(Path(path))] for path in recipe.teachers)
        self.model = nn.ModuleDict(
            {network.heads: Pupil(network, channels) for network in recipe.networks}
        )
        for pupil in self.pupils.values():
            start_heads(pupil, recipe.prior)
        self.model.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._batches = open_batches(recipe, samples)
        self._lay_out = lru_cache(self._anchors)

    @property
    def pupils(self) -> dict[str, Pupil]:
        """The networks in training, by their heads."""
        return pupils_of(self.model)

    def start_from(self, weights: Path, heads: Heads) -> None:
        """Start the network with these heads from trained weights (.safetensors).

        Layers that these lack, or have in another shape, stay random.

        Raises:
            TrainingError: They are not weights of this network.
        """
        pupil = self.pupils[heads]
        wanted = pupil.state_dict()
        try:
            given = load_file(weights)
        except SafetensorError as error:
            raise TrainingError(f"{weights}: not weights of FaceBoxes: {error}") from error
        told = read_description(weights).get("config", {}).get("heads", heads)
        if told != heads:
            raise TrainingError(f"{weights} has --heads {told}, not {heads}: give it for these")
        fitting = {
            name: tensor
            for name, tensor in given.items()
            if name in wanted and tensor.shape == wanted[name].shape
        }
        if len(fitting) < len(wanted) / 2:
            raise TrainingError(f"{weights}: not weights of FaceBoxes: most layers are missing")
        pupil.load_state_dict(wanted | fitting)
        logger.info("%s: %d of %d tensors come from %s", heads, len(fitting), len(wanted), weights)

    def batches(self, first_step: int) -> Iterator[Batch]:
        """Yield batches from number `first_step` on."""
        return load(self._batches, first_step, self.recipe.workers, self._device)

    def losses(self, batch: Batch, *, bfloat16: bool) -> dict[str, Tensor]:
        """Return `loss`, which is to be lowered, and its parts for each network."""
        dtype = torch.bfloat16 if bfloat16 else torch.float32
        means = {network.mean for network in self.recipe.networks}
        images = {mean: self._prepare(batch.images, mean, dtype) for mean in means}
        total = torch.zeros((), device=self._device)
        parts: dict[str, Tensor] = {}
        for heads, pupil in self.pupils.items():
            loss, own = self._learn(pupil, batch, images[pupil.config.mean], bfloat16)
            total = total + loss
            parts |= {f"{heads} {name}": value for name, value in own.items()}
        return {"loss": total, **parts}

    def _learn(
        self, pupil: Pupil, batch: Batch, images: Tensor, bfloat16: bool
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Return the loss of one network on the images (B, 3, H, W) of a batch, and its parts."""
        places = self._lay_out(*images.shape[2:], pupil.config)  # (N, 4) cx cy w h
        with torch.autocast(self._device.type, torch.bfloat16, enabled=bfloat16):
            maps = pupil.maps(images)
            loc, logits = pupil.read(maps)  # (B, N, 4), (B, N, 2)
            unlike = pupil.unlikeness(maps, batch.maps)
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
        return total, {"face": face_loss, "box": box_mean, "unlikeness": unlike, "faces": count}

    def _prepare(
        self, pixels: Tensor, mean: tuple[float, float, float], dtype: torch.dtype
    ) -> Tensor:
        """Subtract the mean: (B, H, W, 3) uint8 -> (B, 3, H, W) in channels-last memory.

        By whole rows: over a last dimension of 3 it takes five times as long.
        """
        colour = torch.tensor(mean, dtype=dtype, device=self._device)
        rows = pixels.flatten(2).to(dtype) - colour.repeat(pixels.shape[2])  # (B, H, W * 3)
        return rows.view(pixels.shape).permute(0, 3, 1, 2)

    def _anchors(self, height: int, width: int, config: FaceBoxesConfig) -> Tensor:
        return anchors(height, width, config).to(self._device)

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Return the average precision on the validation pictures; nothing without any."""
        if not self._validation:
            return {}
        return {
            f"{heads} average_precision": self._measure(pupil)
            for heads, pupil in pupils_of(model).items()
        }

    def _measure(self, pupil: Pupil) -> float:
        detector = open_model(pupil, self._device)
        judged = []
        for sample in self._validation:
            (found,) = detector([sample.image])
            labels = sample.labels
            all_count = np.ones(len(labels.boxes), bool)
            judged.append(judge(found, labels.boxes, all_count, labels.ignore))
        return average_precision(Judged.join(judged))


def pupils_of(model: nn.Module) -> dict[str, Pupil]:
    """Return the networks of a task's model, or of a copy of it, by their heads."""
    return {heads: pupil for heads, pupil in model.named_children() if isinstance(pupil, Pupil)}


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


def open_model(model: FaceBoxes, device: torch.device) -> FaceBoxesDetector:
    """Make a detector of a network in training, where it is and with the threads in use."""
    entry = Entry(
        name="in-training",
        path=Path("in-training"),
        network="faceboxes",
        config=asdict(model.config),
        suppression=SUPPRESSION,
        smallest_face=1,
        threshold=LOWEST_SCORE,
        source="",
        licence="",
    )
    execution = Execution(str(device), torch.get_num_threads(), precision="f32")
    network = TorchNetwork(model, model.config.mean, model.config.multiple, execution)
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


def cache_folder(output: Path) -> Path:
    """Name the folder of decoded pictures beside the runs, so that runs share it."""
    return output.parent / "cache"
