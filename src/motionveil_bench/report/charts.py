"""Figures as data, before they are drawn by `plots`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .names import Style
from .pooling import Estimate

Kind = Literal["bars", "curves", "dots", "matrices", "multiples"]
"""bars: panels stacked vertically. curves, dots: panels side by side with one legend. matrices: side by side, all with
the classes of the first. multiples: small panels in rows of `Chart.columns`; panels of a column share the x axis.
"""


@dataclass(frozen=True)
class Line:
    """A straight line across a panel: horizontal at a y for bars, vertical at an x otherwise."""

    label: str
    value: float
    style: Style


@dataclass(frozen=True)
class Bars:
    """A group of bars, with one value per category; None for no value. Hatched where `hatched`."""

    label: str
    values: tuple[Estimate | None, ...]
    style: Style
    hatched: bool = False


@dataclass(frozen=True)
class Series:
    """Points (x, y), joined by a line, or individual markers."""

    label: str
    points: tuple[tuple[float, float], ...]
    style: Style
    marked: bool = False
    hollow: bool = False


@dataclass(frozen=True)
class Dot:
    """One obfuscator.

    Attributes:
        x: What attackers learn.
        y: How much of the actions is kept.
        number: Shown in the dot, and before the label in the legend.
        hollow: Whether it is a published result.
    """

    number: int
    label: str
    x: Estimate
    y: Estimate
    style: Style
    hollow: bool = False


@dataclass(frozen=True)
class Panel:
    """The content of one panel: bars by category; series; dots; or `shares`, for each class (row) the fraction of its
    clips assigned to each of `categories`.

    is_share: whether the y axis of small multiples is a fraction, shown in per cent. note: shown if there is nothing to
    draw.
    """

    title: str
    categories: tuple[str, ...] = ()
    bars: tuple[Bars, ...] = ()
    series: tuple[Series, ...] = ()
    dots: tuple[Dot, ...] = ()
    shares: tuple[tuple[float, ...], ...] = ()
    lines: tuple[Line, ...] = ()
    y_label: str = ""
    is_share: bool = False
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """One figure. name: the name of its files."""

    kind: Kind
    name: str
    title: str
    caption: str
    panels: tuple[Panel, ...]
    x_label: str = ""
    y_label: str = ""
    columns: int = 1


Item = Dot | Line | Series


def legend(chart: Chart) -> Mapping[str, Item]:
    """The entries of a legend for all panels, each label once: dots by number, others in order of appearance."""
    found: dict[str, Item] = {}
    for panel in chart.panels:
        items: tuple[Item, ...] = (*panel.series, *panel.dots, *panel.lines)
        for item in items:
            found.setdefault(item.label, item)
    dots = sorted((item for item in found.values() if isinstance(item, Dot)), key=lambda dot: dot.number)
    return {dot.label: dot for dot in dots} | found
