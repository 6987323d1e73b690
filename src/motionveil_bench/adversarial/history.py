"""What became of the training of a learned obfuscator: round by round, and on the disk."""

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
    utility_accuracy: Share
    budget_losses: tuple[float, ...]
    budget_accuracies: tuple[Share, ...]


@dataclass(frozen=True)
class Round:
    """One round; round 0 is the pretraining. restarted: whether all f_b started afresh before it."""

    round: int
    restarted: bool
    seconds: float
    phases: tuple[PhaseEnd, ...]
    validation: Validation


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
    setup: Mapping[str, Any]
    rounds: tuple[Round, ...]

    @property
    def settings(self) -> Mapping[str, Any]:
        """As `Learning.as_record` has them."""
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
    """Whether a folder holds a training that came to its end."""
    return (folder / HISTORY).is_file()


def write_history(folder: Path, setup: Mapping[str, Any], rounds: Sequence[Round]) -> None:
    """Let the history appear, which makes a training finished."""
    record = {**setup, "rounds": [asdict(each) for each in rounds]}
    write_file(folder / HISTORY, (json.dumps(record, indent=1) + "\n").encode())


@dataclass(frozen=True)
class _Record:
    """What has to be in a history."""

    name: str
    seed: int
    settings: dict[str, Any]
    rounds: Annotated[tuple[Round, ...], msgspec.Meta(min_length=1)]


def read_learned(folder: Path) -> Learned:
    """A finished training. Raises WeightsError where it is damaged, or not there."""
    path = folder / HISTORY
    try:
        setup = json.loads(path.read_text("utf-8"))
        record = msgspec.convert(setup, _Record)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{path} is damaged ({error}); remove {folder} and train again") from error
    del setup["rounds"]
    return Learned(folder, record.name, record.seed, setup, record.rounds)
