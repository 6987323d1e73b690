"""The learned methods, the phases of a round of their training, and what a training is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from msgspec import Meta

from motionveil._core.errors import OptionError
from motionveil.learned import LowResolution, build_degradation
from motionveil.outputs.run_manifest import plain

from ..models import Network, get_network
from ..settings import MOST, Count, CountOrNone, NotNegative, Settings, Share, read_settings

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


Phases = Callable[["Learning"], tuple[Phase, ...]]


@dataclass(frozen=True)
class Method:
    """One line of the table.

    degradation: f_d where the settings name none. terms: what f_d may fight the budgets with, the usual one first;
    empty where nothing is fought. phases: of a round. needs_labels: whether f_b learns an attribute. num_budgets: how
    many f_b there are where a file does not say.
    chooses_transforms: whether inverse super-resolution picks transforms before every round.
    """

    degradation: str
    terms: tuple[Term, ...]
    phases: Phases
    needs_labels: bool = True
    num_budgets: int = 1
    chooses_transforms: bool = False


def _attack(settings: Learning) -> Phase:
    """All f_b learn until each is nearly perfect on the training clips, so that f_d never fights weak ones."""
    gate = Gate(settings.attack_accuracy, window=settings.gate_window)
    return Phase("attack", frozenset({"budget"}), settings.attack_steps, term="attack", gate=gate)


def _use(settings: Learning, *parts: str) -> Phase:
    """Recognise actions well again, until the validation clips say that it is enough, or no longer gets better."""
    gate = Gate(settings.use_accuracy, "validation", settings.gate_window, settings.use_patience)
    learns = frozenset(part for part in ("degradation", "utility") if part in parts)
    return Phase("use", learns, settings.use_steps, utility=True, gate=gate)


def _suppress(settings: Learning, *parts: str, utility: bool) -> Phase:
    learns = frozenset(part for part in ("degradation", "utility", "budget") if part in parts)
    return Phase("suppress", learns, settings.suppress_steps, utility=utility, term=settings.fought_with)


def _grl(settings: Learning) -> tuple[Phase, ...]:
    """Attackers catch up; then all parts learn at once, the gradient of the attackers reversed on its way to f_d."""
    return _attack(settings), _suppress(settings, "degradation", "utility", "budget", utility=True)


def _kbeam(settings: Learning) -> tuple[Phase, ...]:
    """f_d raises the loss of the strongest attacker; all attackers catch up; f_T and f_d recover the actions."""
    return (
        _suppress(settings, "degradation", utility=False),
        _attack(settings),
        _use(settings, "utility", "degradation"),
    )


def _entropy(settings: Learning) -> tuple[Phase, ...]:
    """f_T and f_d keep the actions while the surest attacker is made unsure; f_T recovers; attackers catch up."""
    return (_suppress(settings, "degradation", "utility", utility=True), _use(settings, "utility"), _attack(settings))


def _spact(settings: Learning) -> tuple[Phase, ...]:
    """f_d keeps the actions and makes clips alike to a frozen f_b; then f_T recovers and f_b tells them apart again."""
    return (_suppress(settings, "degradation", utility=True), _use(settings, "utility"), _attack(settings))


def _elr(settings: Learning) -> tuple[Phase, ...]:
    """Nothing is fought: f_T learns from what the chosen transforms and few pixels leave."""
    return (_use(settings, "utility"),)


METHODS: dict[str, Method] = {
    "grl": Method("transformation", ("reversal",), _grl),
    "kbeam": Method("transformation", ("strongest",), _kbeam, num_budgets=4),
    "entropy": Method("transformation", ("uniform", "entropy"), _entropy, num_budgets=4),
    "bdq": Method("blur_difference_quantise", ("entropy", "uniform"), _entropy),
    "spact": Method("unet", ("contrastive",), _spact, needs_labels=False),
    "elr": Method("low_resolution", (), _elr, needs_labels=False, chooses_transforms=True),
}
"""Learned methods by name: three objectives of Wu et al. (ECCV 2018, TPAMI 2020), BDQ (Kumawat and Nagahara, ECCV
2022), SPAct (Dave et al., CVPR 2022), and extreme low resolution (Ryoo et al., AAAI 2017)."""


@dataclass(frozen=True)
class Learning(Settings):
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
    num_budgets: Count = 1
    attribute: str = ""
    attribute_dataset: str = ""
    term: Term = ""
    gamma: NotNegative = 0.5
    up_to_chance: bool = False
    rounds: CountOrNone = 67
    restart_every: CountOrNone = 0
    degradation_steps: CountOrNone = 1000
    utility_steps: CountOrNone = 1000
    budget_steps: CountOrNone = 500
    suppress_steps: Count = 30
    attack_steps: CountOrNone = 200
    use_steps: CountOrNone = 30
    final_steps: CountOrNone = 0
    attack_accuracy: Share = 0.99
    use_accuracy: Share = 0.85
    use_patience: CountOrNone = 10
    gate_window: Count = 5
    num_frames: CountOrNone = 0
    budget_frames: Count = 4
    batch_size: Annotated[int, Meta(ge=2, le=MOST)] = 8
    accumulate: Count = 10
    degradation_learning_rate: NotNegative = 1e-4
    utility_learning_rate: NotNegative = 1e-5
    budget_learning_rate: NotNegative = 1e-2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.method not in METHODS:
            raise OptionError(f"no learned method {self.method!r}; choose from {', '.join(METHODS)}")
        if self.term and self.term not in self.of_method.terms:
            there = " or ".join(self.of_method.terms) or "none"
            raise OptionError(f"term is {self.term!r}; the method {self.method} fights with {there}")
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


def read_learning(name: str, table: Any, where: str) -> Learning:
    """Settings from a table of a file; `method` is its name where it does not say. Raises OptionError."""
    given = {"method": name, **table} if isinstance(table, Mapping) else table
    if isinstance(given, Mapping) and given["method"] in [*METHODS]:
        given = {"num_budgets": METHODS[given["method"]].num_budgets, **given}
    return read_settings(Learning, given, where)
