"""What became of a training: epoch by epoch, and on the disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save
from torch import Tensor, nn

from ...errors import OptionError, OutputError, WeightsError
from ...files import hidden_name, remove, take_place, write_file

BEST = "best.safetensors"
HISTORY = "history.json"
"""What a finished training leaves; the history comes last."""

LAST = "last.ckpt"
"""What an interrupted training goes on from."""


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
    """Give a network the best weights of a finished training, and put it into evaluation mode.

    Raises WeightsError where they are missing, damaged, or of another network.
    """
    path = folder / BEST
    try:
        network.load_state_dict(load_file(str(path)))
    except Exception as error:  # safetensors raises its own errors
        raise WeightsError(
            f"{path} is missing, damaged or of another network; remove {folder} and train again"
        ) from error
    network.eval()


def is_finished(folder: Path) -> bool:
    """Whether a folder holds a training that came to its end."""
    return (folder / HISTORY).is_file()


def write_checkpoint(folder: Path, told: Mapping[str, Any], history: Sequence[Epoch], state: Mapping[str, Any]) -> None:
    """Write all that an interrupted training needs to go on, whole or not at all. Raises OutputError otherwise."""
    path, temporary = folder / LAST, hidden_name(folder / LAST)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save({"told": json.dumps(told), "history": [asdict(epoch) for epoch in history], **state}, temporary)
        take_place(temporary, path, overwrite=True)
    except (OSError, RuntimeError) as error:  # torch gives a full disk as RuntimeError
        raise OutputError(f"{path} cannot be written ({error}); choose another place or free some space") from error
    finally:
        remove(temporary)


def read_checkpoint(folder: Path, told: Mapping[str, Any]) -> tuple[list[Epoch], dict[str, Any]] | None:
    """History and state of an interrupted training; None where there is none.

    Raises WeightsError where it is damaged, OptionError where it is one of other settings.
    """
    path = folder / LAST
    if not path.is_file():
        return None
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        before = json.loads(state.pop("told"))
        history = [Epoch(**epoch) for epoch in state.pop("history")]
    except Exception as error:  # damaged files raise whatever the reader stumbles over
        raise WeightsError(f"{path} is damaged; remove {folder} and train again") from error
    _compare(folder, told, before)
    return history, state


def finish(folder: Path, told: Mapping[str, Any], history: Sequence[Epoch], best: Mapping[str, Tensor]) -> None:
    """Let the best weights and the history appear, which makes a training finished, and remove what it went on from."""
    write_file(folder / BEST, save(dict(best)))
    record = {"training": told, "epochs": [asdict(epoch) for epoch in history]}
    write_file(folder / HISTORY, (json.dumps(record, indent=1) + "\n").encode())
    for path in (folder / LAST, *folder.glob(f".{LAST}.part-*")):  # also what was being written when power went off
        remove(path)


def read_finished(folder: Path, told: Mapping[str, Any]) -> list[Epoch] | None:
    """The history of a finished training; None where there is none.

    Raises WeightsError where it is damaged, OptionError where it is one of other settings.
    """
    path = folder / HISTORY
    if not is_finished(folder):
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        before, history = record["training"], [Epoch(**epoch) for epoch in record["epochs"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise WeightsError(f"{path} is damaged; remove {folder} and train again") from error
    _compare(folder, told, before)
    return history


def _compare(folder: Path, told: Mapping[str, Any], before: Mapping[str, Any]) -> None:
    names = [name for name in sorted({*told, *before}) if told.get(name) != before.get(name)]
    if names:
        changes = "; ".join(f"{name} was {before.get(name)!r}, is {told.get(name)!r}" for name in names)
        raise OptionError(f"{folder} holds another training ({changes}); choose another folder, or remove it")
