"""What a network says about clips."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils.data import DataLoader

from ..._core.errors import OptionError
from ..._core.types import Float32Array
from .loading import ViewSet, view_loader
from .settings import make_fabric


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
