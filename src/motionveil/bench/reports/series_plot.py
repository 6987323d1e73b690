"""Small multiples drawn with matplotlib."""

from __future__ import annotations

from math import ceil
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .charts import Item, Marks, SeriesChart, SeriesPanel, legend
from .plot_parts import COLUMN, legend_columns, line_style


def series_figure(chart: SeriesChart) -> Figure:
    """Panels in rows; labels on the left and below alone, one legend."""
    rows = ceil(len(chart.panels) / chart.columns)
    shown = legend(chart)
    wide = COLUMN if chart.columns == 1 else 2 * COLUMN
    per_row = legend_columns(list(shown), wide - 0.3)
    size = (wide, 1.35 * rows + 0.17 * ceil(len(shown) / per_row) + 0.35)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, chart.columns, squeeze=False, sharex="col")
    for index, (axes, panel) in enumerate(zip(grid.flat, chart.panels, strict=True)):
        _panel(axes, panel)
        if index % chart.columns == 0:
            axes.set_ylabel(panel.y_label)
        if index >= (rows - 1) * chart.columns:
            axes.set_xlabel(chart.x_label)
    figure.align_ylabels(grid[:, 0])
    figure.legend(
        [_handle(item) for item in shown.values()], list(shown), loc="outside lower center", ncols=per_row,
        handlelength=2, columnspacing=1.4, labelspacing=0.35,
    )  # fmt: skip
    return figure


def _panel(axes: Axes, panel: SeriesPanel) -> None:
    scale = 100 if panel.is_share else 1
    size = min(3.0, max(1.3, 45 / max(1, sum(len(marks.points) for marks in panel.marks))))
    for line in panel.lines:
        axes.axvline(line.value, **line_style(line.style), zorder=1)
    for series in panel.series:
        # Points, so that a training of one round is seen.
        axes.plot(*_across(series.points, scale), marker=".", markersize=2, **line_style(series.style), zorder=2)
    for marks in panel.marks:
        axes.plot(*_across(marks.points, scale), **_mark_style(marks, size), zorder=3)
    if panel.is_share:
        axes.set(ylim=(0, 112), yticks=(0, 25, 50, 75, 100))
    if panel.note:
        axes.text(0.5, 0.5, panel.note, ha="center", va="center", transform=axes.transAxes, color="#777777")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    axes.grid()
    axes.set_title(panel.title, loc="left")


def _across(points: tuple[tuple[float, float], ...], scale: float) -> tuple[list[float], list[float]]:
    return [x for x, _ in points], [scale * y for _, y in points]


def _mark_style(marks: Marks, size: float) -> dict[str, Any]:
    return {
        "linestyle": "none", "marker": marks.style.marker, "markersize": size, "markeredgecolor": marks.style.colour,
        "markerfacecolor": "white" if marks.hollow else marks.style.colour, "markeredgewidth": 0.7,
    }  # fmt: skip


def _handle(item: Item) -> Artist:
    return Line2D([], [], **(_mark_style(item, 3) if isinstance(item, Marks) else line_style(item.style)))
