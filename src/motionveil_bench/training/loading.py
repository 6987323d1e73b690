"""The order of clips, their loading, and the evaluation of a network on them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from motionveil._core.errors import OptionError
from motionveil._core.types import Float32Array

from .settings import make_fabric

Target = int | Tensor
"""A class index; with several labels, a float vector of 0 and 1."""


class TrainingSet(Protocol):
    """Training clips: `[i]` gives an input (float32) and its target.

    Augmentation depends only on a seed, the epoch set by `set_epoch`, and i.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> tuple[Tensor, Target]: ...
    def set_epoch(self, epoch: int, /) -> None: ...


class ViewSet(Protocol):
    """Clips for evaluation: `[i]` gives all views of a clip, (V, …) float32, and its target; V may differ between
    clips.
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> tuple[Tensor, Target]: ...


Steps = list[list[list[int]]]
"""Optimiser steps, each of several batches, each of several clip indices."""


def plan(num_clips: int, batch_size: int, accumulate: int, num_devices: int, *seeds: int) -> Steps:
    """The steps of one epoch: each clip once, in an order determined by the seeds.

    Batches are as equal in size as possible, and none consists of a single clip (whose variance batch norm cannot
    compute), unless `batch_size` is 1 or there is only one clip; for that, a batch of two may become one of three. The
    number of batches per step is a multiple of the devices.

    Raises:
        OptionError: If there are fewer clips than the devices need.
    """
    smallest = min(2, batch_size)
    if num_clips < (smallest * num_devices if num_devices > 1 else 1):
        raise OptionError(f"there are {num_clips} clips to learn from for {num_devices} devices; use fewer devices")
    order = np.random.default_rng(seeds).permutation(num_clips)
    num_steps = math.ceil(num_clips / (batch_size * accumulate))
    # Each device needs a batch in each step.
    num_steps = max(1, min(num_steps, num_clips // (smallest * num_devices)))
    steps = []
    for step in np.array_split(order, num_steps):
        wanted = math.ceil(len(step) / (batch_size * num_devices))
        possible = max(1, len(step) // (smallest * num_devices))
        num_batches = num_devices * min(wanted, possible)
        steps.append([batch.tolist() for batch in np.array_split(step, num_batches)])
    return steps


class Batches:
    """The batches of one device for successive epochs, with each clip as (epoch, index); for a loader."""

    def __init__(self) -> None:
        self._batches: list[list[tuple[int, int]]] = []

    def set(self, epoch: int, batches: Sequence[Sequence[int]]) -> None:
        """Set the next epoch."""
        self._batches = [[(epoch, index) for index in batch] for batch in batches]

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        return iter(self._batches)

    def __len__(self) -> int:
        return len(self._batches)


class _ByEpoch:
    """Accepts (epoch, index), so that loader processes that outlive an epoch know the current one."""

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
    # A separate generator, so that loader processes do not consume random numbers of dropout.
    return {
        "num_workers": workers,
        # Forking a process whose libraries run threads may crash, so loader processes are spawned.
        "multiprocessing_context": "spawn" if workers else None,
        "persistent_workers": workers > 0,
        "pin_memory": device.type == "cuda",
        "generator": torch.Generator().manual_seed(0),
    }


def predict(
    network: nn.Module, dataset: ViewSet, *, batch_size: int = 16, workers: int = 0, fabric: Fabric | None = None
) -> Float32Array:
    """Logits (N, num_classes), averaged over the views of each clip.

    The network processes `batch_size` views at once; it is moved to the device and left in evaluation mode. Several
    devices share the clips, and each receives all logits.

    Raises:
        OptionError: If there are fewer clips than devices.
    """
    fabric = fabric or make_fabric()
    network.to(fabric.device)
    return Predictor(dataset, batch_size, workers, fabric)(network)[0]


class Predictor:
    """Evaluates a network repeatedly on the same clips."""

    def __init__(self, dataset: ViewSet, batch_size: int, workers: int, fabric: Fabric) -> None:
        if len(dataset) < fabric.world_size:
            raise OptionError(f"there are {len(dataset)} clips to judge for {fabric.world_size} devices; use fewer")
        self._num_clips = len(dataset)
        self._share = range(fabric.global_rank, len(dataset), fabric.world_size)
        self._loader: DataLoader[Any] = view_loader(dataset, self._share, workers, fabric.device)
        self._batch_size = batch_size
        self._fabric = fabric

    @torch.inference_mode()
    def __call__(self, network: nn.Module) -> tuple[Float32Array, npt.NDArray[Any]]:
        """Logits (N, num_classes) of all clips, and their targets: (N,) int64, or (N, num_classes) float32."""
        network.eval()
        counts, targets = [], []
        waiting: list[Tensor] = []
        logits: list[Tensor] = []

        def ask(enough: int) -> None:
            while (num := sum(map(len, waiting))) >= enough and num > 0:
                views = torch.cat(waiting)
                waiting[:] = [views[self._batch_size :]]
                with self._fabric.autocast():
                    answer = network(self._fabric.to_device(views[: self._batch_size]))
                logits.append(answer.float())

        for views, target in self._loader:
            counts.append(len(views))
            targets.append(torch.as_tensor(target))
            waiting.append(views)
            ask(self._batch_size)
        ask(1)
        # Averaged on the CPU in the order of the views, regardless of batches.
        clips = torch.cat(logits).cpu().split(counts)
        mine = torch.stack([clip.mean(0) for clip in clips])
        truth = torch.stack(targets)
        return self._gathered(mine).numpy(), self._gathered(truth if truth.ndim == 1 else truth.float()).numpy()

    def _gathered(self, mine: Tensor) -> Tensor:
        """Results of all devices, by clip index."""
        everything = torch.zeros((self._num_clips, *mine.shape[1:]), dtype=mine.dtype)
        everything[np.arange(self._share.start, self._share.stop, self._share.step)] = mine
        return sum_over_devices(self._fabric, everything.to(self._fabric.device)).cpu()


def sum_over_devices(fabric: Fabric, value: Tensor) -> Tensor:
    """The sum of a tensor over all devices, available on each."""
    if fabric.world_size == 1:
        return value
    total = fabric.all_reduce(value, reduce_op="sum")
    assert isinstance(total, Tensor)
    return total
