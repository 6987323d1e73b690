"""Figures before they are drawn: what is in them, in numbers. `plots` draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from .names import Style
from .pooling import Estimate

Kind = Literal["bars", "curves", "dots", "matrices", "multiples"]
"""bars: panels below each other. curves, dots: panels side by side with one legend. matrices: side by side, all with
the classes of the first. multiples: small panels in rows of `Chart.columns`; all of a column have one x."""


@dataclass(frozen=True)
class Line:
    """A straight line across a panel: level at a y between bars, upright at an x elsewhere."""

    label: str
    value: float
    style: Style


@dataclass(frozen=True)
class Bars:
    """A group of bars: one value for each category, None where there is none. Hatched where `hatched`."""

    label: str
    values: tuple[Estimate | None, ...]
    style: Style
    hatched: bool = False


@dataclass(frozen=True)
class Series:
    """Points (x, y), joined by a line, or marked one by one."""

    label: str
    points: tuple[tuple[float, float], ...]
    style: Style
    marked: bool = False
    hollow: bool = False


@dataclass(frozen=True)
class Dot:
    """One obfuscator: x is what attackers learn, y what is kept of actions. Hollow where it is published.

    number: told beside the label in the legend, and drawn into the dot.
    """

    number: int
    label: str
    x: Estimate
    y: Estimate
    style: Style
    hollow: bool = False


@dataclass(frozen=True)
class Panel:
    """What a panel of a kind shows: bars by category; series; dots; or `shares`, row by row the share of clips of a
    class (of `categories`) that were given each class.

    is_share: whether y of small multiples lies in [0, 1] and is shown in per cent. note: where nothing is to be drawn.
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
    """One figure. name: of its files."""

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
    """What a legend for all panels shows: each label once, dots by their numbers, others as they first appear."""
    found: dict[str, Item] = {}
    for panel in chart.panels:
        items: tuple[Item, ...] = (*panel.series, *panel.dots, *panel.lines)
        for item in items:
            found.setdefault(item.label, item)
    dots = sorted((item for item in found.values() if isinstance(item, Dot)), key=lambda dot: dot.number)
    return {dot.label: dot for dot in dots} | found
