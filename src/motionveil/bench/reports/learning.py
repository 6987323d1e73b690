"""Trainings of learned methods: their histories as files tell them, and what a reader must know of them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import InputError
from .names import listed, network_name, obfuscator_name, obfuscator_order
from .study import Study
from .two_fold import two_folds

HISTORY, OBFUSCATOR = "history.json", "obfuscator.safetensors"
"""What a finished training leaves in its folder."""
ATTACK, USE = "attack", "use"
"""Phases that end when attackers, or the network that recognises actions, are good enough."""
REACHED = "accuracy"
"""Why a phase ended that reached what it was to reach."""


@dataclass(frozen=True)
class Round:
    """One round. ends: of each phase its name, and why it stopped. utility, attackers: on the validation clips."""

    number: int
    restarted: bool
    ends: tuple[tuple[str, str], ...]
    utility_loss: float
    utility_accuracy: float
    attackers: tuple[float, ...]


@dataclass(frozen=True)
class Training:
    """One training of a learned obfuscator; name: as in rows. settings: what it was told."""

    folder: Path
    name: str
    seed: int
    settings: Mapping[str, Any]
    rounds: tuple[Round, ...]

    @property
    def obfuscator(self) -> Path:
        """What was learned, for `learned.load_learned`."""
        return self.folder / OBFUSCATOR


def read_trainings(folder: Path) -> list[Training]:
    """All finished trainings below a folder, in the order in which they are shown.

    Raises InputError where there are none, or one is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the one that holds the trainings of learned methods")
    found = [_training(path) for path in sorted(folder.rglob(HISTORY))]
    if not found:
        raise InputError(
            f"no finished training of a learned method lies in {folder}; give a folder below which there are "
            f"files {HISTORY}"
        )
    return sorted(found, key=lambda each: (obfuscator_order(each.name), each.seed, str(each.folder)))


def one_of_each(trainings: Iterable[Training]) -> dict[str, Training]:
    """The first of every name: that of the lowest seed."""
    found: dict[str, Training] = {}
    for training in trainings:
        found.setdefault(training.name, training)
    return found


def _training(path: Path) -> Training:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        rounds = tuple(_round(each) for each in told["rounds"])
        if not rounds:
            raise ValueError("it has no rounds")
        settings = dict(told["settings"])
        return Training(path.parent, _text(told.get("name") or settings["method"]), int(told["seed"]), settings, rounds)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        why = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise InputError(f"{path} is damaged ({why}); remove {path.parent} and train again") from error


def _round(told: Mapping[str, Any]) -> Round:
    validation = told["validation"]
    ends = tuple((_text(phase["name"]), _text(phase["stopped"])) for phase in told["phases"])
    return Round(
        int(told["round"]),
        bool(told["restarted"]),
        ends,
        float(validation["utility_loss"]),
        _share(validation["utility_accuracy"]),
        tuple(_share(value) for value in validation["budget_accuracies"]),
    )


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no accuracy")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return value


def learning_cautions(trainings: Sequence[Training], study: Study) -> list[str]:
    """Sentences; empty where nothing is amiss."""
    return [*_weak_attackers(trainings), *_not_unseen(trainings, study)]


def _weak_attackers(trainings: Sequence[Training]) -> Iterator[str]:
    """Trainings in which no attack ended because attackers had become good."""
    weak = dict.fromkeys(
        obfuscator_name(training.name)
        for training in trainings
        if (stops := [why for each in training.rounds for phase, why in each.ends if phase == ATTACK])
        and REACHED not in stops
    )
    if weak:
        yield (
            f"in a training of {listed(weak)} attackers never became as good as they were to be before the obfuscator "
            "fought them again: it has learned to hide from weak attackers"
        )


def _not_unseen(trainings: Sequence[Training], study: Study) -> Iterator[str]:
    """Attackers of the two-fold evaluation that an obfuscator was trained against."""
    fought: dict[str, set[str]] = {}
    for training in trainings:
        fought.setdefault(training.name, set()).update(map(str, training.settings.get("budgets") or ()))
    known: dict[str, list[str]] = {}
    for found in two_folds(study):
        for name, cell in found.attackers.items():
            for network in sorted({judge.network for judge in cell} & fought.get(name, set())):
                names = known.setdefault(network, [])
                names += [] if obfuscator_name(name) in names else [obfuscator_name(name)]
    for network, names in known.items():
        yield (
            f"{network_name(network)} judges {listed(names)} in the two-fold evaluation, and each was trained against "
            "a network of the same kind: it begins anew, but is no unseen attacker"
        )
