"""Figures before they are drawn: what is in them, in numbers. `plots` draws them, `pgfplots` writes them as LaTeX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .names import Style
from .pooling import Estimate


@dataclass(frozen=True)
class Line:
    """A straight line across a panel at a value in [0, 1]; of trade-offs upright, of bars level."""

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
class Curve:
    """Values in [0, 1] at the places `CurveChart.x`."""

    label: str
    values: tuple[float, ...]
    style: Style


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
class BarPanel:
    """Groups of bars by category, in order."""

    title: str
    categories: tuple[str, ...]
    bars: tuple[Bars, ...]
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class CurvePanel:
    """Curves over the same x."""

    title: str
    curves: tuple[Curve, ...]


@dataclass(frozen=True)
class DotPanel:
    """Dots, and upright lines."""

    title: str
    dots: tuple[Dot, ...]
    lines: tuple[Line, ...] = ()


@dataclass(frozen=True)
class MatrixPanel:
    """Row by row the share of clips of a class that were given each class."""

    title: str
    classes: tuple[str, ...]
    shares: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Series:
    """A line through points (x, y)."""

    label: str
    points: tuple[tuple[float, float], ...]
    style: Style


@dataclass(frozen=True)
class Marks:
    """Marks at points (x, y)."""

    label: str
    points: tuple[tuple[float, float], ...]
    style: Style
    hollow: bool = False


@dataclass(frozen=True)
class SeriesPanel:
    """Series, marks, and upright lines at an x. is_share: whether y lies in [0, 1] and is shown in per cent. note: what
    stands where there is nothing to draw."""

    title: str
    y_label: str
    series: tuple[Series, ...]
    marks: tuple[Marks, ...] = ()
    lines: tuple[Line, ...] = ()
    is_share: bool = False
    note: str = ""


@dataclass(frozen=True)
class BarChart:
    """Panels below each other."""

    name: str
    title: str
    caption: str
    y_label: str
    panels: tuple[BarPanel, ...]


@dataclass(frozen=True)
class CurveChart:
    """Panels side by side with one legend."""

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    panels: tuple[CurvePanel, ...]


@dataclass(frozen=True)
class DotChart:
    """Panels side by side with one legend."""

    name: str
    title: str
    caption: str
    x_label: str
    y_label: str
    panels: tuple[DotPanel, ...]


@dataclass(frozen=True)
class MatrixChart:
    """Panels side by side; all have the classes of the first."""

    name: str
    title: str
    caption: str
    panels: tuple[MatrixPanel, ...]


@dataclass(frozen=True)
class SeriesChart:
    """Small panels in rows of so many columns, with one legend; all panels of a column have one x."""

    name: str
    title: str
    caption: str
    x_label: str
    columns: int
    panels: tuple[SeriesPanel, ...]


Chart = BarChart | CurveChart | DotChart | MatrixChart | SeriesChart
Item = Curve | Dot | Line | Series | Marks


def legend(chart: CurveChart | DotChart | SeriesChart) -> Mapping[str, Item]:
    """What a legend for all panels shows: each label once, dots by their numbers, others as they first appear."""
    found: dict[str, Item] = {}
    for panel in chart.panels:
        items: tuple[Item, ...]
        if isinstance(panel, CurvePanel):
            items = panel.curves
        elif isinstance(panel, DotPanel):
            items = (*panel.dots, *panel.lines)
        else:
            items = (*panel.series, *panel.marks, *panel.lines)
        for item in items:
            found.setdefault(item.label, item)
    dots = sorted((item for item in found.values() if isinstance(item, Dot)), key=lambda dot: dot.number)
    return {dot.label: dot for dot in dots} | found
