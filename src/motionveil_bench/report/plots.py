"""Figures drawn with matplotlib, without its global state."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from math import ceil
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from .charts import Bars, Chart, Dot, Item, Panel, Series, legend
from .names import Style
from .pooling import Estimate

FORMATS = ("pdf", "png", "svg")
COLUMN = 3.4
"""Width of a column of the paper, in inches."""
_SETTINGS: Any = {
    "font.size": 8, "axes.titlesize": 8.5, "axes.labelsize": 8, "xtick.labelsize": 7.5, "ytick.labelsize": 7.5,
    "legend.fontsize": 7.5, "axes.linewidth": 0.6, "axes.edgecolor": "#444444", "axes.spines.top": False,
    "axes.spines.right": False, "grid.color": "#e3e3e3", "grid.linewidth": 0.6, "axes.grid": False,
    "axes.axisbelow": True, "hatch.linewidth": 0.7, "pdf.fonttype": 42, "svg.hashsalt": "motionveil",
    "legend.frameon": False, "font.family": "DejaVu Sans",
}  # fmt: skip
_BLUES = LinearSegmentedColormap.from_list("blues", ("#ffffff", "#c6dbef", "#6baed6", "#2171b5", "#08306b"))


def draw(chart: Chart) -> dict[str, bytes]:
    """The figure as PDF, PNG and SVG, by format. The same chart yields the same bytes."""
    files = {}
    with rc_context(_SETTINGS):
        figure = _FIGURES[chart.kind](chart)
        # Laid out once for all formats, which takes longer than drawing.
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        for kind in FORMATS:
            file = io.BytesIO()
            metadata = {"pdf": {"CreationDate": None}, "svg": {"Date": None}}.get(kind)
            figure.savefig(file, format=kind, dpi=200, metadata=metadata, facecolor="white")
            files[kind] = file.getvalue()
    return files


def _bars(chart: Chart) -> Figure:
    """Panels stacked vertically, one column wide (two if there are many bars)."""
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


def _bar_panel(axes: Axes, panel: Panel) -> dict[str, Artist]:
    places, width = np.arange(len(panel.categories)), 0.8 / len(panel.bars)
    handles: dict[str, Artist] = {}
    for index, bars in enumerate(panel.bars):
        shift = (index - (len(panel.bars) - 1) / 2) * width
        handles[bars.label] = _draw_bars(axes, bars, places + shift, width * 0.92)
    for line in panel.lines:
        handles[line.label] = axes.axhline(100 * line.value, **_line_style(line.style), zorder=3)
    long = max(map(len, panel.categories), default=0) * len(panel.categories) > 45
    axes.set_xticks(places, panel.categories, rotation=30 if long else 0, ha="right" if long else "center")
    axes.tick_params(axis="x", length=0)
    axes.set_xlim(-0.6, len(places) - 0.4)
    axes.grid(axis="y")
    return handles


def _draw_bars(axes: Axes, bars: Bars, places: Any, width: float) -> Artist:
    heights = [100 * value.value if value else 0.0 for value in bars.values]
    reach = [_reach(value) if value else None for value in bars.values]
    low, high = ([found[end][0] if found else 0.0 for found in reach] for end in (0, 1))
    colour = bars.style.colour
    hatch: dict[str, Any] = {"facecolor": "white", "edgecolor": colour, "hatch": "//////"}
    drawn = axes.bar(places, heights, width, linewidth=0.8, **(hatch if bars.hatched else {"facecolor": colour}))
    axes.errorbar(places, heights, (low, high), fmt="none", ecolor="#222222", elinewidth=0.7, capsize=1.2)
    handle: Artist = drawn[0]
    return handle


def _side_by_side(chart: Chart) -> Figure:
    """Panels in rows of two (three if that fills the row) with one legend below; a single panel is one column wide."""
    count = len(chart.panels)
    columns = 3 if count % 3 == 0 else min(2, count)
    rows = ceil(count / columns)
    shown = legend(chart)
    labels = [f"{item.number}  {label}" if isinstance(item, Dot) else label for label, item in shown.items()]
    per_row = _legend_columns(labels, 2 * COLUMN if columns > 1 else COLUMN)
    height = (2.5 if columns < 3 else 2.1) * rows + 0.17 * ceil(len(shown) / per_row) + 0.1
    figure = Figure(figsize=(min(2, columns) * COLUMN, height), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_axis_off()
    for axes, panel in zip(grid.flat, chart.panels, strict=False):
        (_curves if chart.kind == "curves" else _dots)(axes, panel)
        axes.set(xlabel=chart.x_label, ylabel=chart.y_label)
        axes.set_title(panel.title, loc="left")
        axes.grid()
    figure.legend(
        [_handle(item, 9) for item in shown.values()], labels, loc="outside lower center", ncols=per_row,
        handlelength=2.4, columnspacing=1.4, labelspacing=0.35, markerscale=0.75,
    )  # fmt: skip
    return figure


def _curves(axes: Axes, panel: Panel) -> None:
    for curve in panel.series:
        axes.plot(*zip(*curve.points, strict=True), **_line_style(curve.style))
    axes.set(xlim=(0, 1), ylim=(0, 1.02))


def _dots(axes: Axes, panel: Panel) -> None:
    for line in panel.lines:
        axes.axvline(100 * line.value, **_line_style(line.style), zorder=1)
    for dot in panel.dots:
        x, y = 100 * dot.x.value, 100 * dot.y.value
        axes.errorbar(
            x, y, _reach(dot.y), _reach(dot.x), fmt="none", ecolor=dot.style.colour, elinewidth=0.8, alpha=0.35,
            zorder=2,
        )  # fmt: skip
        axes.plot(x, y, **_mark_style(dot, 9), zorder=3)
        axes.annotate(str(dot.number), (x, y), ha="center", va="center_baseline", fontsize=5, color=_ink(dot), zorder=4)
    across = [*(value for dot in panel.dots for value in _ends(dot.x)), *(line.value for line in panel.lines)]
    up = [value for dot in panel.dots for value in _ends(dot.y)]
    for axis, values in (("x", across), ("y", up)):
        low, high = 100 * min(values), 100 * max(values)
        margin = max(3.0, 0.04 * (high - low))
        getattr(axes, f"set_{axis}lim")(max(-1.5, low - margin), min(102.0, high + margin))


def _ends(estimate: Estimate) -> tuple[float, ...]:
    return (estimate.value, *(estimate.interval or ()))


def _reach(estimate: Estimate) -> Any:
    """The extent of the interval below and above the value, in per cent, as matplotlib expects it."""
    if estimate.interval is None:
        return None
    return [[100 * (estimate.value - estimate.interval[0])], [100 * (estimate.interval[1] - estimate.value)]]


def _ink(dot: Dot) -> str:
    """Black or white, whichever is more readable on the dot."""
    red, green, blue = (int(dot.style.colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#111111" if dot.hollow or 0.299 * red + 0.587 * green + 0.114 * blue > 140 else "white"


def _matrices(chart: Chart) -> Figure:
    columns = min(3, len(chart.panels))
    rows = ceil(len(chart.panels) / columns)
    figure = Figure(figsize=(2 * COLUMN * columns / 3 + 0.5, 2.85 * rows + 0.2), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(chart.panels) :]:
        axes.set_axis_off()
    images = [
        _matrix(axes, panel, labelled=index % columns == 0)
        for index, (axes, panel) in enumerate(zip(grid.flat, chart.panels, strict=False))
    ]
    figure.colorbar(images[0], ax=grid.ravel().tolist(), shrink=0.6, label="share of the true class (%)", aspect=30)
    return figure


def _matrix(axes: Axes, panel: Panel, *, labelled: bool) -> Any:
    shares = 100 * np.asarray(panel.shares)
    image = axes.imshow(shares, cmap=_BLUES, vmin=0, vmax=100, interpolation="nearest")
    count = len(panel.categories)
    size = 6.5 if count <= 13 else 4.5
    places = range(0, count, 1 if count <= 30 else ceil(count / 30))
    names = [text if len(text := panel.categories[place]) <= 16 else text[:15] + "…" for place in places]
    axes.set_xticks(places, names, rotation=90, fontsize=size)
    axes.set_yticks(places, names if labelled else [], fontsize=size)
    axes.tick_params(length=0)
    for row, column in np.ndindex(*shares.shape) if count <= 9 else ():
        if (value := shares[row, column]) >= 0.5:
            ink = "white" if value > 55 else "#222222"
            axes.text(column, row, f"{value:.0f}", ha="center", va="center", fontsize=5.5, color=ink)
    axes.set_title(panel.title, fontsize=7.5)
    for spine in axes.spines.values():
        spine.set_visible(True)
    return image


def _multiples(chart: Chart) -> Figure:
    """Panels in rows, with labels on the left and at the bottom only, and one legend."""
    rows = ceil(len(chart.panels) / chart.columns)
    shown = legend(chart)
    wide = COLUMN if chart.columns == 1 else 2 * COLUMN
    per_row = _legend_columns(list(shown), wide - 0.3)
    size = (wide, 1.35 * rows + 0.17 * ceil(len(shown) / per_row) + 0.35)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, chart.columns, squeeze=False, sharex="col")
    for index, (axes, panel) in enumerate(zip(grid.flat, chart.panels, strict=True)):
        _multiple(axes, panel)
        if index % chart.columns == 0:
            axes.set_ylabel(panel.y_label)
        if index >= (rows - 1) * chart.columns:
            axes.set_xlabel(chart.x_label)
    figure.align_ylabels(grid[:, 0])
    figure.legend(
        [_handle(item, 3) for item in shown.values()], list(shown), loc="outside lower center", ncols=per_row,
        handlelength=2, columnspacing=1.4, labelspacing=0.35,
    )  # fmt: skip
    return figure


def _multiple(axes: Axes, panel: Panel) -> None:
    scale = 100 if panel.is_share else 1
    size = min(3.0, max(1.3, 45 / max(1, sum(len(series.points) for series in panel.series if series.marked))))
    for line in panel.lines:
        axes.axvline(line.value, **_line_style(line.style), zorder=1)
    for series in panel.series:
        # Lines have markers, so that a training of one round is visible.
        line_look = {"marker": ".", "markersize": 2, **_line_style(series.style), "zorder": 2}
        look = {**_mark_style(series, size), "zorder": 3} if series.marked else line_look
        axes.plot([x for x, _ in series.points], [scale * y for _, y in series.points], **look)
    if panel.is_share:
        axes.set(ylim=(0, 112), yticks=(0, 25, 50, 75, 100))
    if panel.note:
        axes.text(0.5, 0.5, panel.note, ha="center", va="center", transform=axes.transAxes, color="#777777")
    axes.xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
    axes.grid()
    axes.set_title(panel.title, loc="left")


def _legend_columns(labels: Sequence[str], width: float) -> int:
    """The number of legend columns that fit into a width in inches."""
    for columns in (4, 3, 2):
        height = ceil(len(labels) / columns)
        widest = (max(map(len, labels[start : start + height])) for start in range(0, len(labels), height))
        # About 17 letters of this size fit into an inch; the sample and its spacing take about 9.
        if sum(letters + 9 for letters in widest) <= 17 * width:
            return columns
    return 1


def _line_style(style: Style) -> dict[str, Any]:
    dashed = {"linestyle": (0, style.dash)} if style.dash else {}
    return {"color": style.colour, "linewidth": style.width, **dashed}


def _mark_style(item: Dot | Series, size: float) -> dict[str, Any]:
    return {
        "linestyle": "none", "marker": item.style.marker, "markersize": size, "markeredgecolor": item.style.colour,
        "markerfacecolor": "white" if item.hollow else item.style.colour,
        "markeredgewidth": 0.9 if isinstance(item, Dot) else 0.7,
    }  # fmt: skip


def _handle(item: Item, size: float) -> Artist:
    marked = isinstance(item, Dot) or (isinstance(item, Series) and item.marked)
    return Line2D([], [], **(_mark_style(item, size) if marked else _line_style(item.style)))  # type: ignore[arg-type]


_FIGURES: dict[str, Callable[[Chart], Figure]] = {
    "bars": _bars, "curves": _side_by_side, "dots": _side_by_side, "matrices": _matrices, "multiples": _multiples,
}  # fmt: skip
