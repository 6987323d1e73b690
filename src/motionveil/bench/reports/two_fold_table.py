"""Tables of the two-fold evaluation: what unseen attackers learn from what a frozen obfuscator makes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from ..obfuscations import ORIGINAL
from .class_table import MOST
from .names import SECTIONS, learned_method, network_name, obfuscator_name, role
from .pooling import Estimate
from .published import Published, Tradeoff
from .study import Judge, Study
from .tables import Cell, Group, Section, Table, percent, plain
from .two_fold import Met, TwoFold, judge_order, two_folds

_HEADS = (
    "dataset", "task", "metric", "obfuscator", "figure", "value", "low", "high", "prior", "network", "networks",
    "trainings", "clips",
)  # fmt: skip


def two_fold_tables(study: Study, published: Published) -> list[Table]:
    """For every attribute that was judged so: obfuscators; of several attributes at once each by itself; every attacker
    on every obfuscator.
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
    sections = []
    for kind, title in SECTIONS:
        rows = []
        for name in found.names:
            if role(name) == kind:
                row = [Cell(obfuscator_name(name)), _action(found, name)]
                if any(printed.values()):
                    row.append(_printed(printed[name]))
                rows.append((*row, *_privacy(found, name)))
        sections.append(Section(tuple(rows), title))
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
        tuple(section for section in sections if section.rows),
    )


def _attributes(found: TwoFold) -> Table | None:
    """Attributes that hold several at once, each by itself."""
    met = {name: each for name in found.names if (each := found.tried(name)) is not None}
    told = {name: each.classes() for name, each in met.items()} if found.metric == "cmap" else {}
    classes = list(dict.fromkeys(label for each in told.values() for label in each))[:MOST]
    sections = [
        Section(
            tuple(
                (Cell(obfuscator_name(name)), *(_class_cell(each.get(label)) for label in classes))
                for name, each in told.items()
                if role(name) == kind
            ),
            title,
        )
        for kind, title in SECTIONS
    ]
    if not classes:
        return None
    return Table(
        f"two_fold_classes_{found.attribute.slug}",
        f"{found.attribute.title}: each attribute by itself, two-fold.",
        "Average precision of whichever unseen attacker finds an attribute best, in per cent, beside the prior, which "
        "is the share of clips that have it. What lies clearly above its prior is not protected, whatever the mean is.",
        ("Obfuscator",),
        (Group("", tuple(label.replace("_", " ") for label in classes)),),
        tuple(section for section in sections if section.rows),
    )


def _networks(found: TwoFold) -> Table | None:
    """Every attacker (row) on every obfuscator (column)."""
    met = {name: each for name in found.names if (each := found.tried(name)) is not None}
    judges = sorted({judge for each in found.attackers.values() for judge in each}, key=judge_order)
    if not met:
        return None
    columns = [_column(found, name, each, judges) for name, each in met.items()]
    heads = [(Cell(network_name(judge.network)), Cell(judge.level)) for judge in judges]
    rows = [(*head, *(column[index] for column in columns)) for index, head in enumerate(heads)]
    ends: tuple[tuple[str, list[Estimate]], ...] = (
        ("Strongest", [each.strongest[1] for each in met.values()]),
        ("Mean", [each.mean for each in met.values()]),
    )
    below = [(Cell(title), Cell(""), *(percent(value) for value in values)) for title, values in ends]
    below.append((Cell("Prior"), Cell(""), *(plain(each.mean.prior) for each in met.values())))
    on = [(Cell("Trainings"), Cell(""), *(Cell(str(len(each.places))) for each in met.values()))]
    on.append((Cell("Test clips"), Cell(""), *(Cell(f"{each.mean.num_clips:g}") for each in met.values())))
    return Table(
        f"two_fold_networks_{found.attribute.slug}",
        f"{found.attribute.title}: every attacker of the two-fold evaluation.",
        "In per cent, on the trainings on which all attackers of a column ran, the strongest of each column bold. "
        "† An attacker that did not run on all of these: over the trainings on which it did, and not among those that "
        "the lines below are of. An attacker that fails on the original, too, has not learned to attack: its failure "
        "on anything else proves nothing.",
        ("Attacker", "level"),
        (Group("", tuple(obfuscator_name(name) for name in met)),),
        (Section(tuple(rows)), Section(tuple(below)), Section(tuple(on))),
    )


def _column(found: TwoFold, name: str, met: Met, judges: Sequence[Judge]) -> list[Cell]:
    cells = []
    for judge in judges:
        value = met.estimates.get(judge)
        other = found.by(name, [judge]) if value is None else None
        if other is not None:
            cells.append(replace(percent(other.mean, interval=False), detail="†"))
        else:
            best = value is not None and len(met.judges) > 1 and value.value == met.strongest[1].value
            cells.append(replace(percent(value, interval=False), mark="best" if best else ""))
    return cells


def _action(found: TwoFold, name: str) -> Cell:
    met = found.action(name)
    if met is None:
        return Cell()
    names = ", ".join(network_name(judge.network) for judge in met.judges)
    return _with(percent(met.mean), f"{names}, {_how(name, met)}")


def _how(name: str, met: Met) -> str:
    if name == ORIGINAL:
        return "on the original"
    return "with the obfuscator" if met.is_with_obfuscator else "retrained"


def _privacy(found: TwoFold, name: str) -> list[Cell]:
    if not found.attackers:
        return []
    tried, cells = found.tried(name), [Cell(), Cell(), Cell()]
    if tried is not None:
        judge, strongest = tried.strongest
        count = f"best of {len(tried.judges)}" if len(tried.judges) > 1 else "the only one"
        by = f"{network_name(judge.network)}, {judge.level}"
        cells = [
            _with(percent(strongest), by, f"({count}; {_size(tried)})"),
            percent(tried.mean),
            plain(strongest.prior),
        ]
    if found.common:
        met, several = found.by(name, found.common), len(found.common) > 1
        if met is None:
            cells += [Cell()] * (3 if several else 2)
        else:
            judge, strongest = met.strongest
            by = network_name(judge.network) if several else ""
            cells.append(_with(percent(strongest), by, f"({_size(met)})"))
            cells += [percent(met.mean)] if several else []
            cells.append(plain(strongest.prior))
    return cells


def _class_cell(told: tuple[Judge, Mapping[str, float]] | None) -> Cell:
    if told is None:
        return Cell()
    judge, figures = told
    return Cell(f"{100 * figures['value']:.1f}", f"prior {100 * figures['prior']:.1f}\n({network_name(judge.network)})")


def _published(found: TwoFold, published: Published) -> dict[str, Tradeoff | None]:
    """By obfuscator; variants of a method are set beside what was published of the method."""
    items = {item.obfuscator: item for item in published.two_fold(found.attribute.dataset, found.metric)}
    return {name: items.get(name) or items.get(learned_method(name) or name) for name in found.names}


def _printed(item: Tradeoff | None) -> Cell:
    return Cell() if item is None else Cell(f"{100 * item.action:.1f} / {100 * item.privacy:.1f}", item.name)


def _with(cell: Cell, *lines: str) -> Cell:
    return replace(cell, detail="\n".join(filter(None, (cell.detail, *lines))))


def _size(met: Met) -> str:
    trainings = f"{len(met.places)} training" + "s" * (len(met.places) > 1)
    return f"{trainings}, {met.mean.num_clips:g} clips"


def _common_title(judges: Sequence[Judge]) -> str:
    names = [network_name(judge.network) for judge in judges]
    return f"the same for all: {names[0]}" if len(names) == 1 else f"the same {len(names)} attackers for all"


def two_fold_csv(study: Study) -> str:
    """Every figure of the tables of obfuscators on a line of its own, for other programs; shares in [0, 1]."""
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(_HEADS)
    for found in two_folds(study):
        for name in found.names:
            for line in _lines(found, name):
                writer.writerow([found.attribute.dataset, found.attribute.task, found.metric, name, *line])
    return file.getvalue()


def _lines(found: TwoFold, name: str) -> Iterator[list[str]]:
    action, tried, common = found.action(name), found.tried(name), found.by(name, found.common)
    if action is not None:
        yield _line(f"action, {_how(name, action)}", action, None, action.mean)
    for kind, met in (("all that it met", tried), ("the same for all", common)):
        if met is not None:
            yield _line(f"strongest of {kind}", met, *met.strongest)
            yield _line(f"mean of {kind}", met, None, met.mean)
    for label, (judge, told) in (tried.classes() if tried is not None else {}).items():
        assert tried is not None
        estimate = Estimate(told["value"], prior=told["prior"], num_clips=tried.mean.num_clips)
        yield _line(f"strongest on {label}", tried, judge, estimate)


def _line(figure: str, met: Met, judge: Judge | None, estimate: Estimate) -> list[str]:
    low, high = estimate.interval or (None, None)
    numbers = ["" if v is None else f"{v:.6f}" for v in (estimate.value, low, high, estimate.prior)]
    names = " ".join(each.network for each in met.judges)
    return [figure, *numbers, judge.network if judge else "", names, str(len(met.places)), f"{estimate.num_clips:g}"]
