"""What became of a training: epoch by epoch, and on the disk."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save
from torch import Tensor, nn

from ..._core.atomic_files import write_file
from ..._core.errors import WeightsError
from .checkpoint import LAST, compare, read_state, remove_state, write_state

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


def write_checkpoint(folder: Path, told: Mapping[str, Any], history: Sequence[Epoch], state: Mapping[str, Any]) -> None:
    """Write all that an interrupted training needs to go on, see `write_state`."""
    write_state(folder, told, {"history": [asdict(epoch) for epoch in history], **state})


def read_checkpoint(folder: Path, told: Mapping[str, Any]) -> tuple[list[Epoch], dict[str, Any]] | None:
    """History and state of an interrupted training, see `read_state`; None where there is none."""
    state = read_state(folder, told)
    if state is None:
        return None
    try:
        history = [Epoch(**epoch) for epoch in state.pop("history")]
    except (KeyError, TypeError) as error:
        raise WeightsError(f"{folder / LAST} is damaged; remove {folder} and train again") from error
    return history, state


def finish(folder: Path, told: Mapping[str, Any], history: Sequence[Epoch], best: Mapping[str, Tensor]) -> None:
    """Let the best weights and the history appear, which makes a training finished, and remove what it went on from."""
    write_file(folder / BEST, save(dict(best)))
    record = {"training": told, "epochs": [asdict(epoch) for epoch in history]}
    write_file(folder / HISTORY, (json.dumps(record, indent=1) + "\n").encode())
    remove_state(folder)


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
    compare(folder, told, before)
    return history
