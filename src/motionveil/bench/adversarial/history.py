"""What became of the training of a learned obfuscator: round by round, and on the disk."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import WeightsError
from ...files import write_file
from ..training.checkpoint import compare
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
        """What `asdict` and JSON made of one."""
        phases = tuple(PhaseEnd(**phase) for phase in record["phases"])
        told: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in record["validation"].items()
        }
        return cls(**{**record, "phases": phases, "validation": Validation(**told)})


@dataclass(frozen=True)
class LearningProgress:
    """Where a training stands: round and phase that run, steps of it done and to do at most, and seconds to the last
    round at the present pace (infinite while unknown)."""

    round: int
    rounds: int
    phase: str
    step: int
    steps: int
    seconds_left: float


@dataclass(frozen=True)
class Learned:
    """A finished training: where it lies, and its rounds."""

    folder: Path
    rounds: tuple[Round, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)

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


def read_learned(folder: Path, told: Mapping[str, Any] | None = None) -> Learned | None:
    """A finished training; None where there is none. told: what it has to be one of.

    Raises WeightsError where it is damaged, OptionError where it is one of other settings.
    """
    path = folder / HISTORY
    if not is_learned(folder):
        return None
    try:
        record = json.loads(path.read_text("utf-8"))
        rounds = tuple(Round.from_record(each) for each in record.pop("rounds"))
        settings = record["settings"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise WeightsError(f"{path} is damaged; remove {folder} and train again") from error
    if told is not None:
        compare(folder, told, record)
    return Learned(folder, rounds, settings)
