"""Tables and a figure of the two-fold evaluation: what unseen attackers learn from the output of frozen obfuscators."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..copies.obfuscations import ORIGINAL
from .charts import Chart, Dot, Line, Panel
from .comparison import MOST
from .names import Style, label_of, learned_method, network_name, obfuscator_name, styles
from .pooling import Estimate
from .published import Published, Tradeoff
from .study import Recogniser, Study, recogniser_order
from .tables import Cell, Group, Section, Table, by_role, percent, plain
from .two_fold import RecogniserGroup, TwoFold, two_folds

_HEADS = (
    "dataset", "task", "metric", "obfuscator", "figure", "value", "low", "high", "prior", "network", "networks",
    "trainings", "clips",
)  # fmt: skip


def two_fold_tables(study: Study, published: Published) -> list[Table]:
    """For each attribute: the obfuscators; for attributes with several labels, each label; every attacker on every
    obfuscator.
    """
    return [
        table
        for found in two_folds(study)
        for table in (_table(found, published), _attributes(found), _networks(found))
        if table is not None
    ]


def _table(found: TwoFold, published: Published) -> Table:
    printed = _published(found, published)
    groups = [Group("action ↑", ("accuracy",))]
    if any(printed.values()):
        groups.append(Group("published, not ours", ("action / privacy",)))
    if found.attackers:
        groups.append(Group("all attackers that it met", ("strongest ↓", "mean ↓", "prior")))
        if found.common:
            several = len(found.common) > 1
            columns = ("strongest ↓", "mean ↓") if several else ("accuracy ↓" if found.metric == "top1" else "cMAP ↓",)
            groups.append(Group(_common_title(found.common), (*columns, "prior")))

    def row(name: str) -> list[Cell]:
        beside = [_printed(printed[name])] if any(printed.values()) else []
        return [_action(found, name), *beside, *_privacy(found, name)]

    what = "accuracy" if found.metric == "top1" else "class-wise mean average precision (cMAP)"
    return Table(
        f"two_fold_{found.attribute.slug}",
        f"{found.attribute.title}: the two-fold evaluation.",
        "The obfuscator is frozen, and attackers it has never met learn from what it makes (Wu et al., TPAMI 2020). In "
        f"per cent, with 95 % intervals; of attackers their {what}, beside the prior of the same clips. The strongest "
        "of many attackers is stronger than the strongest of few: the figures of all attackers that an obfuscator met "
        "can only be compared where these are as many, on as many trainings. They rest on the trainings (seeds and "
        "folds) on which all of them ran. The same attackers for all can be compared, over all seeds and folds. "
        "Action: of learned methods the network that was trained together with the obfuscator, of all others one that "
        "was trained on what the obfuscator makes."
        + (" Published figures rest on other splits, other training and pretrained networks." * any(printed.values())),
        ("Obfuscator",),
        tuple(groups),
        by_role(found.names, row),
    )


def _attributes(found: TwoFold) -> Table | None:
    """Attributes with several labels, each label separately."""
    group = {name: each for name in found.names if (each := found.all_attackers(name)) is not None}
    told = {name: each.classes() for name, each in group.items()} if found.metric == "cmap" else {}
    classes = list(dict.fromkeys(label for each in told.values() for label in each))[:MOST]
    if not classes:
        return None
    return Table(
        f"two_fold_classes_{found.attribute.slug}",
        f"{found.attribute.title}: each attribute by itself, two-fold.",
        "Average precision of whichever unseen attacker finds an attribute best, in per cent, beside the prior, which "
        "is the share of clips that have it. What lies clearly above its prior is not protected, whatever the mean is.",
        ("Obfuscator",),
        (Group("", tuple(label.replace("_", " ") for label in classes)),),
        by_role(told, lambda name: [_class_cell(told[name].get(label)) for label in classes]),
    )


def _networks(found: TwoFold) -> Table | None:
    """Every attacker (row) on every obfuscator (column)."""
    group = {name: each for name in found.names if (each := found.all_attackers(name)) is not None}
    recognisers = sorted({recogniser for each in found.attackers.values() for recogniser in each}, key=recogniser_order)
    if not group:
        return None
    columns = [_column(found, name, each, recognisers) for name, each in group.items()]
    heads = [(Cell(network_name(recogniser.network)), Cell(recogniser.level)) for recogniser in recognisers]
    rows = [(*head, *(column[index] for column in columns)) for index, head in enumerate(heads)]
    ends: tuple[tuple[str, list[Estimate]], ...] = (
        ("Strongest", [each.strongest[1] for each in group.values()]),
        ("Mean", [each.mean for each in group.values()]),
    )
    below = [(Cell(title), Cell(""), *(percent(value) for value in values)) for title, values in ends]
    below.append((Cell("Prior"), Cell(""), *(plain(each.mean.prior) for each in group.values())))
    on = [(Cell("Trainings"), Cell(""), *(Cell(str(len(each.places))) for each in group.values()))]
    on.append((Cell("Test clips"), Cell(""), *(Cell(f"{each.mean.num_clips:g}") for each in group.values())))
    return Table(
        f"two_fold_networks_{found.attribute.slug}",
        f"{found.attribute.title}: every attacker of the two-fold evaluation.",
        "In per cent, on the trainings on which all attackers of a column ran, the strongest of each column bold. "
        "† An attacker that did not run on all of these: over the trainings on which it did, and not among those that "
        "the lines below are of. An attacker that fails on the original, too, has not learned to attack: its failure "
        "on anything else proves nothing.",
        ("Attacker", "level"),
        (Group("", tuple(obfuscator_name(name) for name in group)),),
        (Section(tuple(rows)), Section(tuple(below)), Section(tuple(on))),
    )


def _column(found: TwoFold, name: str, group: RecogniserGroup, recognisers: Sequence[Recogniser]) -> list[Cell]:
    cells = []
    for recogniser in recognisers:
        value = group.estimates.get(recogniser)
        other = found.by(name, [recogniser]) if value is None else None
        if other is not None:
            cells.append(replace(percent(other.mean, interval=False), detail="†"))
        else:
            best = value is not None and len(group.recognisers) > 1 and value.value == group.strongest[1].value
            cells.append(replace(percent(value, interval=False), mark="best" if best else ""))
    return cells


def _action(found: TwoFold, name: str) -> Cell:
    group = found.action(name)
    if group is None:
        return Cell()
    names = ", ".join(network_name(recogniser.network) for recogniser in group.recognisers)
    return _with(percent(group.mean), f"{names}, {_how(name, group)}")


def _how(name: str, group: RecogniserGroup) -> str:
    if name == ORIGINAL:
        return "on the original"
    return "with the obfuscator" if group.is_with_obfuscator else "retrained"


def _privacy(found: TwoFold, name: str) -> list[Cell]:
    if not found.attackers:
        return []
    all_attackers, cells = found.all_attackers(name), [Cell(), Cell(), Cell()]
    if all_attackers is not None:
        recogniser, strongest = all_attackers.strongest
        count = f"best of {len(all_attackers.recognisers)}" if len(all_attackers.recognisers) > 1 else "the only one"
        by = f"{network_name(recogniser.network)}, {recogniser.level}"
        cells = [
            _with(percent(strongest), by, f"({count}; {_size(all_attackers)})"),
            percent(all_attackers.mean),
            plain(strongest.prior),
        ]
    if found.common:
        group, several = found.by(name, found.common), len(found.common) > 1
        if group is None:
            cells += [Cell()] * (3 if several else 2)
        else:
            recogniser, strongest = group.strongest
            by = network_name(recogniser.network) if several else ""
            cells.append(_with(percent(strongest), by, f"({_size(group)})"))
            cells += [percent(group.mean)] if several else []
            cells.append(plain(strongest.prior))
    return cells


def _class_cell(told: tuple[Recogniser, Mapping[str, float]] | None) -> Cell:
    if told is None:
        return Cell()
    recogniser, figures = told
    return Cell(
        f"{100 * figures['value']:.1f}", f"prior {100 * figures['prior']:.1f}\n({network_name(recogniser.network)})"
    )


def _published(found: TwoFold, published: Published) -> dict[str, Tradeoff | None]:
    """By obfuscator; variants of a method are next to its published results."""
    items = {item.obfuscator: item for item in published.two_fold(found.attribute.dataset, found.metric)}
    return {name: items.get(name) or items.get(learned_method(name) or name) for name in found.names}


def _printed(item: Tradeoff | None) -> Cell:
    return Cell() if item is None else Cell(f"{100 * item.action:.1f} / {100 * item.privacy:.1f}", item.name)


def _with(cell: Cell, *lines: str) -> Cell:
    return replace(cell, detail="\n".join(filter(None, (cell.detail, *lines))))


def _size(group: RecogniserGroup) -> str:
    trainings = f"{len(group.places)} training" + "s" * (len(group.places) > 1)
    return f"{trainings}, {group.mean.num_clips:g} clips"


def _common_title(recognisers: Sequence[Recogniser]) -> str:
    names = [network_name(recogniser.network) for recogniser in recognisers]
    return f"the same for all: {names[0]}" if len(names) == 1 else f"the same {len(names)} attackers for all"


def two_fold_csv(study: Study) -> str:
    """CSV with one figure of the obfuscator tables per line, as fractions in [0, 1]."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_HEADS)
    for found in two_folds(study):
        for name in found.names:
            for line in _lines(found, name):
                writer.writerow([found.attribute.dataset, found.attribute.task, found.metric, name, *line])
    return file.getvalue()


def _lines(found: TwoFold, name: str) -> Iterator[list[str]]:
    action, all_attackers, common = found.action(name), found.all_attackers(name), found.by(name, found.common)
    if action is not None:
        yield _line(f"action, {_how(name, action)}", action, None, action.mean)
    for kind, group in (("all that it met", all_attackers), ("the same for all", common)):
        if group is not None:
            yield _line(f"strongest of {kind}", group, *group.strongest)
            yield _line(f"mean of {kind}", group, None, group.mean)
    for label, (recogniser, told) in (all_attackers.classes() if all_attackers is not None else {}).items():
        assert all_attackers is not None
        estimate = Estimate(told["value"], prior=told["prior"], num_clips=all_attackers.mean.num_clips)
        yield _line(f"strongest on {label}", all_attackers, recogniser, estimate)


def _line(figure: str, group: RecogniserGroup, recogniser: Recogniser | None, estimate: Estimate) -> list[str]:
    low, high = estimate.interval or (None, None)
    numbers = ["" if v is None else f"{v:.6f}" for v in (estimate.value, low, high, estimate.prior)]
    names = " ".join(each.network for each in group.recognisers)
    return [
        figure,
        *numbers,
        recogniser.network if recogniser else "",
        names,
        str(len(group.places)),
        f"{estimate.num_clips:g}",
    ]


TRADEOFF_TWO_FOLD = "tradeoff_two_fold"


def two_fold_charts(study: Study, published: Published) -> list[Chart]:
    """One figure for all attributes; none if there was no such evaluation.

    An attribute has two panels if some obfuscators met more attackers than others: those that met the most, evaluated
    by all of these, and all obfuscators, evaluated by the same attackers.
    """
    panels: list[Panel] = []
    every = [found for found in two_folds(study) if found.attackers]
    names = list(dict.fromkeys(name for found in every for name in found.names))
    printed = {found: published.two_fold(found.attribute.dataset, found.metric) for found in every}
    labels = [*map(label_of, names), *(item.label for items in printed.values() for item in items)]
    numbers = {label: number for number, label in enumerate(dict.fromkeys(labels), 1)}
    drawn = styles(names)
    for found in every:
        for recognisers in dict.fromkeys([found.most, found.common]):
            dots = list(_dots(found, recognisers, numbers, drawn))
            if not dots:
                continue
            if recognisers == found.most:
                dots += _published_dots(printed[found], numbers, drawn)
            panels.append(
                Panel(_panel_title(found, recognisers), dots=tuple(dots), lines=tuple(_prior(found, recognisers)))
            )
    any_published = any(dot.hollow for panel in panels for dot in panel.dots)
    chart = Chart(
        "dots",
        TRADEOFF_TWO_FOLD,
        "What is kept against what unseen attackers learn (two-fold).",
        "Each dot is an obfuscator: action accuracy against the strongest of the same attackers, all trained on what "
        "the frozen obfuscator makes, with 95 % intervals. Up and to the left is better. The strongest of many "
        "attackers is stronger than that of few, so that dots can be compared within a panel alone."
        + (" Hollow dots were published, with other data, training and attackers." if any_published else ""),
        tuple(panels),
        "strongest attacker (%)",
        "action accuracy (%)",
    )
    return [chart] if panels else []


def _dots(
    found: TwoFold, recognisers: Sequence[Recogniser], numbers: Mapping[str, int], drawn: Mapping[str, Style]
) -> Iterator[Dot]:
    for name in found.names:
        action, group, label = found.action(name), found.by(name, recognisers), label_of(name)
        if action is not None and group is not None:
            yield Dot(numbers[label], label, group.strongest[1], action.mean, drawn[name])


def _published_dots(items: Sequence[Tradeoff], numbers: Mapping[str, int], drawn: Mapping[str, Style]) -> Iterator[Dot]:
    for item in items:
        style = drawn.get(item.obfuscator, Style("#555555", (), "h"))
        yield Dot(numbers[item.label], item.label, Estimate(item.privacy), Estimate(item.action), style, hollow=True)


def _panel_title(found: TwoFold, recognisers: Sequence[Recogniser]) -> str:
    who = network_name(recognisers[0].network) if len(recognisers) == 1 else f"strongest of {len(recognisers)}"
    return f"{found.attribute.title}, {who}"


def _prior(found: TwoFold, recognisers: Sequence[Recogniser]) -> Iterator[Line]:
    """From the obfuscator with the most trainings; with fewer clips, it may differ."""
    known = [group.mean for name in found.names if (group := found.by(name, recognisers)) is not None]
    most = max(known, key=lambda estimate: estimate.num_clips)
    if most.prior is not None:
        yield Line("prior of the attribute", most.prior, Style("#777777", (1, 1.5)))
