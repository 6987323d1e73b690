"""The learned methods, the phases of their training, and its settings."""

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
"""The term beside the utility loss.

identity: f_d reproduces its input. attack: each f_b recognises as well as it can. reversal: the same, and f_d prevents
it. strongest: minus the loss of the strongest f_b. entropy, uniform: the confidence of the most confident f_b.
contrastive: minus the loss of distinguishing clips.
"""

Stopped = Literal["", "steps", "accuracy", "plateau"]


@dataclass(frozen=True)
class Gate:
    """When a phase ends before its maximum number of steps.

    Attributes:
        accuracy: Accuracy to be reached.
        on: 'training': the mean over the last `window` steps, of the worst network if several are trained;
            'validation': evaluated every `window` steps.
        patience: Steps on the validation clips without improvement after which it ends as well; 0 for never.
    """

    accuracy: float
    on: Literal["training", "validation"] = "training"
    window: int = 5
    patience: int = 0


class Gatekeeper:
    """Monitors one phase."""

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self._recent: list[float] = []
        self._highest = -1.0
        self._since = 0

    def is_asked(self, step: int) -> bool:
        """Whether an accuracy is needed after this step, counted from 1."""
        return self.gate.on == "training" or step % self.gate.window == 0

    def __call__(self, accuracy: float) -> Stopped:
        """The reason to stop after a step with this accuracy; empty to continue."""
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
    """Steps that train some of the parts with one loss.

    Attributes:
        learns: The trained parts; the others are frozen, in evaluation mode.
        utility: Whether the utility loss L_T is included.
        term: See `Term`; weighted by gamma if f_d is trained.
        steps: Maximum number of steps.
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
    """One row of the table.

    Attributes:
        degradation: The default f_d.
        terms: Possible privacy terms, the default first; empty for methods without any.
        phases: The phases of a round.
        needs_labels: Whether f_b learns an attribute.
        num_budgets: The default number of f_b.
        chooses_transforms: Whether inverse super-resolution selects transforms before each round.
    """

    degradation: str
    terms: tuple[Term, ...]
    phases: Phases
    needs_labels: bool = True
    num_budgets: int = 1
    chooses_transforms: bool = False


def _attack(settings: Learning) -> Phase:
    """Train all f_b until each is nearly perfect on the training clips, so that f_d never competes with weak ones."""
    gate = Gate(settings.attack_accuracy, window=settings.gate_window)
    return Phase("attack", frozenset({"budget"}), settings.attack_steps, term="attack", gate=gate)


def _use(settings: Learning, *parts: str) -> Phase:
    """Recover the actions, until the validation accuracy is sufficient or no longer improves."""
    gate = Gate(settings.use_accuracy, "validation", settings.gate_window, settings.use_patience)
    learns = frozenset(part for part in ("degradation", "utility") if part in parts)
    return Phase("use", learns, settings.use_steps, utility=True, gate=gate)


def _suppress(settings: Learning, *parts: str, utility: bool) -> Phase:
    learns = frozenset(part for part in ("degradation", "utility", "budget") if part in parts)
    return Phase("suppress", learns, settings.suppress_steps, utility=utility, term=settings.fought_with)


def _grl(settings: Learning) -> tuple[Phase, ...]:
    """Attackers catch up; then all parts are trained at once, with the gradient of the attackers to f_d reversed."""
    return _attack(settings), _suppress(settings, "degradation", "utility", "budget", utility=True)


def _kbeam(settings: Learning) -> tuple[Phase, ...]:
    """f_d raises the loss of the strongest attacker; all attackers catch up; f_T and f_d recover the actions."""
    return (
        _suppress(settings, "degradation", utility=False),
        _attack(settings),
        _use(settings, "utility", "degradation"),
    )


def _entropy(settings: Learning) -> tuple[Phase, ...]:
    """f_T and f_d preserve the actions and reduce the confidence of the most confident attacker; f_T recovers;
    attackers catch up.
    """
    return (_suppress(settings, "degradation", "utility", utility=True), _use(settings, "utility"), _attack(settings))


def _spact(settings: Learning) -> tuple[Phase, ...]:
    """f_d preserves the actions and makes clips similar for a frozen f_b; then f_T recovers, and f_b learns to
    distinguish them again.
    """
    return (_suppress(settings, "degradation", utility=True), _use(settings, "utility"), _attack(settings))


def _elr(settings: Learning) -> tuple[Phase, ...]:
    """No adversary: f_T is trained on few pixels under the selected transforms."""
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
    """Settings of the training of one learned obfuscator. Defaults are those of the code of Wu et al., where it has
    them.

    Attributes:
        method: A name in `METHODS`.
        degradation: f_d, a name in `learned.DEGRADATIONS`. Default: the method's.
        degradation_options: Its options.
        utility: f_T, a network for clips without flow.
        budgets: Networks for f_b, used in turn until there are `num_budgets`.
        num_budgets: K of K-beam, M of the ensemble.
        attribute: The privacy task; empty if the dataset has only one.
        attribute_dataset: The dataset of its labels, if not that of the actions.
        term: The privacy term, see `Term`. Default: the method's.
        gamma: Weight of that term.
        up_to_chance: Raise the loss of the strongest f_b only up to that of guessing: an f_b that is wrong on purpose
            reveals as much, and f_d would map all images to one.
        rounds: Number of rounds of phases.
        restart_every: Number of rounds after which all f_b are reinitialised; 0 for never.
        degradation_steps: Pretraining of f_d to the identity.
        utility_steps: Pretraining of f_T.
        budget_steps: Pretraining of new f_b.
        suppress_steps: Maximum steps of this phase of a round, see `METHODS`.
        attack_steps: The same.
        use_steps: The same.
        attack_accuracy: Training accuracy that ends an attack phase.
        use_accuracy: Validation accuracy that ends a use phase.
        use_patience: Steps without improvement that end a use phase.
        gate_window: Steps between validations, and window of a training accuracy.
        final_steps: Further steps of f_T after f_d is finished.
        num_frames: Frames per clip for f_T; 0 for the network's own number.
        budget_frames: Frames per clip for f_b, over which logits are averaged.
        batch_size: Clips per batch.
        accumulate: Batches per step.
        degradation_learning_rate: Learning rate of Adam for f_d; the others accordingly.

    Raises:
        OptionError: For invalid values.
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
