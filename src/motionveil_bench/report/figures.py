"""The figures of the CVPR 2024 paper that result rows provide, our trade-off, and confusion matrices."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..copies.obfuscations import ORIGINAL, PERSON_REMOVED, TEMPLATE
from ..evaluation import f_lambda
from ..results import Row
from .charts import Bars, Chart, Dot, Line, Panel, Series
from .comparison import Tradeoffs
from .names import (
    ACTION_STYLE,
    FLOORS,
    IID,
    PRIVACY_STYLE,
    PROTOCOL_TITLES,
    Style,
    dataset_name,
    label_of,
    network_name,
    obfuscator_name,
    role,
    styles,
)
from .pooling import Estimate
from .published import Published
from .study import ACTION, Attribute, Recogniser, Study
from .two_fold_report import two_fold_charts

_LAMBDAS = tuple(step / 20 for step in range(21))
_PUBLISHED_DASHES: tuple[tuple[float, ...], ...] = ((1, 1), (1, 2.5), (3, 1, 1, 1), (3, 3), (6, 1, 1, 1, 1, 1))


def charts(study: Study, published: Published) -> list[Chart]:
    """All figures for which there are enough rows."""
    found: list[Chart] = []
    for protocol in study.compared:
        made: tuple[Chart, ...] = (
            templates_chart(study, protocol),
            weights_chart(study, protocol, published),
            noise_chart(study, protocol),
            tradeoff_chart(study, protocol, published),
        )
        found += [chart for chart in made if chart.panels]
    return [*found, *two_fold_charts(study, published)]


def templates_chart(study: Study, protocol: str) -> Chart:
    """Fig. 5: action and privacy if only a single template is replaced."""
    panels = []
    for attribute in _hidden(study):
        known = [n for n in study.templates if study.privacy(attribute, n, protocol) is not None]
        if known:
            names = [name for name in (ORIGINAL,) if study.privacy(attribute, name, protocol)] + known
            panels.append(_pair_panel(study, attribute, protocol, names))
    return Chart(
        "bars",
        f"figure_5_{protocol}",
        f"One template at a time, {PROTOCOL_TITLES[protocol]}.",
        "Accuracy where only what looks like one template is replaced, averaged over networks, with 95 % intervals. "
        "Blue should be high and red low.",
        tuple(panels),
        y_label="accuracy (%)",
    )


def noise_chart(study: Study, protocol: str) -> Chart:
    """Fig. 8: the same obfuscator with noise that moves with the scene, and with noise that is independent in each
    frame.
    """
    pairs = [n.removesuffix(IID) for n in study.obfuscators if n.endswith(IID)]
    pairs = [name for name in pairs if name in study.obfuscators]
    panels = []
    for attribute in _hidden(study):
        values = Tradeoffs(study, attribute, protocol)
        known = [n for n in pairs if values.action[n] and values.action[n + IID] and values.privacy[n]]
        if not known:
            continue
        bars = []
        for table, word, style in ((values.action, "action", ACTION_STYLE), (values.privacy, "privacy", PRIVACY_STYLE)):
            bars.append(Bars(f"{word}, motion noise", tuple(table[n] for n in known), style))
            bars.append(Bars(f"{word}, i.i.d. noise", tuple(table[n + IID] for n in known), style, hatched=True))
        names = tuple(obfuscator_name(name) for name in known)
        panels.append(Panel(attribute.title, names, tuple(bars), lines=_prior_lines(study, attribute)))
    return Chart(
        "bars",
        f"figure_8_{protocol}",
        f"Noise that moves with the scene against i.i.d. noise, {PROTOCOL_TITLES[protocol]}.",
        "Accuracy averaged over networks, with 95 % intervals.",
        tuple(panels),
        y_label="accuracy (%)",
    )


def weights_chart(study: Study, protocol: str, published: Published) -> Chart:
    """Fig. 7: f_lambda for all weights of privacy, per attribute and on average."""
    every = {attribute: Tradeoffs(study, attribute, protocol) for attribute in _hidden(study)}
    names = [n for n in study.obfuscators if not n.endswith(IID) and any(t.f[n] for t in every.values())]
    found = {attribute: values for attribute, values in every.items() if any(values.f[n] for n in names)}
    drawn = styles(names)
    panels = []
    for attribute, values in found.items():
        curves = [_curve(name, [values], drawn[name]) for name in names if values.f[name] is not None]
        printed = [p for p in published.of(attribute.dataset, protocol) if p.obfuscator == "paper"]
        printed += published.of(attribute.dataset, "retrained") if protocol == "retrained" else []
        for index, item in enumerate(printed):
            style = Style("#8A8A8A", _PUBLISHED_DASHES[index % len(_PUBLISHED_DASHES)], "", 0.9)
            curves.append(Series(item.label, _weighed([(item.action, item.privacy)]), style))
        panels.append(Panel(attribute.title, series=tuple(curves)))
    everywhere = [name for name in names if all(t.f[name] is not None for t in found.values())]
    if len(panels) > 1 and everywhere:
        mean = tuple(_curve(name, list(found.values()), drawn[name]) for name in everywhere)
        panels.append(Panel(f"Mean of the {len(found)}", series=mean))
    any_published = any(curve.label.startswith("published") for panel in panels for curve in panel.series)
    return Chart(
        "curves",
        f"figure_7_{protocol}",
        f"Weighing privacy against action, {PROTOCOL_TITLES[protocol]}.",
        "f = (1 − λ) · action + λ · (1 − privacy), averaged over networks; λ = 0 asks for action alone, 1 for privacy "
        "alone." + (" Published curves are drawn from published averages." if any_published else ""),
        tuple(panels),
        "λ",
        "f",
    )


def tradeoff_chart(study: Study, protocol: str, published: Published) -> Chart:
    """Action against the strongest attacker, one dot per obfuscator."""
    names = list(study.obfuscators)
    drawn = styles(names)
    printed = [item.label for attribute in _hidden(study) for item in published.of(attribute.dataset, protocol)]
    numbers = {label: number for number, label in enumerate(dict.fromkeys([*map(label_of, names), *printed]), 1)}
    panels = []
    for attribute in _hidden(study):
        dots = []
        for name in names:
            action, strongest = (
                study.action(attribute.dataset, name, protocol),
                study.strongest(attribute, name, protocol),
            )
            if action is not None and strongest is not None:
                dots.append(Dot(numbers[label_of(name)], label_of(name), strongest[1], action, drawn[name]))
        if not dots:
            continue
        for item in published.of(attribute.dataset, protocol):
            style = drawn.get(item.obfuscator, Style("#555555", (), "h"))
            privacy, action = Estimate(item.privacy), Estimate(item.action)
            dots.append(Dot(numbers[item.label], item.label, privacy, action, style, hollow=True))
        lines = [*_prior_lines(study, attribute), *_floor_lines(study, attribute, protocol)]
        panels.append(Panel(attribute.title, dots=tuple(dots), lines=tuple(lines)))
    return Chart(
        "dots",
        f"tradeoff_{protocol}",
        f"What is kept against what leaks, {PROTOCOL_TITLES[protocol]}.",
        "Each dot is an obfuscator: mean action accuracy over networks against the accuracy of the strongest attacker, "
        "with 95 % intervals. Up and to the left is better. Lines: what the strongest attacker reaches where people "
        "are cut out of each frame (person removed: the place and moving outlines are left), and where all that they "
        "ever cover is cut out of all frames (scene alone: the place is left)."
        + (" Published dots are hollow and show the mean over attackers." if printed else ""),
        tuple(panels),
        "strongest attacker (%)",
        "action accuracy (%)",
    )


def _hidden(study: Study) -> Iterator[Attribute]:
    return (attribute for attribute in study.compared_attributes if attribute.task)


def _pair_panel(study: Study, attribute: Attribute, protocol: str, names: Sequence[str]) -> Panel:
    bars = (
        Bars("action", tuple(study.action(attribute.dataset, name, protocol) for name in names), ACTION_STYLE),
        Bars("privacy", tuple(study.privacy(attribute, name, protocol) for name in names), PRIVACY_STYLE),
    )
    shown = tuple(name.removeprefix(TEMPLATE).replace("_", " ") for name in names)
    known = tuple(each for each in bars if any(each.values))
    return Panel(attribute.title, shown, known, lines=_prior_lines(study, attribute))


def _prior_lines(study: Study, attribute: Attribute) -> tuple[Line, ...]:
    prior = study.prior(attribute)
    return () if prior is None else (Line("prior of the attribute", prior, Style("#777777", (1, 1.5))),)


def _floor_lines(study: Study, attribute: Attribute, protocol: str) -> Iterator[Line]:
    for name, title in FLOORS.items():
        found = study.strongest(attribute, name, protocol)
        if found is not None:
            yield Line(title, found[1].value, Style("#777777", (4, 2) if name == PERSON_REMOVED else (4, 1.5, 1, 1.5)))


def _curve(name: str, tables: Sequence[Tradeoffs], style: Style) -> Series:
    known = [(table.action[name], table.privacy[name]) for table in tables]
    pairs = [(action.value, privacy.value) for action, privacy in known if action and privacy]
    return Series(label_of(name), _weighed(pairs), style)


def _weighed(pairs: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """(weight of privacy, mean of f_lambda over pairs of action and privacy)"""
    return tuple((weight, sum(f_lambda(a, p, weight) for a, p in pairs) / len(pairs)) for weight in _LAMBDAS)


_MOST = 6
"""Number of panels in a figure."""


def confusion_charts(study: Study) -> list[Chart]:
    """One figure for each task of each data set with matrices, of the last protocol that has any.

    Each panel shows the network with the highest accuracy; for attributes, the strongest attacker.
    """
    tasks = dict.fromkeys((row.dataset, row.task) for row in study.rows)
    found = (_confusion_chart(study, dataset, task) for dataset, task in tasks)
    return [chart for chart in found if chart is not None]


def _confusion_chart(study: Study, dataset: str, task: str) -> Chart | None:
    classes = _classes([row for row in study.rows if (row.dataset, row.task) == (dataset, task)])
    for protocol in (*reversed(study.compared), *study.protocols):
        panels = []
        for name in _chosen(study.obfuscators):
            best = _best(study, dataset, task, name, protocol)
            if best is not None:
                recogniser, rows = best
                shares = matrix_of(rows, len(classes))
                if shares is not None:
                    title = f"{obfuscator_name(name)}\n{network_name(recogniser.network)}, {recogniser.level}"
                    panels.append(Panel(title, classes, shares=tuple(tuple(map(float, row)) for row in shares)))
        if any(not panel.title.startswith("Original") for panel in panels):
            what = "actions" if task == ACTION else task.replace("_", " ")
            return Chart(
                "matrices",
                f"confusion_{dataset}_{task}",
                f"{dataset_name(dataset)}, {what}: which are taken for which, {PROTOCOL_TITLES[protocol]}.",
                "Rows are true classes, columns what was said, as shares of the row; of each obfuscator the network "
                "that reaches most.",
                tuple(panels[:_MOST]),
            )
    return None


def _chosen(names: Sequence[str]) -> list[str]:
    """The original, our presets, the references, then as many others as fit."""
    first = [n for n in names if role(n) in ("original", "reference") or (role(n) == "ours" and "_" not in n)]
    others = [n for n in names if n not in first]
    kept = {*first, *others[: max(0, _MOST - len(first))]}
    return [name for name in names if name in kept]


def _best(study: Study, dataset: str, task: str, name: str, protocol: str) -> tuple[Recogniser, list[Row]] | None:
    cell = study.cell(dataset, task, name, protocol)
    figures = study.estimates(dataset, task, name, protocol)
    known = [recogniser for recogniser, rows in cell.items() if all(_has_matrix(row) for row in rows)]
    if not known:
        return None
    best = max(known, key=lambda recogniser: figures[recogniser].value)
    return best, cell[best]


def _has_matrix(row: Row) -> bool:
    return bool(row.detail.get("confusion"))


def _classes(rows: Sequence[Row]) -> tuple[str, ...]:
    """The names of the classes of a task, from any of its rows; numbers from 1 if none has them."""
    count = max((len(row.detail["confusion"]) for row in rows if _has_matrix(row)), default=0)
    told = (row.detail.get("classes") for row in rows)
    names = next((names for names in told if isinstance(names, list) and len(names) == count), range(1, count + 1))
    return tuple(map(str, names))


def matrix_of(rows: Sequence[Row], count: int) -> npt.NDArray[np.float64] | None:
    """The sum of the matrices of rows (over folds and seeds), normalised per row; None if any is not (count, count)
    counts.
    """
    total = np.zeros((count, count))
    for row in rows:
        try:
            counts = np.asarray(row.detail["confusion"], np.float64)
        except (TypeError, ValueError):
            return None
        if counts.shape != total.shape or not (counts >= 0).all():
            return None
        total += counts
    return total / np.maximum(total.sum(axis=1, keepdims=True), 1)
