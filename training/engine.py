"""Lower a loss: the loop, its schedule, averages, checkpoints. Knows nothing of faces.

Reference:
    Loshchilov & Hutter, 2017, arXiv:1608.03983 (cosine), arXiv:1711.05101 (AdamW).
    Polyak & Juditsky, 1992 (averaged weights; here exponentially, "EMA").
"""

import logging
import math
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

import torch
from torch import Tensor, nn
from tqdm import tqdm

from training.curves import draw_curves
from training.errors import TrainingError
from training.log import LOSSES, MEASURES, RunLog

logger = logging.getLogger(__name__)

BatchT = TypeVar("BatchT")


class Task(Protocol[BatchT]):
    """What is learned: the engine asks nothing else of a recipe."""

    @property
    def model(self) -> nn.Module:
        """Return what is trained, in place."""
        ...

    def batches(self, first_step: int) -> Iterator[BatchT]:
        """Yield batches from number `first_step` on, always the same for the same number."""
        ...

    def losses(self, batch: BatchT, *, bfloat16: bool) -> dict[str, Tensor]:
        """Return scalars: `loss` is lowered, the others are only written to the log."""
        ...

    def measure(self, model: nn.Module) -> dict[str, float]:
        """Say how good a model is, the averaged one, say; it may be left in evaluation mode."""
        ...


CHECKPOINT: Final = "checkpoint.pt"
"""In the folder of a run."""
LEARNING_RATE: Final = 2e-3
"""At its highest, with AdamW and batches of about 24 pictures."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """How long and how hard to train. Give `steps` for a repeatable run, `minutes` for a deadline.

    Attributes:
        steps: Length of the run in batches; None: as many as fit into `minutes`.
        minutes: Length of the run in time, that of interrupted parts included.
        learning_rate: At its highest, after the warm-up.
        final_rate: Share of it that is left at the end of the cosine.
        warm_up: Share of the run in which the rate rises.
        clip_norm: Largest norm of the gradient.
        ema_decay: What the average keeps of itself in a step; less in the first steps.
        checkpoint_minutes: Time between two checkpoints.
        log_every: Steps between two rows of the log.
        measure_every: Steps between two measurements of the averaged model; 0: none.
        bfloat16: Compute convolutions in bfloat16.
    """

    steps: int | None = None
    minutes: float | None = None
    learning_rate: float = LEARNING_RATE
    final_rate: float = 0.01
    warm_up: float = 0.02
    weight_decay: float = 0.05
    clip_norm: float = 10.0
    ema_decay: float = 0.999
    checkpoint_minutes: float = 3.0
    log_every: int = 50
    measure_every: int = 1000
    bfloat16: bool = True

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError(f"give steps or minutes: {self.steps = }, {self.minutes = }")

    def progress(self, step: int, seconds: float) -> float:
        """Return how much of the run is done, 0 to 1."""
        if self.steps is not None:
            return min(1.0, step / self.steps)
        assert self.minutes is not None
        return min(1.0, seconds / (60 * self.minutes))

    def rate(self, progress: float) -> float:
        """Return the learning rate: a linear warm-up, then half a cosine."""
        if progress < self.warm_up:
            return self.learning_rate * (0.01 + 0.99 * progress / self.warm_up)
        turn = math.pi * (progress - self.warm_up) / (1 - self.warm_up)
        low = self.final_rate
        return self.learning_rate * (low + (1 - low) * (1 + math.cos(turn)) / 2)


class Run:
    """A run in progress: everything that a checkpoint holds."""

    def __init__(self, model: nn.Module, settings: EngineSettings) -> None:
        self.model, self.settings = model, settings
        self.average = deepcopy(model).requires_grad_(False)
        self.optimizer = torch.optim.AdamW(_groups(model, settings.weight_decay), lr=0.0)
        self.step, self.seconds = 0, 0.0

    @property
    def progress(self) -> float:
        """Return how much is done, 0 to 1."""
        return self.settings.progress(self.step, self.seconds)

    def advance(self, losses: dict[str, Tensor]) -> float:
        """Take one step down the gradient; return the gradient's norm before clipping."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate(self.progress)
        self.optimizer.zero_grad()
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        if torch.isfinite(norm):
            self.optimizer.step()
            self._average()
        else:
            logger.warning("step %d left out: the gradient is %s", self.step, norm.item())
        self.step += 1
        return norm.item()

    @torch.no_grad()
    def _average(self) -> None:
        decay = min(self.settings.ema_decay, (1 + self.step) / (10 + self.step))
        new = self.model.state_dict()
        for name, old in self.average.state_dict().items():
            if old.is_floating_point():
                old.lerp_(new[name], 1 - decay)
            else:
                old.copy_(new[name])

    def save(self, path: Path) -> None:
        """Write everything needed to go on to `path`, whole or not at all."""
        state = {
            "step": self.step,
            "seconds": self.seconds,
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "settings": asdict(self.settings),
        }
        staged = path.with_suffix(".new")
        torch.save(state, staged)
        staged.replace(path)

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint; the settings are those given, not those stored.

        Raises:
            TrainingError: It is of another model.
        """
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        self.step, self.seconds = state["step"], state["seconds"]
        try:
            self.model.load_state_dict(state["model"])
        except RuntimeError as error:
            message = f"{path} is of another model: go on with the options that the run began with"
            raise TrainingError(message) from error
        self.average.load_state_dict(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])


def train(task: Task[BatchT], settings: EngineSettings, folder: Path, *, resume: bool) -> Run:
    """Run to the end of the schedule, or on to it from `folder/checkpoint.pt`.

    Leaves `checkpoint.pt`, the logs and their curves in `folder`.
    """
    checkpoint = folder / CHECKPOINT
    run = Run(task.model, settings)
    if resume and checkpoint.exists():
        run.restore(checkpoint)
    task.model.train()
    with RunLog(folder, run.step) as log:
        _loop(task, run, log, checkpoint)
    run.save(checkpoint)
    draw_curves(folder)
    return run


def _loop(task: Task[BatchT], run: Run, log: RunLog, checkpoint: Path) -> None:
    settings = run.settings
    began = time.monotonic() - run.seconds
    saved, logged = run.seconds, (run.step, run.seconds)
    bar = tqdm(total=1000, initial=round(1000 * run.progress), unit="/1000")
    batches = task.batches(run.step)
    while run.progress < 1:
        losses = task.losses(next(batches), bfloat16=settings.bfloat16)
        norm = run.advance(losses)
        run.seconds = time.monotonic() - began
        bar.update(round(1000 * run.progress) - bar.n)
        if run.step % settings.log_every == 0:
            pace = (run.step - logged[0]) / (run.seconds - logged[1])
            logged = (run.step, run.seconds)
            numbers = {name: value.item() for name, value in losses.items()}
            rate = settings.rate(run.progress)
            times = {"seconds": run.seconds, "steps_per_second": pace}
            log.write(LOSSES, run.step, times | {"rate": rate, "norm": norm} | numbers)
        due = settings.measure_every and run.step % settings.measure_every == 0
        if due and (measured := task.measure(run.average)):
            log.write(MEASURES, run.step, measured)
        if run.seconds - saved > 60 * settings.checkpoint_minutes:
            run.save(checkpoint)
            draw_curves(checkpoint.parent)
            saved = run.seconds
    bar.close()


def _groups(model: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """Decay the weights of convolutions and products, but neither biases nor normalisation."""
    matrices = [p for p in model.parameters() if p.ndim > 1]
    others = [p for p in model.parameters() if p.ndim <= 1]
    return [
        {"params": matrices, "weight_decay": weight_decay},
        {"params": others, "weight_decay": 0.0},
    ]
