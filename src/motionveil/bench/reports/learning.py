"""Trainings of learned methods: their histories as files tell them, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ..._core.errors import InputError
from ..adversarial.history import HISTORY, Learned, read_learned
from .names import listed, network_name, obfuscator_name, obfuscator_order
from .study import Study
from .two_fold import two_folds

ATTACK, USE = "attack", "use"
"""Phases that end when attackers, or the network that recognises actions, are good enough."""
REACHED = "accuracy"
"""Why a phase ended that reached what it was to reach."""


def read_trainings(folder: Path) -> list[Learned]:
    """All finished trainings below a folder, in the order in which they are shown.

    Raises InputError where there are none, WeightsError where one is damaged.
    """
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the one that holds the trainings of learned methods")
    found = [read_learned(path.parent) for path in sorted(folder.rglob(HISTORY))]
    if not found:
        raise InputError(
            f"no finished training of a learned method lies in {folder}; give a folder below which there are "
            f"files {HISTORY}"
        )
    return sorted(found, key=lambda each: (obfuscator_order(each.name), each.seed, str(each.folder)))


def one_of_each(trainings: Iterable[Learned]) -> dict[str, Learned]:
    """The first of every name: that of the lowest seed."""
    found: dict[str, Learned] = {}
    for training in trainings:
        found.setdefault(training.name, training)
    return found


def learning_cautions(trainings: Sequence[Learned], study: Study) -> list[str]:
    """Sentences; empty where nothing is amiss."""
    return [*_weak_attackers(trainings), *_not_unseen(trainings, study)]


def _weak_attackers(trainings: Sequence[Learned]) -> Iterator[str]:
    """Trainings in which no attack ended because attackers had become good."""
    weak = dict.fromkeys(
        obfuscator_name(training.name)
        for training in trainings
        if (stops := [end.stopped for each in training.rounds for end in each.phases if end.name == ATTACK])
        and REACHED not in stops
    )
    if weak:
        yield (
            f"in a training of {listed(weak)} attackers never became as good as they were to be before the obfuscator "
            "fought them again: it has learned to hide from weak attackers"
        )


def _not_unseen(trainings: Sequence[Learned], study: Study) -> Iterator[str]:
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
