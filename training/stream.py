"""An endless, repeatable stream of augmented batches.

Batch number k is a function of (seed, k) alone: it does not matter how many processes make the
batches, or whether the run was interrupted before it.
"""

import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from multiprocessing.util import Finalize
from typing import Any, Final, NamedTuple, Self

import cv2
import numpy as np
import torch
from numpy.random import Generator, default_rng
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from training.augment import AugmentSettings, Source, augment
from training.datasets import Samples
from training.mining import HardSources
from training.teach import Lesson, Teacher, teach

HARD_SHARE: Final = 0.45  # of the windows are laid around hard examples, where these are known


class Batch(NamedTuple):
    """B pictures and their labels; the rows of all pictures follow one another."""

    images: Tensor  # (B, H, W, 3) uint8 BGR
    boxes: Tensor  # (sum(box_counts), 4) float32 x1, y1, x2, y2, px
    box_counts: list[int]
    ignore: Tensor  # (sum(ignore_counts), 4)
    ignore_counts: list[int]
    scores: Tensor  # (sum(box_counts),) float32, how likely each box is a face
    maps: tuple[Tensor, ...] = ()  # (B, h, w, C) float16, what teachers see at each of `STRIDES`

    def to(self, device: torch.device) -> Self:
        """Bring it to a device; from pinned memory without waiting."""
        tensors = {
            name: getattr(self, name).to(device, non_blocking=True)
            for name in ("images", "boxes", "ignore", "scores")
        }
        maps = tuple(level.to(device, non_blocking=True) for level in self.maps)
        return self._replace(**tensors, maps=maps)


class AugmentedBatches(Dataset[Batch]):
    """Batches by number, without end."""

    def __init__(
        self,
        samples: Samples,
        settings: AugmentSettings,
        batch_size: int,
        seed: int,
        *,
        teacher: Teacher | None = None,
        hard: HardSources | None = None,
    ) -> None:
        self.samples, self.settings = samples, settings
        self.batch_size, self.seed = batch_size, seed
        self._teacher, self._hard = teacher, hard
        weights = (1.0 + samples.face_counts) ** 0.5  # groups and crowds hold more to learn
        self._bounds = weights.cumsum() / weights.sum()

    def __getitem__(self, step: int) -> Batch:
        """Make batch number `step`: all of one size, drawn, and about as many pixels in each."""
        sizes = self.settings.sizes
        size = sizes[default_rng((self.seed, step)).integers(len(sizes))]
        count = max(1, round(self.batch_size * (self.settings.size / size) ** 2))
        settings = replace(self.settings, size=size)
        return collate([self.sample((step, place), settings) for place in range(count)])

    def sample(self, number: tuple[int, int], settings: AugmentSettings) -> Lesson:
        """Make one augmented sample of one picture, or of 4 or 16."""
        rng = default_rng((self.seed, *number))
        count = (1, 4, 16)[rng.choice(3, p=settings.mosaic)]
        made = augment([self._source(rng) for _ in range(count)], settings, rng)
        return Lesson(made) if self._teacher is None else teach(made, self._teacher)

    def _source(self, rng: Generator) -> Source:
        """Draw a picture, or a hard example in one."""
        if self._hard is not None and rng.random() < HARD_SHARE:
            return self._hard.draw(rng)
        index = self._bounds.searchsorted(rng.random(), side="right")
        return Source.of(self.samples[int(index)])


def collate(lessons: Sequence[Lesson]) -> Batch:
    """Stack pictures of one size and their maps, and chain their labels."""
    samples = [lesson.sample for lesson in lessons]
    levels = zip(*(lesson.maps for lesson in lessons), strict=True)
    boxes = [sample.labels.boxes for sample in samples]
    ignore = [sample.labels.ignore for sample in samples]
    return Batch(
        torch.from_numpy(np.stack([sample.image for sample in samples])),
        torch.from_numpy(np.concatenate(boxes)),
        [len(part) for part in boxes],
        torch.from_numpy(np.concatenate(ignore)),
        [len(part) for part in ignore],
        torch.from_numpy(np.concatenate([sample.labels.scores for sample in samples])),
        tuple(torch.from_numpy(np.stack(level)) for level in levels),
    )


def load(
    batches: AugmentedBatches, first_step: int, workers: int, device: torch.device
) -> Iterator[Batch]:
    """Yield batches from number `first_step` on, on a device.

    They are made ahead by `workers` processes (0: by this one).
    """
    loader = DataLoader(
        batches,
        batch_size=None,
        sampler=itertools.count(first_step),
        num_workers=workers,
        collate_fn=_keep,
        prefetch_factor=4 if workers else None,
        # A forked child would wait for ever for OpenCV's threads, which it does not inherit.
        multiprocessing_context="spawn" if workers else None,
        worker_init_fn=_prepare_worker,
        pin_memory=device.type == "cuda",
    )
    yield from (batch.to(device) for batch in loader)


def _keep(batch: Any) -> Any:
    return batch


def _prepare_worker(_worker: int) -> None:
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    # It leaves at once, last of all: a thread that still sends a batch while the interpreter is
    # taken down would abort the process.
    Finalize(None, os._exit, args=(0,), exitpriority=-100)
