"""What became of the training of a learned obfuscator: round by round, and on the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..._core.atomic_files import write_file
from ..._core.errors import WeightsError
from .phases import Stopped

OBFUSCATOR = "obfuscator.safetensors"
UTILITY = "utility.safetensors"
HISTORY = "history.json"
"""What a finished training leaves; the history comes last."""


@dataclass(frozen=True)
class PhaseEnd:
    """How a phase ended: its steps, why it stopped, and the means over its steps of the whole loss, of the term beside
    the utility loss, and of the training accuracy of what learned (of the weakest budget, of f_T, or of retrieval)."""

    name: str
    steps: int
    stopped: Stopped
    loss: float
    privacy_loss: float
    accuracy: float


@dataclass(frozen=True)
class Validation:
    """Loss and accuracy on the validation clips, of f_T and of each f_b, behind f_d."""

    utility_loss: float
    utility_accuracy: float
    budget_losses: tuple[float, ...]
    budget_accuracies: tuple[float, ...]


@dataclass(frozen=True)
class Round:
    """One round; round 0 is the pretraining. restarted: whether all f_b started afresh before it."""

    round: int
    restarted: bool
    seconds: float
    phases: tuple[PhaseEnd, ...]
    validation: Validation

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Round:
        """What `asdict` and JSON made of one. Raises ValueError, TypeError or KeyError where it is something else."""
        told = record["validation"]
        validation = Validation(
            float(told["utility_loss"]),
            _share(told["utility_accuracy"]),
            tuple(float(loss) for loss in told["budget_losses"]),
            tuple(_share(accuracy) for accuracy in told["budget_accuracies"]),
        )
        phases = tuple(PhaseEnd(**phase) for phase in record["phases"])
        return cls(int(record["round"]), bool(record["restarted"]), float(record["seconds"]), phases, validation)


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no accuracy")
    return float(value)


@dataclass(frozen=True)
class LearningProgress:
    """Where a training stands: round and phase that run, steps of it done and to do at most, seconds to the last round
    at the present pace (infinite while unknown), and accuracies on the validation clips after the last round: of f_T
    and of the strongest f_b (None before there are any)."""

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
    """A finished training: where it lies, its name in the experiment, its seed, what it was told, and its rounds."""

    folder: Path
    name: str
    seed: int
    told: Mapping[str, Any]
    rounds: tuple[Round, ...]

    @property
    def settings(self) -> Mapping[str, Any]:
        """As `Learning.as_record` has them."""
        settings: Mapping[str, Any] = self.told["settings"]
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
    """Whether a folder holds a training that came to its end."""
    return (folder / HISTORY).is_file()


def write_history(folder: Path, told: Mapping[str, Any], rounds: Sequence[Round]) -> None:
    """Let the history appear, which makes a training finished."""
    record = {**told, "rounds": [asdict(each) for each in rounds]}
    write_file(folder / HISTORY, (json.dumps(record, indent=1) + "\n").encode())


def read_learned(folder: Path) -> Learned:
    """A finished training. Raises WeightsError where it is damaged, or not there."""
    path = folder / HISTORY
    try:
        told = json.loads(path.read_text("utf-8"))
        rounds = tuple(Round.from_record(each) for each in told.pop("rounds"))
        if not rounds:
            raise ValueError("it has no rounds")
        if not isinstance(told["name"], str) or not isinstance(told["settings"], dict):
            raise TypeError("name or settings are something else")
        return Learned(folder, told["name"], int(told["seed"]), told, rounds)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise WeightsError(f"{path} is damaged ({why}); remove {folder} and train again") from error
