"""The loop that trains all networks."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.nn import functional

from motionveil._core.errors import OptionError

from ..results import hash_of
from .curves import Curves, open_curves
from .history import (
    BEST,
    Epoch,
    Fitted,
    Progress,
    Saving,
    best_of,
    finish,
    load_best,
    lowest_loss,
    read_checkpoint,
    read_finished,
    write_checkpoint,
)
from .loading import Batches, Predictor, TrainingSet, ViewSet, plan, sum_over_devices, training_loader
from .settings import Training, make_fabric, random_numbers

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
    setup = {
        **settings.as_record(),
        "seed": seed,
        "multilabel": multilabel,
        "network": hash_of(shapes),
        "train_clips": len(train),
        "validation_clips": len(validation),
    }
    history = read_finished(folder, setup)
    if history is None:
        run = _Run(network, train, validation, settings, folder, seed, _loss(settings, multilabel), fabric, setup)
        history = run.to_the_end(on_progress or (lambda progress: None))
    load_best(network, folder)
    return Fitted(folder / BEST, tuple(history))


def _set_training(network: nn.Module) -> None:
    """Training mode, but not of layers whose weights stay: their batch norm keeps what it has counted."""
    network.train()
    for module in network.modules():
        own = list(module.parameters(recurse=False))
        if own and not any(parameter.requires_grad for parameter in own):
            module.training = False


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


@dataclass
class _Run:
    """A training that runs."""

    network: nn.Module
    train: TrainingSet
    validation: ViewSet
    settings: Training
    folder: Path
    seed: int
    loss: Loss
    fabric: Fabric
    setup: Mapping[str, Any]
    history: list[Epoch] = field(default_factory=list)
    best: dict[str, Tensor] = field(default_factory=dict)
    saving: Saving = field(default_factory=Saving)
    batches: Batches = field(default_factory=Batches)
    curves: Curves = field(default_factory=Curves)

    def __post_init__(self) -> None:
        settings, fabric = self.settings, self.fabric
        learned = [parameter for parameter in self.network.parameters() if parameter.requires_grad]
        optimizer = torch.optim.AdamW(learned, lr=settings.learning_rate, weight_decay=settings.weight_decay)
        self.module, self.optimizer = fabric.setup(self.network, optimizer)
        self.loader = training_loader(self.train, self.batches, settings.workers, fabric.device)
        self.predictor = Predictor(self.validation, settings.batch_size, settings.workers, fabric)

    def to_the_end(self, on_progress: Callable[[Progress], None]) -> list[Epoch]:
        """Train, from where an earlier call was interrupted."""
        self._restore()
        start, first = time.monotonic(), len(self.history)

        def tell(epoch: int, step: int, steps: int, train_loss: float) -> None:
            done = epoch - first + step / steps
            left = (time.monotonic() - start) / done * (self.settings.epochs - first - done) if done else math.inf
            lowest = lowest_loss(self.history)
            on_progress(Progress(epoch, self.settings.epochs, step, steps, train_loss, lowest, left))

        with open_curves(self.folder, first, wanted=self.fabric.is_global_zero) as self.curves:
            for number in range(first, self.settings.epochs):
                if self.history and number - best_of(self.history).epoch > self.settings.patience:
                    break
                begin = time.monotonic()
                train_loss, steps = self._learn(number, tell)
                validation_loss, accuracy, shown = self._validate(number)
                epoch = Epoch(number, train_loss, validation_loss, accuracy, time.monotonic() - begin)
                if validation_loss < lowest_loss(self.history):
                    state = self.network.state_dict()
                    self.best = {name: value.detach().cpu().clone().contiguous() for name, value in state.items()}
                self.history.append(epoch)
                self.curves.add_epoch(epoch, *shown)
                self._save()
                tell(number, steps, steps, train_loss)
        if self.fabric.is_global_zero:
            finish(self.folder, self.setup, self.history, self.best)
        self.fabric.barrier()
        return self.history

    def _learn(self, epoch: int, tell: Callable[[int, int, int, float], None]) -> tuple[float, int]:
        """One epoch. Returns the mean loss over its clips, and its steps."""
        settings, fabric = self.settings, self.fabric
        rank, world = fabric.global_rank, fabric.world_size
        steps = plan(len(self.train), settings.batch_size, settings.accumulate, world, self.seed, epoch)
        shares = [step[rank::world] for step in steps]
        self.batches.set(epoch, [batch for share in shares for batch in share])
        _set_training(self.network)
        sum_of_losses, clips = 0.0, 0
        with random_numbers(self.seed, epoch, rank, device=fabric.device):
            loaded = iter(self.loader)
            for number, (step, share) in enumerate(zip(steps, shares, strict=True)):
                tell(epoch, number, len(steps), sum_of_losses / max(1, clips))
                in_step = sum(map(len, step))
                step_loss = torch.zeros((), device=fabric.device)
                for place, batch in enumerate(share, 1):
                    inputs, targets = fabric.to_device(next(loaded))
                    if not (epoch or number) and place == 1:
                        self.curves.add_clips(inputs, epoch)
                    with fabric.no_backward_sync(self.module, enabled=place < len(share)):
                        loss = self.loss(self.module(inputs), targets) * (len(batch) / in_step)
                        fabric.backward(loss * world)  # several devices take the mean of their gradients
                    step_loss += loss.detach()
                mean = self._finite(float(sum_over_devices(fabric, step_loss)), epoch)
                for group in self.optimizer.param_groups:
                    group["lr"] = settings.learning_rate_at(epoch + (number + 0.5) / len(steps))
                if settings.clip_gradients:
                    fabric.clip_gradients(
                        self.module, self.optimizer, max_norm=settings.clip_gradients, error_if_nonfinite=False
                    )
                self.optimizer.step()
                self.optimizer.zero_grad()
                sum_of_losses, clips = sum_of_losses + mean * in_step, clips + in_step
        return sum_of_losses / clips, len(steps)

    def _validate(self, epoch: int) -> tuple[float, float, tuple[Tensor, Tensor]]:
        """Loss and accuracy on the validation clips, and their logits and targets."""
        if self.fabric.world_size > 1:  # what batch norm has counted is the first device's, as in the file
            for buffer in self.network.buffers():
                torch.distributed.broadcast(buffer, 0)
        found, truth = self.predictor(self.network)
        logits, targets = torch.from_numpy(found), torch.from_numpy(truth)
        if targets.ndim == 1:
            loss, right = functional.cross_entropy(logits, targets), logits.argmax(1) == targets
        else:
            loss = functional.binary_cross_entropy_with_logits(logits, targets)
            right = (logits > 0) == (targets > 0.5)
        return self._finite(float(loss), epoch), float(right.float().mean()), (logits, targets)

    def _finite(self, loss: float, epoch: int) -> float:
        if not math.isfinite(loss):
            raise OptionError(
                f"the loss is no longer a number in epoch {epoch + 1}: lower learning_rate, which is "
                f"{self.settings.learning_rate:g}, set clip_gradients, or use precision 32-true"
            )
        return loss

    def _save(self) -> None:
        """Write what a later call goes on from, after every epoch."""
        if self.fabric.is_global_zero:
            self.saving(lambda: write_checkpoint(self.folder, self.setup, self.history, self._state()))

    def _state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "best": self.best,
            "optimizer": self.optimizer.state_dict(),
            "precision": self.fabric.strategy.precision.state_dict(),
        }

    def _restore(self) -> None:
        found = read_checkpoint(self.folder, self.setup)
        if found is not None:
            self.history, state = found
            self.network.load_state_dict(state["network"])
            self.best = state["best"]
            self.optimizer.load_state_dict(state["optimizer"])
            self.fabric.strategy.precision.load_state_dict(state["precision"])
