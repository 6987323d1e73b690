"""Which clips come when, and how they get to the network."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..._core.errors import OptionError

Target = int | Tensor
"""The number of a class; with several labels at once, a float vector of 0 and 1."""


class TrainingSet(Protocol):
    """Clips to learn from: `[i]` gives an input (float32) and its target.

    Augmentation depends on nothing but a seed, the epoch that `set_epoch` gave, and i.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> tuple[Tensor, Target]: ...
    def set_epoch(self, epoch: int, /) -> None: ...


class ViewSet(Protocol):
    """Clips to judge: `[i]` gives all views of a clip, (V, …) float32, and its target; V may differ between clips."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> tuple[Tensor, Target]: ...


Steps = list[list[list[int]]]
"""Steps of the optimiser, each of some batches, each of some clips by their numbers."""


def plan(num_clips: int, batch_size: int, accumulate: int, num_devices: int, *seeds: int) -> Steps:
    """The steps of one epoch: every clip once, in an order that only the seeds decide.

    Clips are spread as evenly as can be, so no batch is much smaller than the others, and none is of a single clip (for
    which batch norm knows no variance) unless `batch_size` is 1 or there is only one clip; for that, a batch of
    two may become one of three. The batches of a step are a multiple of the devices. Raises OptionError for fewer clips
    than the devices need.
    """
    smallest = min(2, batch_size)
    if num_clips < (smallest * num_devices if num_devices > 1 else 1):
        raise OptionError(f"there are {num_clips} clips to learn from for {num_devices} devices; use fewer devices")
    order = np.random.default_rng(seeds).permutation(num_clips)
    num_steps = math.ceil(num_clips / (batch_size * accumulate))
    # Every device needs a batch in every step.
    num_steps = max(1, min(num_steps, num_clips // (smallest * num_devices)))
    steps = []
    for step in np.array_split(order, num_steps):
        wanted = math.ceil(len(step) / (batch_size * num_devices))
        possible = max(1, len(step) // (smallest * num_devices))
        num_batches = num_devices * min(wanted, possible)
        steps.append([batch.tolist() for batch in np.array_split(step, num_batches)])
    return steps


class Batches:
    """The batches of one device in one epoch after the other, each clip as (epoch, number); for a loader."""

    def __init__(self) -> None:
        self._batches: list[list[tuple[int, int]]] = []

    def set(self, epoch: int, batches: Sequence[Sequence[int]]) -> None:
        """What comes in the next epoch."""
        self._batches = [[(epoch, index) for index in batch] for batch in batches]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class _ByEpoch:
    """Takes (epoch, number), so that loader processes that live longer than an epoch know which one it is."""

    def __init__(self, dataset: TrainingSet) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, Target]:
        epoch, index = key
        self._dataset.set_epoch(epoch)
        return self._dataset[index]


def training_loader(dataset: TrainingSet, batches: Batches, workers: int, device: torch.device) -> DataLoader[Any]:
    """Loads the batches of an epoch: inputs (N, …) and targets (N,) or (N, classes)."""
    return DataLoader(_ByEpoch(dataset), batch_sampler=batches, **_settings(workers, device))  # type: ignore[arg-type]


def view_loader(dataset: ViewSet, indices: range, workers: int, device: torch.device) -> DataLoader[Any]:
    """Loads clips one by one, with all their views."""
    return DataLoader(dataset, batch_size=None, sampler=indices, **_settings(workers, device))  # type: ignore[arg-type]


def _settings(workers: int, device: torch.device) -> dict[str, Any]:
    # A generator of its own, so that loader processes take no random numbers away from dropout.
    return {
        "num_workers": workers,
        # A fork of a process whose libraries run threads of their own may crash: loaders start from nothing.
        "multiprocessing_context": "spawn" if workers else None,
        "persistent_workers": workers > 0,
        "pin_memory": device.type == "cuda",
        "generator": torch.Generator().manual_seed(0),
    }
