"""Which clips come when, how they get to the network, and what it says about them."""

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


def predict(
    network: nn.Module, dataset: ViewSet, *, batch_size: int = 16, workers: int = 0, fabric: Fabric | None = None
) -> Float32Array:
    """Logits (N, num_classes), averaged over the views of each clip.

    The network sees `batch_size` views at once; it is moved to the device and left in evaluation mode. On several
    devices each takes its share of the clips, and all get all logits. Raises OptionError for fewer clips than devices.
    """
    fabric = fabric or make_fabric()
    network.to(fabric.device)
    return Predictor(dataset, batch_size, workers, fabric)(network)[0]


class Predictor:
    """Asks a network again and again about the same clips."""

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
        # The mean is taken on the CPU in the order of the views, whatever batches they came in.
        clips = torch.cat(logits).cpu().split(counts)
        mine = torch.stack([clip.mean(0) for clip in clips])
        truth = torch.stack(targets)
        return self._gathered(mine).numpy(), self._gathered(truth if truth.ndim == 1 else truth.float()).numpy()

    def _gathered(self, mine: Tensor) -> Tensor:
        """What all devices found, by the numbers of the clips."""
        everything = torch.zeros((self._num_clips, *mine.shape[1:]), dtype=mine.dtype)
        everything[np.arange(self._share.start, self._share.stop, self._share.step)] = mine
        return sum_over_devices(self._fabric, everything.to(self._fabric.device)).cpu()


def sum_over_devices(fabric: Fabric, value: Tensor) -> Tensor:
    """The sum of a tensor over all devices, each of which gets it."""
    if fabric.world_size == 1:
        return value
    total = fabric.all_reduce(value, reduce_op="sum")
    assert isinstance(total, Tensor)
    return total
