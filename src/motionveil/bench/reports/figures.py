"""The figures of the CVPR 2024 paper that rows of results can tell, and our own trade-off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..evaluation import f_lambda
from ..obfuscations import ORIGINAL, PERSON_REMOVED, TEMPLATE
from .charts import (
    BarChart,
    BarPanel,
    Bars,
    Chart,
    Curve,
    CurveChart,
    CurvePanel,
    Dot,
    DotChart,
    DotPanel,
    Line,
)
from .comparison_table import Tradeoffs
from .names import (
    ACTION,
    FLOORS,
    IID,
    PRIVACY,
    PROTOCOL_TITLES,
    Style,
    label_of,
    obfuscator_name,
    styles,
)
from .pooling import Estimate
from .published import Published
from .study import Attribute, Study
from .two_fold_chart import two_fold_charts

_LAMBDAS = tuple(step / 20 for step in range(21))
_PUBLISHED_DASHES: tuple[tuple[float, ...], ...] = ((1, 1), (1, 2.5), (3, 1, 1, 1), (3, 3), (6, 1, 1, 1, 1, 1))


def charts(study: Study, published: Published) -> list[Chart]:
    """All that the rows are enough for."""
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


def templates_chart(study: Study, protocol: str) -> BarChart:
    """Fig. 5: action and privacy where a single template alone is replaced."""
    panels = []
    for attribute in _hidden(study):
        known = [n for n in study.templates if study.privacy(attribute, n, protocol) is not None]
        if known:
            names = [name for name in (ORIGINAL,) if study.privacy(attribute, name, protocol)] + known
            panels.append(_pair_panel(study, attribute, protocol, names))
    return BarChart(
        f"figure_5_{protocol}",
        f"One template at a time, {PROTOCOL_TITLES[protocol]}.",
        "Accuracy where only what looks like one template is replaced, averaged over networks, with 95 % intervals. "
        "Blue should be high and red low.",
        "accuracy (%)",
        tuple(panels),
    )


def noise_chart(study: Study, protocol: str) -> BarChart:
    """Fig. 8: the same obfuscator with noise that moves with the scene, and with new noise in every frame."""
    pairs = [n.removesuffix(IID) for n in study.obfuscators if n.endswith(IID)]
    pairs = [name for name in pairs if name in study.obfuscators]
    panels = []
    for attribute in _hidden(study):
        values = Tradeoffs(study, attribute, protocol)
        known = [n for n in pairs if values.action[n] and values.action[n + IID] and values.privacy[n]]
        if not known:
            continue
        bars = []
        for table, word, style in ((values.action, "action", ACTION), (values.privacy, "privacy", PRIVACY)):
            bars.append(Bars(f"{word}, motion noise", tuple(table[n] for n in known), style))
            bars.append(Bars(f"{word}, i.i.d. noise", tuple(table[n + IID] for n in known), style, hatched=True))
        names = tuple(obfuscator_name(name) for name in known)
        panels.append(BarPanel(attribute.title, names, tuple(bars), _prior_lines(study, attribute)))
    return BarChart(
        f"figure_8_{protocol}",
        f"Noise that moves with the scene against i.i.d. noise, {PROTOCOL_TITLES[protocol]}.",
        "Accuracy averaged over networks, with 95 % intervals.",
        "accuracy (%)",
        tuple(panels),
    )


def weights_chart(study: Study, protocol: str, published: Published) -> CurveChart:
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
            curves.append(Curve(item.label, tuple(f_lambda(item.action, item.privacy, w) for w in _LAMBDAS), style))
        panels.append(CurvePanel(attribute.title, tuple(curves)))
    everywhere = [name for name in names if all(t.f[name] is not None for t in found.values())]
    if len(panels) > 1 and everywhere:
        mean = tuple(_curve(name, list(found.values()), drawn[name]) for name in everywhere)
        panels.append(CurvePanel(f"Mean of the {len(found)}", mean))
    any_published = any(curve.label.startswith("published") for panel in panels for curve in panel.curves)
    return CurveChart(
        f"figure_7_{protocol}",
        f"Weighing privacy against action, {PROTOCOL_TITLES[protocol]}.",
        "f = (1 − λ) · action + λ · (1 − privacy), averaged over networks; λ = 0 asks for action alone, 1 for privacy "
        "alone." + (" Published curves are drawn from published averages." if any_published else ""),
        "λ",
        "f",
        _LAMBDAS,
        tuple(panels),
    )


def tradeoff_chart(study: Study, protocol: str, published: Published) -> DotChart:
    """Action against the strongest attacker, one dot for each obfuscator."""
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
        panels.append(DotPanel(attribute.title, tuple(dots), tuple(lines)))
    return DotChart(
        f"tradeoff_{protocol}",
        f"What is kept against what leaks, {PROTOCOL_TITLES[protocol]}.",
        "Each dot is an obfuscator: mean action accuracy over networks against the accuracy of the strongest attacker, "
        "with 95 % intervals. Up and to the left is better. Lines: what the strongest attacker reaches where people "
        "are cut out of each frame (person removed: the place and moving outlines are left), and where all that they "
        "ever cover is cut out of all frames (scene alone: the place is left)."
        + (" Published dots are hollow and show the mean over attackers." if printed else ""),
        "strongest attacker (%)",
        "action accuracy (%)",
        tuple(panels),
    )


def _hidden(study: Study) -> Iterator[Attribute]:
    return (attribute for attribute in study.compared_attributes if attribute.task)


def _pair_panel(study: Study, attribute: Attribute, protocol: str, names: Sequence[str]) -> BarPanel:
    bars = (
        Bars("action", tuple(study.action(attribute.dataset, name, protocol) for name in names), ACTION),
        Bars("privacy", tuple(study.privacy(attribute, name, protocol) for name in names), PRIVACY),
    )
    shown = tuple(name.removeprefix(TEMPLATE).replace("_", " ") for name in names)
    return BarPanel(
        attribute.title, shown, tuple(each for each in bars if any(each.values)), _prior_lines(study, attribute)
    )


def _prior_lines(study: Study, attribute: Attribute) -> tuple[Line, ...]:
    prior = study.prior(attribute)
    return () if prior is None else (Line("prior of the attribute", prior, Style("#777777", (1, 1.5))),)


def _floor_lines(study: Study, attribute: Attribute, protocol: str) -> Iterator[Line]:
    for name, title in FLOORS.items():
        found = study.strongest(attribute, name, protocol)
        if found is not None:
            yield Line(title, found[1].value, Style("#777777", (4, 2) if name == PERSON_REMOVED else (4, 1.5, 1, 1.5)))


def _curve(name: str, tables: Sequence[Tradeoffs], style: Style) -> Curve:
    known = [(table.action[name], table.privacy[name]) for table in tables]
    pairs = [(action.value, privacy.value) for action, privacy in known if action and privacy]
    values = tuple(sum(f_lambda(a, p, weight) for a, p in pairs) / len(pairs) for weight in _LAMBDAS)
    return Curve(label_of(name), values, style)
