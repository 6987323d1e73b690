"""Training of learned methods: histories, curves, and cautions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from math import ceil, isfinite
from pathlib import Path

from motionveil._core.errors import InputError

from ..adversarial.history import HISTORY, Learned, Round, read_learned
from .charts import Chart, Line, Panel, Series
from .names import ACTION_STYLE, PRIVACY_STYLE, Style, listed, network_name, obfuscator_name, obfuscator_order
from .study import Study
from .two_fold import two_folds

ATTACK, USE = "attack", "use"
"""Phases that end once the attackers, or the action network, are good enough."""
REACHED = "accuracy"
"""The reason of a phase that reached its goal."""


def read_trainings(folder: Path) -> list[Learned]:
    """All finished trainings below a folder, in display order.

    Raises:
        InputError: If there are none.
        WeightsError: If one is damaged.
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
    """The first training of each name, that is, with the lowest seed."""
    found: dict[str, Learned] = {}
    for training in trainings:
        found.setdefault(training.name, training)
    return found


def learning_cautions(trainings: Sequence[Learned], study: Study) -> list[str]:
    """One sentence for each caution."""
    return [*_weak_attackers(trainings), *_not_unseen(trainings, study)]


def _weak_attackers(trainings: Sequence[Learned]) -> Iterator[str]:
    """Trainings in which no attack phase reached its goal."""
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
            for network in sorted({recogniser.network for recogniser in cell} & fought.get(name, set())):
                names = known.setdefault(network, [])
                names += [] if obfuscator_name(name) in names else [obfuscator_name(name)]
    for network, names in known.items():
        yield (
            f"{network_name(network)} judges {listed(names)} in the two-fold evaluation, and each was trained against "
            "a network of the same kind: it begins anew, but is no unseen attacker"
        )


_COLUMNS = 4
"""Maximum number of columns in a figure; further obfuscators go to further figures."""
_TOP = 1.06
"""The y position of markers, above all accuracies."""
_OTHERS = Style("#B5B5B5", (), "", 0.7)
_EACH = Style("#EDB491", (), "", 0.6)
_RESTARTED = Style("#555555", (1, 1.5), "", 0.8)
_ENDS = {
    "accuracy": ("phase ended: good enough", Style("#009E73", (), "o"), False),
    "plateau": ("phase ended: no longer better", Style("#E69F00", (), "s"), True),
    "steps": ("phase ended: steps were done", Style("#D55E00", (), "o"), True),
}


def learning_charts(trainings: Sequence[Learned]) -> list[Chart]:
    """Small multiples, one column per obfuscator: actions (accuracy, loss) and attackers, by round."""
    by_name: dict[str, list[Learned]] = {}
    for training in trainings:
        by_name.setdefault(training.name, []).append(training)
    names = list(by_name)
    width = ceil(len(names) / ceil(len(names) / _COLUMNS)) if names else 1
    parts = [names[start : start + width] for start in range(0, len(names), width)]
    return [
        _learning_chart(number, [by_name[name] for name in part], len(parts)) for number, part in enumerate(parts, 1)
    ]


def _learning_chart(number: int, columns: Sequence[Sequence[Learned]], total: int) -> Chart:
    rows: tuple[Callable[[Sequence[Learned]], Panel], ...] = (_actions, _losses, _attackers)
    return Chart(
        "multiples",
        f"learning_{number}" if total > 1 else "learning",
        f"How learned methods were trained{f' ({number} of {total})' * (total > 1)}.",
        "On the validation clips after every round; round 0 is the pretraining. Above: accuracy and loss of the "
        "network that recognises actions. Below: accuracy of the attackers that the obfuscator is trained against, the "
        "strongest bold. Marks at the top: why the phase ended in which that network recovers, or these attackers "
        "catch up. Dotted: all attackers begin anew. One training of each is in colour, those of other seeds or "
        "settings are grey.",
        tuple(row(column) for row in rows for column in columns),
        "round",
        columns=len(columns),
    )


def _actions(trainings: Sequence[Learned]) -> Panel:
    first, *others = trainings
    series = [Series("other trainings", _points(each, _utility), _OTHERS) for each in others]
    series.append(Series("actions", _points(first, _utility), Style(ACTION_STYLE.colour, width=1.4)))
    name = obfuscator_name(first.name)
    return _panel(first, (*series, *_marks(first, USE)), "action (%)", name)


def _losses(trainings: Sequence[Learned]) -> Panel:
    first, *others = trainings
    series = [Series("other trainings", _points(each, _loss), _OTHERS) for each in others]
    series.append(Series("actions", _points(first, _loss), Style(ACTION_STYLE.colour, width=1.4)))
    return Panel("", series=tuple(series), lines=_restarts(first), y_label="action loss")


def _attackers(trainings: Sequence[Learned]) -> Panel:
    first, *others = trainings
    series = [Series("other trainings", _points(each, _strongest), _OTHERS) for each in others]
    count = max(len(each.validation.budget_accuracies) for each in first.rounds)
    for number in range(count if count > 1 else 0):
        series.append(Series("each attacker", _points(first, partial(_of, number)), _EACH))
    series.append(Series("strongest attacker", _points(first, _strongest), Style(PRIVACY_STYLE.colour, width=1.4)))
    drawn = tuple(each for each in series if each.points)
    note = "" if drawn else "trained without attackers"
    return _panel(first, (*drawn, *_marks(first, ATTACK)), "attackers (%)", note=note)


def _panel(first: Learned, series: tuple[Series, ...], y_label: str, title: str = "", note: str = "") -> Panel:
    return Panel(title, series=series, lines=_restarts(first), y_label=y_label, is_share=True, note=note)


def _utility(each: Round) -> float | None:
    return each.validation.utility_accuracy


def _loss(each: Round) -> float | None:
    """None if the training diverged."""
    return each.validation.utility_loss if isfinite(each.validation.utility_loss) else None


def _strongest(each: Round) -> float | None:
    return max(each.validation.budget_accuracies, default=None)


def _of(number: int, each: Round) -> float | None:
    return each.validation.budget_accuracies[number] if number < len(each.validation.budget_accuracies) else None


def _points(training: Learned, value: Callable[[Round], float | None]) -> tuple[tuple[float, float], ...]:
    return tuple((each.round, told) for each in training.rounds if (told := value(each)) is not None)


def _marks(training: Learned, phase: str) -> tuple[Series, ...]:
    found = []
    for why, (label, style, hollow) in _ENDS.items():
        places = tuple((float(each.round), _TOP) for each in training.rounds if (phase, why) in _ends(each))
        if places:
            found.append(Series(label, places, style, marked=True, hollow=hollow))
    return tuple(found)


def _ends(each: Round) -> set[tuple[str, str]]:
    """The name of each phase, and why it ended."""
    return {(phase.name, phase.stopped) for phase in each.phases}


def _restarts(training: Learned) -> tuple[Line, ...]:
    """Halfway between the rounds before and after a restart of the attackers."""
    return tuple(
        Line("attackers begin anew", each.round - 0.5, _RESTARTED) for each in training.rounds if each.restarted
    )
