"""Action against unseen attackers, as the papers on learned methods draw it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from .charts import Dot, DotChart, DotPanel, Line
from .names import Style, label_of, network_name, styles
from .pooling import Estimate
from .published import Published, Tradeoff
from .study import Judge, Study
from .two_fold import TwoFold, two_folds

NAME = "tradeoff_two_fold"


def two_fold_charts(study: Study, published: Published) -> list[DotChart]:
    """One figure for all attributes that were judged so; none where nothing was.

    An attribute has two panels where some obfuscators met more attackers than others: those that met the most, judged
    by all of these, and all obfuscators, judged by the same attackers.
    """
    panels: list[DotPanel] = []
    every = [found for found in two_folds(study) if found.attackers]
    names = list(dict.fromkeys(name for found in every for name in found.names))
    printed = {found: published.two_fold(found.attribute.dataset, found.metric) for found in every}
    labels = [*map(label_of, names), *(item.label for items in printed.values() for item in items)]
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels), 1)}
    drawn = styles(names)
    for found in every:
        for judges in dict.fromkeys([found.most, found.common]):
            dots = list(_dots(found, judges, numbers, drawn))
            if not dots:
                continue
            if judges == found.most:
                dots += _published(printed[found], numbers, drawn)
            panels.append(DotPanel(_title(found, judges), tuple(dots), tuple(_prior(found, judges))))
    any_published = any(dot.hollow for panel in panels for dot in panel.dots)
    chart = DotChart(
        NAME,
        "What is kept against what unseen attackers learn (two-fold).",
        "Each dot is an obfuscator: action accuracy against the strongest of the same attackers, all trained on what "
        "the frozen obfuscator makes, with 95 % intervals. Up and to the left is better. The strongest of many "
        "attackers is stronger than that of few, so that dots can be compared within a panel alone."
        + (" Hollow dots were published, with other data, training and attackers." if any_published else ""),
        "strongest attacker (%)",
        "action accuracy (%)",
        tuple(panels),
    )
    return [chart] if panels else []


def _dots(
    found: TwoFold, judges: Sequence[Judge], numbers: Mapping[str, int], drawn: Mapping[str, Style]
) -> Iterator[Dot]:
    for name in found.names:
        action, met, label = found.action(name), found.by(name, judges), label_of(name)
        if action is not None and met is not None:
            yield Dot(numbers[label], label, met.strongest[1], action.mean, drawn[name])


def _published(items: Sequence[Tradeoff], numbers: Mapping[str, int], drawn: Mapping[str, Style]) -> Iterator[Dot]:
    for item in items:
        style = drawn.get(item.obfuscator, Style("#555555", (), "h"))
        yield Dot(numbers[item.label], item.label, Estimate(item.privacy), Estimate(item.action), style, hollow=True)


def _title(found: TwoFold, judges: Sequence[Judge]) -> str:
    who = network_name(judges[0].network) if len(judges) == 1 else f"strongest of {len(judges)}"
    return f"{found.attribute.title}, {who}"


def _prior(found: TwoFold, judges: Sequence[Judge]) -> Iterator[Line]:
    """Of the obfuscator with the most trainings: with fewer clips it may be another."""
    known = [met.mean for name in found.names if (met := found.by(name, judges)) is not None]
    most = max(known, key=lambda estimate: estimate.num_clips)
    if most.prior is not None:
        yield Line("prior of the attribute", most.prior, Style("#777777", (1, 1.5)))
