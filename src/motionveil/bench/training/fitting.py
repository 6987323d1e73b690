"""The loop that trains all networks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from ..._core.errors import OptionError
from ..results import hash_of
from .history import (
    BEST,
    Epoch,
    Fitted,
    Progress,
    best_of,
    finish,
    load_best,
    lowest_loss,
    read_checkpoint,
    read_finished,
    write_checkpoint,
)
from .loading import Batches, TrainingSet, ViewSet, plan, training_loader
from .predicting import Predictor, sum_over_devices
from .randomness import random_numbers
from .settings import Training, make_fabric
from .tensorboard import open_tensorboard

Loss = Callable[[Tensor, Tensor], Tensor]


def fit(
    network: nn.Module,
    train: TrainingSet,
    validation: ViewSet,
    settings: Training,
    folder: Path,
    *,
    seed: int,
    multilabel: bool = False,
    fabric: Fabric | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Fitted:
    """Train a network until the validation loss no longer falls; it is left with the best weights, in evaluation mode.

    AdamW on the cross entropy, or on the binary cross entropy with `multilabel`. The seed decides the order of the
    clips and dropout, epoch by epoch, so a training that was interrupted goes on after an epoch that it had saved and
    ends with the same weights (on the CPU to the last bit), whatever the caller's own random numbers. The folder then
    holds best.safetensors and history.json; a finished training is not repeated. Where TensorBoard is installed its
    files lie there too. `on_progress` is called before every step and after every epoch. Several devices: a `fabric`
    from `make_fabric` that was launched.

    Raises OptionError where settings and devices do not fit, where the folder holds another training, and where the
    loss is no longer a number; WeightsError where files in the folder are damaged.
    """
    fabric = fabric or make_fabric(settings.precision)
    _check(settings, fabric)
    shapes = {name: [str(value.dtype), *value.shape] for name, value in network.state_dict().items()}
    told = {
        **settings.as_record(),
        "seed": seed,
        "multilabel": multilabel,
        "network": hash_of(shapes),
        "train_clips": len(train),
        "validation_clips": len(validation),
    }
    history = read_finished(folder, told)
    if history is None:
        run = _Run(network, train, validation, settings, folder, seed, _loss(settings, multilabel), fabric, told)
        history = run.to_the_end(on_progress or (lambda progress: None))
    load_best(network, folder)
    return Fitted(folder / BEST, tuple(history))


def _check(settings: Training, fabric: Fabric) -> None:
    if fabric.strategy.precision.precision != settings.precision:
        raise OptionError(
            f"precision is {settings.precision}, but {fabric.device.type} was set up for "
            f"{fabric.strategy.precision.precision}; give the same to both (16-mixed needs a GPU)"
        )
    if settings.accumulate % fabric.world_size:
        raise OptionError(
            f"{fabric.world_size} devices work on as many batches at once: set accumulate, the batches behind one "
            f"step, to a multiple of that instead of {settings.accumulate}"
        )


def _loss(settings: Training, multilabel: bool) -> Loss:
    """Mean over the clips of a batch."""
    smoothing = settings.label_smoothing
    if not multilabel:
        return partial(functional.cross_entropy, label_smoothing=smoothing)
    return lambda logits, targets: functional.binary_cross_entropy_with_logits(
        logits, targets.float() * (1 - smoothing) + smoothing / 2
    )


class _Run:
    """A training that runs."""

    def __init__(
        self,
        network: nn.Module,
        train: TrainingSet,
        validation: ViewSet,
        settings: Training,
        folder: Path,
        seed: int,
        loss: Loss,
        fabric: Fabric,
        told: Mapping[str, Any],
    ) -> None:
        self._network = network
        self._settings = settings
        self._folder = folder
        self._seed = seed
        self._loss = loss
        self._fabric = fabric
        self._told = told
        self._num_clips = len(train)
        learned = [parameter for parameter in network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(learned, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        self._module, self._optimizer = fabric.setup(network, optimizer)
        self._batches = Batches()
        self._loader = training_loader(train, self._batches, settings.workers, fabric.device)
        self._predictor = Predictor(validation, settings.batch_size, settings.workers, fabric)
        self._history: list[Epoch] = []
        self._best: dict[str, Tensor] = {}
        self._saved = -math.inf
        self._seconds_to_save = 0.0

    def to_the_end(self, on_progress: Callable[[Progress], None]) -> list[Epoch]:
        """Train, from where an earlier call was interrupted."""
        self._restore()
        start, first = time.monotonic(), len(self._history)

        def tell(epoch: int, step: int, steps: int, train_loss: float) -> None:
            done = epoch - first + step / steps
            left = (time.monotonic() - start) / done * (self._settings.epochs - first - done) if done else math.inf
            lowest = lowest_loss(self._history)
            on_progress(Progress(epoch, self._settings.epochs, step, steps, train_loss, lowest, left))

        with open_tensorboard(self._folder, first, self._fabric.is_global_zero) as write_scalars:
            for number in range(first, self._settings.epochs):
                if self._history and number - best_of(self._history).epoch > self._settings.patience:
                    break
                begin = time.monotonic()
                train_loss, steps = self._learn(number, tell)
                validation_loss, accuracy = self._judge(number)
                epoch = Epoch(number, train_loss, validation_loss, accuracy, time.monotonic() - begin)
                if validation_loss < lowest_loss(self._history):
                    state = self._network.state_dict()
                    self._best = {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}
                self._history.append(epoch)
                write_scalars(epoch)
                self._save()
                tell(number, steps, steps, train_loss)
        if self._fabric.is_global_zero:
            finish(self._folder, self._told, self._history, self._best)
        self._fabric.barrier()
        return self._history

    def _learn(self, epoch: int, tell: Callable[[int, int, int, float], None]) -> tuple[float, int]:
        """One epoch. Returns the mean loss over its clips, and its steps."""
        settings, fabric = self._settings, self._fabric
        rank, world = fabric.global_rank, fabric.world_size
        steps = plan(self._num_clips, settings.batch_size, settings.accumulate, world, self._seed, epoch)
        shares = [step[rank::world] for step in steps]
        self._batches.set(epoch, [batch for share in shares for batch in share])
        self._network.train()
        sum_of_losses, clips = 0.0, 0
        with random_numbers(self._seed, epoch, rank, device=fabric.device):
            loaded = iter(self._loader)
            for number, (step, share) in enumerate(zip(steps, shares, strict=True)):
                tell(epoch, number, len(steps), sum_of_losses / max(1, clips))
                in_step = sum(map(len, step))
                step_loss = torch.zeros((), device=fabric.device)
                for place, batch in enumerate(share, 1):
                    inputs, targets = fabric.to_device(next(loaded))
                    with fabric.no_backward_sync(self._module, enabled=place < len(share)):
                        loss = self._loss(self._module(inputs), targets) * (len(batch) / in_step)
                        fabric.backward(loss * world)  # several devices take the mean of their gradients
                    step_loss += loss.detach()
                mean = self._finite(float(sum_over_devices(fabric, step_loss)), epoch)
                for group in self._optimizer.param_groups:
                    group["lr"] = settings.learning_rate_at(epoch + (number + 0.5) / len(steps))
                if settings.clip_gradients:
                    fabric.clip_gradients(
                        self._module, self._optimizer, max_norm=settings.clip_gradients, error_if_nonfinite=False
                    )
                self._optimizer.step()
                self._optimizer.zero_grad()
                sum_of_losses, clips = sum_of_losses + mean * in_step, clips + in_step
        return sum_of_losses / clips, len(steps)

    def _judge(self, epoch: int) -> tuple[float, float]:
        """Loss and accuracy on the validation clips."""
        if self._fabric.world_size > 1:  # what batch norm has counted is the first device's, as in the file
            for buffer in self._network.buffers():
                torch.distributed.broadcast(buffer, 0)
        found, truth = self._predictor(self._network)
        logits, targets = torch.from_numpy(found), torch.from_numpy(truth)
        if targets.ndim == 1:
            loss, right = functional.cross_entropy(logits, targets), logits.argmax(1) == targets
        else:
            loss = functional.binary_cross_entropy_with_logits(logits, targets)
            right = (logits > 0) == (targets > 0.5)
        return self._finite(float(loss), epoch), float(right.float().mean())

    def _finite(self, loss: float, epoch: int) -> float:
        if not math.isfinite(loss):
            raise OptionError(
                f"the loss is no longer a number in epoch {epoch + 1}: lower learning_rate, which is "
                f"{self._settings.learning_rate:g}, set clip_gradients, or use precision 32-true"
            )
        return loss

    def _save(self) -> None:
        """Write what a later call goes on from: after every epoch, but never for more than a tenth of the time."""
        start = time.monotonic()
        if not self._fabric.is_global_zero or start - self._saved < 10 * self._seconds_to_save:
            return
        state = {
            "network": self._network.state_dict(),
            "best": self._best,
            "optimizer": self._optimizer.state_dict(),
            "precision": self._fabric.strategy.precision.state_dict(),
        }
        write_checkpoint(self._folder, self._told, self._history, state)
        self._saved = time.monotonic()
        self._seconds_to_save = self._saved - start

    def _restore(self) -> None:
        found = read_checkpoint(self._folder, self._told)
        if found is not None:
            self._history, state = found
            self._network.load_state_dict(state["network"])
            self._best = state["best"]
            self._optimizer.load_state_dict(state["optimizer"])
            self._fabric.strategy.precision.load_state_dict(state["precision"])
