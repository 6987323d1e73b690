"""What became of a training, epoch by epoch, and what an interrupted one goes on from, on the disk."""

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
    """Saves what an interrupted training goes on from, but never for more than a tenth of the time."""

    def __init__(self) -> None:
        self._ended, self._seconds = -math.inf, 0.0

    def __call__(self, save: Callable[[], None]) -> None:
        start = time.monotonic()
        if start - self._ended >= 10 * self._seconds:
            save()
            self._ended = time.monotonic()
            self._seconds = self._ended - start


def write_state(folder: Path, setup: Mapping[str, Any], state: Mapping[str, Any]) -> None:
    """Keep a state of tensors, numbers, texts, lists and dictionaries; setup: the settings that it belongs to.

    Raises OutputError where it cannot be written.
    """
    path, temporary = folder / LAST, None
    try:
        folder.mkdir(parents=True, exist_ok=True)
        temporary = hidden_file(path)
        torch.save({"told": json.dumps(setup), **state}, temporary)
        take_place(temporary, path, overwrite=True)
    except (OSError, RuntimeError) as error:  # torch gives a full disk as RuntimeError
        raise OutputError(f"{path} cannot be written ({error}); choose another place or free some space") from error
    finally:
        if temporary is not None:
            remove(temporary)


def read_state(folder: Path, setup: Mapping[str, Any]) -> dict[str, Any] | None:
    """What `write_state` kept; None where there is nothing.

    Raises WeightsError where it is damaged, OptionError where it is one of other settings.
    """
    path = folder / LAST
    if not path.is_file():
        return None
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
        before = json.loads(state.pop("told"))
    except Exception as error:  # damaged files raise whatever the reader stumbles over
        raise WeightsError(f"{path} is damaged; remove {folder} and train again") from error
    compare(folder, setup, before)
    return state


def remove_state(folder: Path) -> None:
    """Remove it, and what was being written when power went off."""
    for path in (folder / LAST, *folder.glob(f".{LAST}.part-*")):
        remove(path)


def compare(folder: Path, setup: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    """Raises OptionError where a folder holds a training of other settings."""
    names = [name for name in sorted({*setup, *before}) if setup.get(name) != before.get(name)]
    if names:
        changes = "; ".join(f"{name} was {before.get(name)!r}, is {setup.get(name)!r}" for name in names)
        raise OptionError(f"{folder} holds another training ({changes}); choose another folder, or remove it")


BEST = "best.safetensors"
HISTORY = "history.json"
"""What a finished training leaves; the history comes last."""


@dataclass(frozen=True)
class Epoch:
    """One epoch, counted from 0: mean loss over the training clips while they were learned from; loss and accuracy (of
    yes and no for each class, with several labels at once) on the validation clips after it."""

    epoch: int
    train_loss: float
    validation_loss: float
    validation_accuracy: float
    seconds: float


@dataclass(frozen=True)
class Progress:
    """Where a training stands: steps of the optimiser done and to do in this epoch, mean training loss of the epoch so
    far, lowest validation loss so far (infinite before there is one), and seconds to the last epoch, which patience
    may end earlier (infinite while unknown)."""

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
        """The epoch whose weights were kept: the first one with the lowest validation loss."""
        return best_of(self.history)


def best_of(history: Sequence[Epoch]) -> Epoch:
    """The first epoch with the lowest validation loss."""
    return min(history, key=lambda epoch: epoch.validation_loss)


def lowest_loss(history: Sequence[Epoch]) -> float:
    """The lowest validation loss so far; infinite before the first epoch."""
    return min((epoch.validation_loss for epoch in history), default=math.inf)


def load_best(network: nn.Module, folder: Path) -> None:
    """Give a network the best weights of a finished training, and put it into evaluation mode. Raises WeightsError."""
    load_weights(network, folder / BEST)


def load_weights(network: nn.Module, path: Path) -> None:
    """Give a network the weights that a training left, and put it into evaluation mode.

    Raises WeightsError where they are missing, damaged, or of another network.
    """
    try:
        network.load_state_dict(load_file(str(path)))
    except Exception as error:  # safetensors raises its own errors
        raise WeightsError(
            f"{path} is missing, damaged or of another network; remove {path.parent} and train again"
        ) from error
    network.eval()


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a training that came to its end."""
    return (folder / HISTORY).is_file()


def write_checkpoint(
    folder: Path, setup: Mapping[str, Any], history: Sequence[Epoch], state: Mapping[str, Any]
) -> None:
    """Write all that an interrupted training needs to go on, see `write_state`."""
    write_state(folder, setup, {"history": [asdict(epoch) for epoch in history], **state})


def read_checkpoint(folder: Path, setup: Mapping[str, Any]) -> tuple[list[Epoch], dict[str, Any]] | None:
    """History and state of an interrupted training, see `read_state`; None where there is none."""
    state = read_state(folder, setup)
    if state is None:
        return None
    try:
        history = msgspec.convert(state.pop("history"), list[Epoch])
    except (KeyError, ValueError) as error:
        raise WeightsError(f"{folder / LAST} is damaged; remove {folder} and train again") from error
    return history, state


def finish(folder: Path, setup: Mapping[str, Any], history: Sequence[Epoch], best: Mapping[str, Tensor]) -> None:
    """Let the best weights and the history appear, which makes a training finished, and remove what it went on from."""
    write_file(folder / BEST, save(dict(best)))
    record = {"training": setup, "epochs": [asdict(epoch) for epoch in history]}
    write_file(folder / HISTORY, (json.dumps(record, indent=1) + "\n").encode())
    remove_state(folder)


def read_finished(folder: Path, setup: Mapping[str, Any]) -> list[Epoch] | None:
    """The history of a finished training; None where there is none.

    Raises WeightsError where it is damaged, OptionError where it is one of other settings.
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
