"""Curves of the trainings of learned methods."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import ceil, isfinite

from ..adversarial.history import Learned, Round
from .charts import Line, Marks, Series, SeriesChart, SeriesPanel
from .learning import ATTACK, USE
from .names import ACTION, PRIVACY, Style, obfuscator_name

_COLUMNS = 4
"""Of a figure; more obfuscators are in further ones."""
_TOP = 1.06
"""Where marks are, above all accuracies."""
_OTHERS = Style("#B5B5B5", (), "", 0.7)
_EACH = Style("#EDB491", (), "", 0.6)
_RESTARTED = Style("#555555", (1, 1.5), "", 0.8)
_ENDS = {
    "accuracy": ("phase ended: good enough", Style("#009E73", (), "o"), False),
    "plateau": ("phase ended: no longer better", Style("#E69F00", (), "s"), True),
    "steps": ("phase ended: steps were done", Style("#D55E00", (), "o"), True),
}


def learning_charts(trainings: Sequence[Learned]) -> list[SeriesChart]:
    """Small multiples, a column for every obfuscator: actions (accuracy, loss) and attackers, round by round."""
    by_name: dict[str, list[Learned]] = {}
    for training in trainings:
        by_name.setdefault(training.name, []).append(training)
    names = list(by_name)
    width = ceil(len(names) / ceil(len(names) / _COLUMNS)) if names else 1
    parts = [names[start : start + width] for start in range(0, len(names), width)]
    return [_chart(number, [by_name[name] for name in part], len(parts)) for number, part in enumerate(parts, 1)]


def _chart(number: int, columns: Sequence[Sequence[Learned]], total: int) -> SeriesChart:
    rows: tuple[Callable[[Sequence[Learned]], SeriesPanel], ...] = (_actions, _losses, _attackers)
    return SeriesChart(
        f"learning_{number}" if total > 1 else "learning",
        f"How learned methods were trained{f' ({number} of {total})' * (total > 1)}.",
        "On the validation clips after every round; round 0 is the pretraining. Above: accuracy and loss of the "
        "network that recognises actions. Below: accuracy of the attackers that the obfuscator is trained against, the "
        "strongest bold. Marks at the top: why the phase ended in which that network recovers, or these attackers "
        "catch up. Dotted: all attackers begin anew. One training of each is in colour, those of other seeds or "
        "settings are grey.",
        "round",
        len(columns),
        tuple(row(column) for row in rows for column in columns),
    )


def _actions(trainings: Sequence[Learned]) -> SeriesPanel:
    first, *others = trainings
    series = [Series("other trainings", _points(each, _utility), _OTHERS) for each in others]
    series.append(Series("actions", _points(first, _utility), Style(ACTION.colour, width=1.4)))
    name = obfuscator_name(first.name)
    return SeriesPanel(name, "action (%)", tuple(series), _marks(first, USE), _restarts(first), is_share=True)


def _losses(trainings: Sequence[Learned]) -> SeriesPanel:
    first, *others = trainings
    series = [Series("other trainings", _points(each, _loss), _OTHERS) for each in others]
    series.append(Series("actions", _points(first, _loss), Style(ACTION.colour, width=1.4)))
    return SeriesPanel("", "action loss", tuple(series), (), _restarts(first))


def _attackers(trainings: Sequence[Learned]) -> SeriesPanel:
    first, *others = trainings
    series = [Series("other trainings", _points(each, _strongest), _OTHERS) for each in others]
    count = max(len(each.validation.budget_accuracies) for each in first.rounds)
    for number in range(count if count > 1 else 0):
        series.append(Series("each attacker", _points(first, partial(_of, number)), _EACH))
    series.append(Series("strongest attacker", _points(first, _strongest), Style(PRIVACY.colour, width=1.4)))
    drawn = tuple(each for each in series if each.points)
    note = "" if drawn else "trained without attackers"
    return SeriesPanel("", "attackers (%)", drawn, _marks(first, ATTACK), _restarts(first), is_share=True, note=note)


def _utility(each: Round) -> float | None:
    return each.validation.utility_accuracy


def _loss(each: Round) -> float | None:
    """None where the training had come apart."""
    return each.validation.utility_loss if isfinite(each.validation.utility_loss) else None


def _strongest(each: Round) -> float | None:
    return max(each.validation.budget_accuracies, default=None)


def _of(number: int, each: Round) -> float | None:
    return each.validation.budget_accuracies[number] if number < len(each.validation.budget_accuracies) else None


def _points(training: Learned, value: Callable[[Round], float | None]) -> tuple[tuple[float, float], ...]:
    return tuple((each.round, told) for each in training.rounds if (told := value(each)) is not None)


def _marks(training: Learned, phase: str) -> tuple[Marks, ...]:
    found = []
    for why, (label, style, hollow) in _ENDS.items():
        places = tuple((float(each.round), _TOP) for each in training.rounds if (phase, why) in _ends(each))
        if places:
            found.append(Marks(label, places, style, hollow))
    return tuple(found)


def _ends(each: Round) -> set[tuple[str, str]]:
    """Of each phase its name, and why it stopped."""
    return {(phase.name, phase.stopped) for phase in each.phases}


def _restarts(training: Learned) -> tuple[Line, ...]:
    """Between the round after which attackers began anew and the one before which they did."""
    return tuple(
        Line("attackers begin anew", each.round - 0.5, _RESTARTED) for each in training.rounds if each.restarted
    )
