"""The history of the training of a learned obfuscator by round, stored on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec

from motionveil._core.atomic_files import write_file
from motionveil._core.errors import WeightsError

from ..settings import Share
from .settings import Stopped

OBFUSCATOR = "obfuscator.safetensors"
UTILITY = "utility.safetensors"
HISTORY = "history.json"
"""Files of a finished training; the history is written last."""


@dataclass(frozen=True)
class PhaseEnd:
    """How a phase ended: its steps, the reason, and the means over its steps of the loss, of the term beside the
    utility loss, and of the training accuracy (of the weakest budget network, of f_T, or of retrieval).
    """

    name: str
    steps: int
    stopped: Stopped
    loss: float
    privacy_loss: float
    accuracy: float


@dataclass(frozen=True)
class Validation:
    """Loss and accuracy on the validation clips, of f_T and of each f_b, on the output of f_d."""

    utility_loss: float
    utility_accuracy: Share
    budget_losses: tuple[float, ...]
    budget_accuracies: tuple[Share, ...]


@dataclass(frozen=True)
class Round:
    """One round; round 0 is the pretraining. restarted: whether all f_b were reinitialised before it."""

    round: int
    restarted: bool
    seconds: float
    phases: tuple[PhaseEnd, ...]
    validation: Validation


@dataclass(frozen=True)
class LearningProgress:
    """The state of a training: current round and phase, steps of the phase done and maximum, seconds to the end of the
    last round at the current pace (infinite if unknown), and accuracies on the validation clips after the last round,
    of f_T and of the strongest f_b (None before the first).
    """

    round: int
    rounds: int
    phase: str
    step: int
    steps: int
    seconds_left: float
    actions: float | None = None
    attackers: float | None = None


@dataclass(frozen=True)
class Learned:
    """A finished training: its folder, its name in the experiment, its seed, its settings, and its rounds."""

    folder: Path
    name: str
    seed: int
    setup: Mapping[str, Any]
    rounds: tuple[Round, ...]

    @property
    def settings(self) -> Mapping[str, Any]:
        """As in `Learning.as_record`."""
        settings: Mapping[str, Any] = self.setup["settings"]
        return settings

    @property
    def obfuscator(self) -> Path:
        """The file for `learned.load_learned`."""
        return self.folder / OBFUSCATOR

    @property
    def utility(self) -> Path:
        """The weights of f_T."""
        return self.folder / UTILITY


def is_learned(folder: Path) -> bool:
    """Whether a folder contains a finished training."""
    return (folder / HISTORY).is_file()


def write_history(folder: Path, setup: Mapping[str, Any], rounds: Sequence[Round]) -> None:
    """Publish the history, which completes the training."""
    record = {**setup, "rounds": [asdict(each) for each in rounds]}
    write_file(folder / HISTORY, (json.dumps(record, indent=1) + "\n").encode())


@dataclass(frozen=True)
class _Record:
    """Required entries of a history."""

    name: str
    seed: int
    settings: dict[str, Any]
    rounds: Annotated[tuple[Round, ...], msgspec.Meta(min_length=1)]


def read_learned(folder: Path) -> Learned:
    """Load a finished training. Raises WeightsError if it is damaged or missing."""
    path = folder / HISTORY
    try:
        setup = json.loads(path.read_text("utf-8"))
        record = msgspec.convert(setup, _Record)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is damaged ({error}); remove {folder} and train again") from error
    del setup["rounds"]
    return Learned(folder, record.name, record.seed, setup, record.rounds)
