"""What a round of an adversarial training consists of, and when a part of it has done enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["degradation", "utility", "budget"]
"""f_d, which hides; f_T, which recognises actions; f_b, the attackers that it is trained against."""

Term = Literal["", "identity", "attack", "reversal", "strongest", "entropy", "uniform", "contrastive"]
"""What is minimised beside the utility loss.

identity: what f_d makes is what it was given. attack: every f_b recognises as well as it can. reversal: every f_b
recognises as well as it can, and f_d makes that hard. strongest: minus the loss of the strongest f_b. entropy, uniform:
how sure the surest f_b is. contrastive: minus the loss of telling clips apart.
"""

Stopped = Literal["", "steps", "accuracy", "plateau"]


@dataclass(frozen=True)
class Gate:
    """When a phase ends before its steps are done.

    accuracy: once it is reached. on: 'training', as the mean over the last `window` steps, of the worst network where
    several learn; or 'validation', asked every `window` steps. patience: steps on the validation clips without a new
    highest accuracy after which it ends, too; 0 never.
    """

    accuracy: float
    on: Literal["training", "validation"] = "training"
    window: int = 5
    patience: int = 0


class Gatekeeper:
    """Watches one phase through its gate."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._recent: list[float] = []
        self._highest = -1.0
        self._since = 0

    def is_asked(self, step: int) -> bool:
        """Whether an accuracy is wanted after this step, counted from 1."""
        return self.gate.on == "training" or step % self.gate.window == 0

    def __call__(self, accuracy: float) -> Stopped:
        """Why to stop after a step with this accuracy; empty to go on."""
        if self.gate.on == "training":
            self._recent = [*self._recent, accuracy][-self.gate.window :]
            full = len(self._recent) == self.gate.window
            return "accuracy" if full and sum(self._recent) / len(self._recent) >= self.gate.accuracy else ""
        if accuracy >= self.gate.accuracy:
            return "accuracy"
        self._since = 0 if accuracy > self._highest else self._since + self.gate.window
        self._highest = max(self._highest, accuracy)
        return "plateau" if self.gate.patience and self._since >= self.gate.patience else ""


@dataclass(frozen=True)
class Phase:
    """Steps that train some of the parts on one loss.

    learns: parts whose weights change; the others are frozen, in evaluation mode. utility: whether the utility loss L_T
    is part of it. term: see `Term`; weighted by gamma where f_d learns. steps: at most.
    """

    name: str
    learns: frozenset[Part]
    steps: int
    utility: bool = False
    term: Term = ""
    gate: Gate | None = None
