"""Figures drawn with matplotlib, without touching its global state."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from math import ceil
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from .charts import (
    BarChart,
    BarPanel,
    Bars,
    Chart,
    CurveChart,
    Dot,
    DotChart,
    DotPanel,
    Item,
    MatrixChart,
    MatrixPanel,
    SeriesChart,
    legend,
)
from .plot_parts import COLUMN, legend_columns, line_style
from .pooling import Estimate
from .series_plot import series_figure

FORMATS = ("pdf", "png", "svg")
_SETTINGS: Any = {
    "font.size": 8, "axes.titlesize": 8.5, "axes.labelsize": 8, "xtick.labelsize": 7.5, "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5, "axes.linewidth": 0.6, "axes.edgecolor": "#444444", "axes.spines.top": False,
    "axes.spines.right": False, "grid.color": "#e3e3e3", "grid.linewidth": 0.6, "axes.grid": False,
    "axes.axisbelow": True, "hatch.linewidth": 0.7, "pdf.fonttype": 42, "svg.hashsalt": "motionveil",
    "legend.frameon": False, "font.family": "DejaVu Sans",
}  # fmt: skip
_SEQUENTIAL = ("#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b")


def draw(chart: Chart) -> dict[str, bytes]:
    """The figure as PDF, PNG and SVG, by format. The same chart gives the same bytes."""
    files = {}
    with rc_context(_SETTINGS):
        figure = _figure(chart)
        # Laid out once for all formats: it takes longer than drawing.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for kind in FORMATS:
            file = io.BytesIO()
            metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
            figure.savefig(file, format=kind, dpi=200, metadata=metadata, facecolor="white")
            files[kind] = file.getvalue()
    return files


def _figure(chart: Chart) -> Figure:
    if isinstance(chart, BarChart):
        return _bars(chart)
    if isinstance(chart, MatrixChart):
        return _matrices(chart)
    if isinstance(chart, SeriesChart):
        return series_figure(chart)
    if isinstance(chart, CurveChart):
        return _side_by_side(chart, [partial(_curves, chart=chart, panel=panel) for panel in chart.panels])
    return _side_by_side(chart, [partial(_dots, panel=panel) for panel in chart.panels])


def _bars(chart: BarChart) -> Figure:
    """Panels below each other, one column wide (two where there are many bars)."""
    most = max(len(panel.categories) * len(panel.bars) for panel in chart.panels)
    wide = COLUMN if most <= 24 else 2 * COLUMN
    figure = Figure(figsize=(wide, 1.75 * len(chart.panels) + 0.55), layout="constrained")
    handles: dict[str, Artist] = {}
    for axes, panel in zip(figure.subplots(len(chart.panels), squeeze=False)[:, 0], chart.panels, strict=True):
        handles.update(_bar_panel(axes, panel))
        axes.set(ylabel=chart.y_label, ylim=(0, 104))
        axes.set_title(panel.title, loc="left")
    columns = 5 if wide > COLUMN else 3 if len(handles) == 3 else 2
    figure.legend(
        handles.values(), handles.keys(), loc="outside lower center", ncols=columns, handlelength=1.4,
        columnspacing=1.2,
    )  # fmt: skip
    return figure


def _bar_panel(axes: Axes, panel: BarPanel) -> dict[str, Artist]:
    places, width = np.arange(len(panel.categories)), 0.8 / len(panel.bars)
    handles: dict[str, Artist] = {}
    for index, bars in enumerate(panel.bars):
        shift = (index - (len(panel.bars) - 1) / 2) * width
        handles[bars.label] = _draw_bars(axes, bars, places + shift, width * 0.92)
    for line in panel.lines:
        handles[line.label] = axes.axhline(100 * line.value, **line_style(line.style), zorder=3)
    long = max(map(len, panel.categories), default=0) * len(panel.categories) > 45
    axes.set_xticks(places, panel.categories, rotation=30 if long else 0, ha="right" if long else "center")
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.grid(axis="y")
    return handles


def _draw_bars(axes: Axes, bars: Bars, places: Any, width: float) -> Artist:
    heights = [100 * value.value if value else 0.0 for value in bars.values]
    low = [100 * (v.value - v.interval[0]) if v and v.interval else 0.0 for v in bars.values]
    high = [100 * (v.interval[1] - v.value) if v and v.interval else 0.0 for v in bars.values]
    colour = bars.style.colour
    look: dict[str, Any] = (
        {"facecolor": "white", "edgecolor": colour, "hatch": "//////"} if bars.hatched else {"facecolor": colour}
    )
    drawn = axes.bar(places, heights, width, linewidth=0.8, **look)
    axes.errorbar(places, heights, (low, high), fmt="none", ecolor="#222222", elinewidth=0.7, capsize=1.2)
    handle: Artist = drawn[0]
    return handle


def _side_by_side(chart: CurveChart | DotChart, drawers: Sequence[Callable[[Axes], None]]) -> Figure:
    """Panels in rows of two (three where that fills the row) with one legend below; a single one takes a column."""
    columns = 3 if len(drawers) % 3 == 0 else min(2, len(drawers))
    rows = ceil(len(drawers) / columns)
    shown = legend(chart)
    labels = [f"{item.number}  {label}" if isinstance(item, Dot) else label for label, item in shown.items()]
    per_row = legend_columns(labels, 2 * COLUMN if columns > 1 else COLUMN)
    lines = ceil(len(shown) / per_row)
    size = (min(2, columns) * COLUMN, (2.5 if columns < 3 else 2.1) * rows + 0.17 * lines + 0.1)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(drawers) :]:
        axes.set_axis_off()
    for axes, drawer in zip(grid.flat, drawers, strict=False):
        drawer(axes)
        axes.set(xlabel=chart.x_label, ylabel=chart.y_label)
        axes.grid()
    figure.legend(
        [_handle(item) for item in shown.values()], labels, loc="outside lower center", ncols=per_row, handlelength=2.4,
        columnspacing=1.4, labelspacing=0.35, markerscale=0.75,
    )  # fmt: skip
    return figure


def _curves(axes: Axes, *, chart: CurveChart, panel: Any) -> None:
    for curve in panel.curves:
        axes.plot(chart.x, curve.values, **line_style(curve.style))
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_title(panel.title, loc="left")


def _dots(axes: Axes, *, panel: DotPanel) -> None:
    for line in panel.lines:
        axes.axvline(100 * line.value, **line_style(line.style), zorder=1)
    for dot in panel.dots:
        x, y = 100 * dot.x.value, 100 * dot.y.value
        axes.errorbar(
            x, y, _bars_of(dot.y.value, dot.y.interval), _bars_of(dot.x.value, dot.x.interval), fmt="none",
            ecolor=dot.style.colour, elinewidth=0.8, alpha=0.35, zorder=2,
        )  # fmt: skip
        axes.plot(x, y, **_marker_style(dot), zorder=3)
        axes.annotate(str(dot.number), (x, y), ha="center", va="center_baseline", fontsize=5, color=_ink(dot), zorder=4)
    across = [*(value for dot in panel.dots for value in _ends(dot.x)), *(line.value for line in panel.lines)]
    up = [value for dot in panel.dots for value in _ends(dot.y)]
    for axis, values in (("x", across), ("y", up)):
        low, high = 100 * min(values), 100 * max(values)
        margin = max(3.0, 0.04 * (high - low))
        getattr(axes, f"set_{axis}lim")(max(-1.5, low - margin), min(102.0, high + margin))
    axes.set_title(panel.title, loc="left")


def _ends(estimate: Estimate) -> tuple[float, ...]:
    return (estimate.value, *(estimate.interval or ()))


def _bars_of(value: float, interval: tuple[float, float] | None) -> Any:
    return None if interval is None else [[100 * (value - interval[0])], [100 * (interval[1] - value)]]


def _marker_style(dot: Dot) -> dict[str, Any]:
    return {
        "linestyle": "none", "marker": dot.style.marker, "markersize": 9, "markeredgecolor": dot.style.colour,
        "markerfacecolor": "white" if dot.hollow else dot.style.colour, "markeredgewidth": 0.9,
    }  # fmt: skip


def _ink(dot: Dot) -> str:
    """Black or white, whichever is read more easily on the dot."""
    red, green, blue = (int(dot.style.colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#111111" if dot.hollow or 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def _handle(item: Item) -> Artist:
    return Line2D([], [], **(_marker_style(item) if isinstance(item, Dot) else line_style(item.style)))


def _matrices(chart: MatrixChart) -> Figure:
    columns = min(3, len(chart.panels))
    rows = ceil(len(chart.panels) / columns)
    figure = Figure(figsize=(2 * COLUMN * columns / 3 + 0.5, 2.85 * rows + 0.2), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    colours = LinearSegmentedColormap.from_list("blues", _SEQUENTIAL)
    for axes in grid.flat[len(chart.panels) :]:
        axes.set_axis_off()
    images = [
        _matrix(axes, panel, colours, labelled=index % columns == 0)
        for index, (axes, panel) in enumerate(zip(grid.flat, chart.panels, strict=False))
    ]
    figure.colorbar(images[0], ax=grid.ravel().tolist(), shrink=0.6, label="share of the true class (%)", aspect=30)
    return figure


def _matrix(axes: Axes, panel: MatrixPanel, colours: Any, *, labelled: bool) -> Any:
    shares = 100 * np.asarray(panel.shares)
    image = axes.imshow(shares, cmap=colours, vmin=0, vmax=100, interpolation="nearest")
    count = len(panel.classes)
    size = 6.5 if count <= 13 else 4.5
    step = 1 if count <= 30 else ceil(count / 30)
    places = range(0, count, step)
    names = [_short(panel.classes[place]) for place in places]
    axes.set_xticks(places, names, rotation=90, fontsize=size)
    axes.set_yticks(places, names if labelled else [], fontsize=size)
    axes.tick_params(length=0)
    if count <= 9:
        for row, column in np.ndindex(*shares.shape):
            value = shares[row, column]
            if value >= 0.5:
                ink = "white" if value > 55 else "#222222"
                axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=5.5, color=ink)
    axes.set_title(panel.title, fontsize=7.5)
    for spine in axes.spines.values():
        spine.set_visible(True)
    return image


def _short(text: str) -> str:
    return text if len(text) <= 16 else text[:15] + "…"


def drawn(charts: Iterable[Chart]) -> dict[str, dict[str, bytes]]:
    """All figures by name and format."""
    return {chart.name: draw(chart) for chart in charts}
