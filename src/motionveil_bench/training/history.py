"""The history of a training by epoch, and the state from which an interrupted one resumes, stored on disk."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from motionveil._core.atomic_files import hidden_file, remove, take_place, write_file
from motionveil._core.errors import OptionError, OutputError, WeightsError

LAST = "last.ckpt"


class Saving:
    """Saves checkpoints, spending at most a tenth of the time on it."""

    def __init__(self) -> None:
        self._ended, self._seconds = -math.inf, 0.0

    def __call__(self, save: Callable[[], None]) -> None:
        start = time.monotonic()
        if start - self._ended >= 10 * self._seconds:
            save()
            self._ended = time.monotonic()
            self._seconds = self._ended - start


def write_state(folder: Path, setup: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Store a state of tensors, numbers, strings, lists and dictionaries. setup: the settings that it belongs to.

    Raises:
        OutputError: If it cannot be written.
    """
    path, temporary = folder / LAST, None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = hidden_file(path)
        torch.save({"told": json.dumps(setup), **state}, temporary)
        take_place(temporary, path, overwrite=True)
    except (OSError, RuntimeError) as error:  # torch reports a full disk as RuntimeError
        raise OutputError(f"{path} cannot be written ({error}); choose another place or free some space") from error
    finally:
        if temporary is not None:
            remove(temporary)


def read_state(folder: Path, setup: Mapping[str, Any]) -> dict[str, Any] | None:
    """Load a state stored by `write_state`; None if there is none.

    Raises:
        WeightsError: If it is damaged.
        OptionError: If it belongs to other settings.
    """
    path = folder / LAST
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        before = json.loads(state.pop("told"))
    except Exception as error:  # the reader raises arbitrary errors on damaged files
        raise WeightsError(f"{path} is damaged; remove {folder} and train again") from error
    compare(folder, setup, before)
    return state


def remove_state(folder: Path) -> None:
    """Remove it, and partial files from a power failure."""
    for path in (folder / LAST, *folder.glob(f".{LAST}.part-*")):
        remove(path)


def compare(folder: Path, setup: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Raise OptionError if a folder contains a training with other settings."""
    names = [name for name in sorted({*setup, *before}) if setup.get(name) != before.get(name)]
    if names:
        changes = "; ".join(f"{name} was {before.get(name)!r}, is {setup.get(name)!r}" for name in names)
        raise OptionError(f"{folder} holds another training ({changes}); choose another folder, or remove it")


BEST = "best.safetensors"
HISTORY = "history.json"
"""Files of a finished training; the history is written last."""


@dataclass(frozen=True)
class Epoch:
    """One epoch, counted from 0.

    The training loss is the mean during the epoch; validation loss and accuracy are measured after it. With several
    labels, accuracy is that of the binary decision for each class.
    """

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Progress:
    """The state of a training: optimiser steps done and in total for this epoch, mean training loss so far, lowest
    validation loss (infinite before the first), and seconds until the last epoch (infinite if unknown; patience may end
    it earlier).
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    train_loss: float
    validation_loss: float
    seconds_left: float


@dataclass(frozen=True)
class Fitted:
    """A finished training: the file with the best weights, and all epochs."""

    weights: Path
    history: tuple[Epoch, ...]

    @property
    def best(self) -> Epoch:
        """The epoch whose weights were kept: the first with the lowest validation loss."""
        return best_of(self.history)


def best_of(history: Sequence[Epoch]) -> Epoch:
    """The first epoch with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch.validation_loss)


def lowest_loss(history: Sequence[Epoch]) -> float:
    """The lowest validation loss so far; infinite before the first epoch."""
    return min((epoch.validation_loss for epoch in history), default=math.inf)


def load_best(network: nn.Module, folder: Path) -> None:
    """Load the best weights of a finished training, in evaluation mode. Raises WeightsError if that fails."""
    load_weights(network, folder / BEST)


def load_weights(network: nn.Module, path: Path) -> None:
    """Load the weights of a finished training into a network, in evaluation mode.

    Raises:
        WeightsError: If they are missing, damaged, or belong to another network.
    """
    try:
        network.load_state_dict(load_file(str(path)))
    except Exception as error:  # safetensors has its own errors
        raise WeightsError(
            f"{path} is missing, damaged or of another network; remove {path.parent} and train again"
        ) from error
    network.eval()


def is_finished(folder: Path) -> bool:
    """Whether a folder contains a finished training."""
    return (folder / HISTORY).is_file()


def write_checkpoint(
    folder: Path, setup: Mapping[str, Any], history: Sequence[Epoch], state: Mapping[str, Any]
) -> None:
    """Store everything that an interrupted training needs to resume, see `write_state`."""
    write_state(folder, setup, {"history": [asdict(epoch) for epoch in history], **state})


def read_checkpoint(folder: Path, setup: Mapping[str, Any]) -> tuple[list[Epoch], dict[str, Any]] | None:
    """History and state of an interrupted training, see `read_state`; None if there is none."""
    state = read_state(folder, setup)
    if state is None:
        return None
    try:
        history = msgspec.convert(state.pop("history"), list[Epoch])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{folder / LAST} is damaged; remove {folder} and train again") from error
    return history, state


def finish(folder: Path, setup: Mapping[str, Any], history: Sequence[Epoch], best: Mapping[str, Tensor]) -> None:
    """Publish the best weights and the history, which completes the training, and remove its checkpoint."""
    write_file(folder / BEST, save(dict(best)))
    record = {"training": setup, "epochs": [asdict(epoch) for epoch in history]}
    write_file(folder / HISTORY, (json.dumps(record, indent=1) + "\n").encode())
    remove_state(folder)


def read_finished(folder: Path, setup: Mapping[str, Any]) -> list[Epoch] | None:
    """The history of a finished training; None if there is none.

    Raises:
        WeightsError: If it is damaged.
        OptionError: If it belongs to other settings.
    """
    path = folder / HISTORY
    if not is_finished(folder):
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        before, history = record["training"], msgspec.convert(record["epochs"], list[Epoch])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path} is damaged; remove {folder} and train again") from error
    compare(folder, setup, before)
    return history
