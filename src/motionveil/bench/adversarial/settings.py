"""What the training of a learned obfuscator is told."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from ..._core.errors import OptionError
from ...learned import LowResolution, build_degradation
from ...outputs.run_manifest import plain
from ..networks import Network, get_network
from .methods import METHODS, Method
from .phases import Phase, Term

_COUNTS = {
    "num_budgets": 1, "num_frames": 0, "budget_frames": 1, "rounds": 0, "restart_every": 0, "degradation_steps": 0,
    "utility_steps": 0, "budget_steps": 0, "suppress_steps": 1, "attack_steps": 0, "use_steps": 0, "final_steps": 0,
    "use_patience": 0, "gate_window": 1, "batch_size": 2, "accumulate": 1,
}  # fmt: skip
"""Whole numbers, and the smallest of each."""
_MOST = 1_000_000
_RATES = ("degradation_learning_rate", "utility_learning_rate", "budget_learning_rate")


@dataclass(frozen=True)
class Learning:
    """Settings of the training of one learned obfuscator; defaults are those of Wu et al.'s code where it gives them.

    method: one of `METHODS`. degradation, degradation_options: f_d, one of `learned.DEGRADATIONS`, by default the
    method's, and what it is made with. utility: f_T, a network for clips that sees no flow. budgets: networks for f_b,
    used in turn until there are `num_budgets` of them: K of K-beam, M of the ensemble. attribute: the privacy task,
    empty where the dataset has only one. attribute_dataset: where its labels come from if not from the dataset of the
    actions. term: what f_d fights the budgets with, see `Term`; empty for the method's.

    gamma: weight of that term. up_to_chance: raise the loss of the strongest f_b only as far as that of guessing: one
    that is wrong on purpose tells as much, and f_d would turn all pictures into one. rounds: of phases. restart_every:
    after so many rounds all budgets start afresh; 0 never. degradation_steps, utility_steps, budget_steps: pretraining
    of f_d to the identity, of f_T, and of new budgets. suppress_steps, attack_steps, use_steps: at most, of the phases
    of a round (see `METHODS`). attack_accuracy: training accuracy that ends an attack. use_accuracy, use_patience:
    validation accuracy that ends a use, or steps without a new highest. gate_window: steps between looks at the
    validation clips, and behind a training accuracy. final_steps: f_T goes on for so long when f_d is finished.

    num_frames: of a clip for f_T, 0 for the network's own. budget_frames: of a clip for f_b, whose logits are averaged.
    batch_size: clips at once. accumulate: batches behind one step. The learning rates are those of Adam.
    Raises OptionError for what makes no sense.
    """

    method: str
    degradation: str = ""
    degradation_options: Mapping[str, Any] = field(default_factory=dict)
    utility: str = "c3d"
    budgets: tuple[str, ...] = ("mobilenet_v1_060",)
    num_budgets: int = 1
    attribute: str = ""
    attribute_dataset: str = ""
    term: Term = ""
    gamma: float = 0.5
    up_to_chance: bool = False
    rounds: int = 67
    restart_every: int = 0
    degradation_steps: int = 1000
    utility_steps: int = 1000
    budget_steps: int = 500
    suppress_steps: int = 30
    attack_steps: int = 200
    use_steps: int = 30
    final_steps: int = 0
    attack_accuracy: float = 0.99
    use_accuracy: float = 0.85
    use_patience: int = 10
    gate_window: int = 5
    num_frames: int = 0
    budget_frames: int = 4
    batch_size: int = 8
    accumulate: int = 10
    degradation_learning_rate: float = 1e-4
    utility_learning_rate: float = 1e-5
    budget_learning_rate: float = 1e-2

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise OptionError(f"no learned method {self.method!r}; choose from {', '.join(METHODS)}")
        for name, smallest in _COUNTS.items():
            value = getattr(self, name)
            if type(value) is not int or not smallest <= value <= _MOST:
                raise OptionError(f"{name} is {value!r}; give a whole number, at least {smallest}, at most {_MOST}")
        for name in ("gamma", "attack_accuracy", "use_accuracy", *_RATES):
            value = getattr(self, name)
            if type(value) not in (int, float) or not 0 <= value < math.inf:
                raise OptionError(f"{name} is {value!r}; give a number of at least 0")
        if self.term and self.term not in self.of_method.terms:
            there = " or ".join(self.of_method.terms) or "none"
            raise OptionError(f"term is {self.term!r}; the method {self.method} fights with {there}")
        if not isinstance(self.up_to_chance, bool):
            raise OptionError(f"up_to_chance is {self.up_to_chance!r}; give true or false")
        for name in ("attack_accuracy", "use_accuracy"):
            if getattr(self, name) > 1:
                raise OptionError(f"{name} is {getattr(self, name)!r}; give a share of at most 1")
        if not self.budgets:
            raise OptionError("budgets is empty; name at least one network")
        utility = _network("utility", self.utility)
        if utility.level != "clip" or utility.flow:
            raise OptionError(
                f"utility is {self.utility}, which sees {'flow' if utility.flow else 'single frames'}; choose a "
                "network for clips that sees pictures alone, so that what hides can be trained through it"
            )
        for name in self.budgets:
            if _network("budgets", name).flow:
                raise OptionError(f"budgets names {name}, which sees flow; choose networks that see pictures alone")
        made = build_degradation(self.degradation_name, **self.degradation_options)
        if self.of_method.chooses_transforms != isinstance(made, LowResolution):
            raise OptionError(
                f"the method {self.method} does not go with the degradation {self.degradation_name}; "
                "low_resolution and elr belong together"
            )

    @property
    def fought_with(self) -> Term:
        """What f_d fights the budgets with; empty where nothing is fought."""
        return self.term or (*self.of_method.terms, "")[0]

    @property
    def fights(self) -> bool:
        """Whether there are budgets."""
        return bool(self.of_method.terms)

    @property
    def needs_labels(self) -> bool:
        """Whether f_b learns an attribute, and does not only tell clips apart."""
        return self.of_method.needs_labels

    @property
    def degradation_name(self) -> str:
        """Of f_d."""
        return self.degradation or self.of_method.degradation

    @property
    def of_method(self) -> Method:
        """The line of the table."""
        return METHODS[self.method]

    def budget_name(self, number: int) -> str:
        """The network of one of the budgets."""
        return self.budgets[number % len(self.budgets)]

    def phases(self) -> tuple[Phase, ...]:
        """Of one round."""
        return self.of_method.phases(self)

    def as_record(self) -> dict[str, Any]:
        """All settings, for JSON and for a hash."""
        record = dict(plain(self))
        if not self.up_to_chance:
            del record["up_to_chance"]  # which older trainings did not know
        return record


def _network(setting: str, name: str) -> Network:
    try:
        return get_network(name)
    except OptionError as error:
        raise OptionError(f"{setting}: {error}") from None


def read_learning(name: str, told: Mapping[str, Any], where: str) -> Learning:
    """Settings from a table of a file; `method` is its name where it does not say. Raises OptionError."""
    known = {item.name for item in fields(Learning)}
    if unknown := set(told) - known:
        there = ", ".join(sorted(known))
        raise OptionError(f"{where} has a setting {min(unknown)!r} that does not exist; there are {there}")
    given = {"method": name, **told}
    for key in ("method", "degradation", "utility", "attribute", "attribute_dataset", "term"):
        if not isinstance(given.get(key, ""), str):
            raise OptionError(f"{key} of {where} must be a text, not {given[key]!r}")
    if not isinstance(given.get("degradation_options", {}), Mapping):
        raise OptionError(f"degradation_options of {where} must be a table, not {given['degradation_options']!r}")
    if "budgets" in given:
        budgets = given["budgets"]
        if not isinstance(budgets, list | tuple) or not all(isinstance(budget, str) for budget in budgets):
            raise OptionError(f"budgets of {where} must be a list of names, not {budgets!r}")
        given["budgets"] = tuple(budgets)
    try:
        if given["method"] in METHODS:
            given.setdefault("num_budgets", METHODS[given["method"]].num_budgets)
        return Learning(**given)
    except OptionError as error:
        raise OptionError(f"{where}: {error}") from None
