"""Figures as LaTeX source: pgfplots, with the numbers in it, so that a paper draws them in its own type."""

from __future__ import annotations

from .charts import (
    BarChart,
    BarPanel,
    Chart,
    CurveChart,
    Dot,
    DotChart,
    DotPanel,
    Item,
    Marks,
    MatrixChart,
    Series,
    SeriesChart,
    SeriesPanel,
    legend,
)
from .markup import escape
from .names import Style
from .pooling import Estimate

PREAMBLE = r"""\documentclass[10pt,twocolumn]{article}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{booktabs,adjustbox,makecell,graphicx,pgfplots}
\usepgfplotslibrary{groupplots}
\usetikzlibrary{patterns}
\pgfplotsset{compat=1.16}
"""
_MARKS = {"o": "*", "s": "square*", "D": "diamond*", "^": "triangle*", "v": "otimes*", "h": "oplus*",
          "H": "halfcircle*", "p": "pentagon*", "8": "halfsquare*", "": "none"}  # fmt: skip


def pgfplots(chart: Chart) -> str | None:
    """A floating figure; needs pgfplots, its library groupplots and the TikZ library patterns. None for matrices."""
    if isinstance(chart, MatrixChart):
        return None
    if isinstance(chart, BarChart):
        body = [_bar_axis(chart, panel, last=panel is chart.panels[-1]) for panel in chart.panels]
        layout = f"group size=1 by {len(chart.panels)}, vertical sep=1.6cm"
        size = r"width=\columnwidth, height=4.2cm"
    elif isinstance(chart, SeriesChart):
        rows = len(chart.panels) // chart.columns
        layout = f"group size={chart.columns} by {rows}, horizontal sep=1cm, vertical sep=.8cm"
        size = f"width={1.9 / chart.columns + 0.06:.3f}\\columnwidth, height=3.6cm"
        body = [_series_axis(chart, index) for index in range(len(chart.panels))]
    else:
        columns = min(2, len(chart.panels))
        layout = f"group size={columns} by {-(-len(chart.panels) // columns)}, horizontal sep=1.3cm, vertical sep=1.7cm"
        size = r"width=.95\columnwidth, height=5.6cm"
        drawn = _curve_axes(chart) if isinstance(chart, CurveChart) else [_dot_axis(chart, p) for p in chart.panels]
        body = [*drawn]
    star = "" if isinstance(chart, BarChart) else "*"
    options = f"group style={{{layout}}}, {size}, tick label style={{font=\\scriptsize}}, label style={{font=\\small}}"
    lines = [
        f"\\begin{{figure{star}}}", r"\centering", r"\begin{tikzpicture}", f"\\begin{{groupplot}}[{options}]",
        *body, r"\end{groupplot}", r"\end{tikzpicture}", *_key(chart),
        f"\\caption{{\\textbf{{{escape(chart.title)}}} {escape(chart.caption)}}}", f"\\label{{fig:{chart.name}}}",
        f"\\end{{figure{star}}}",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"


def _bar_axis(chart: BarChart, panel: BarPanel, *, last: bool) -> str:
    places = range(len(panel.categories))
    ticks = ", ".join(f"{{{escape(name)}}}" for name in panel.categories)
    options = [
        "ybar", "ymin=0", "ymax=104", f"title={{{escape(panel.title)}}}", f"ylabel={{{escape(chart.y_label)}}}",
        f"bar width={0.62 / max(1, len(panel.bars)) / max(1, len(places)):.4f}*\\columnwidth",
        f"xtick={{{','.join(map(str, places))}}}", f"xticklabels={{{ticks}}}",
        "x tick label style={rotate=35, anchor=east}",
        f"xmin=-0.6, xmax={len(places) - 0.4}", "ymajorgrids",
    ]  # fmt: skip
    if last:
        options.append("legend style={at={(0.5,-0.45)}, anchor=north, legend columns=2, draw=none, font=\\scriptsize}")
    lines = [f"\\nextgroupplot[{', '.join(options)}]"]
    for bars in panel.bars:
        red, green, blue = _rgb(bars.style)
        colour = f"{{rgb,255:red,{red};green,{green};blue,{blue}}}"
        fill = f"pattern=north east lines, pattern color={colour}" if bars.hatched else f"fill={colour}"
        known = [(place, value) for place, value in zip(places, bars.values, strict=True) if value is not None]
        lines.append(
            f"\\addplot[draw={colour}, {fill}, error bars/.cd, y dir=both, y explicit] "
            "table[x=x, y=y, y error plus=p, y error minus=m, row sep=\\\\] {x y p m\\\\ "
            + " ".join(f"{place} {_errors(value)}\\\\" for place, value in known)
            + "};"
        )
        if last:
            lines.append(f"\\addlegendentry{{{escape(bars.label)}}}")
    for line in panel.lines:
        lines.append(
            f"\\draw[{_pen(line.style)}] (axis cs:-0.6,{100 * line.value:.2f}) -- "
            f"(axis cs:{len(places) - 0.4},{100 * line.value:.2f});"
        )
    return "\n".join(lines)


def _curve_axes(chart: CurveChart) -> list[str]:
    axes = []
    for panel in chart.panels:
        lines = [f"\\nextgroupplot[title={{{escape(panel.title)}}}, xlabel={{$\\lambda$}}, ylabel={{$f$}}, "
                 "xmin=0, xmax=1, ymin=0, ymax=1.02, grid=major]"]  # fmt: skip
        for curve in panel.curves:
            points = " ".join(f"({x:g},{y:.4f})" for x, y in zip(chart.x, curve.values, strict=True))
            lines.append(f"\\addplot[{_pen(curve.style)}] coordinates {{{points}}};")
        axes.append("\n".join(lines))
    return axes


def _dot_axis(chart: DotChart, panel: DotPanel) -> str:
    lines = [f"\\nextgroupplot[title={{{escape(panel.title)}}}, xlabel={{{escape(chart.x_label)}}}, "
             f"ylabel={{{escape(chart.y_label)}}}, grid=major]"]  # fmt: skip
    for dot in panel.dots:
        lines.append(
            f"\\addplot[only marks, {_mark(dot)}, error bars/.cd, x dir=both, x explicit, y dir=both, y explicit] "
            "table[x=x, y=y, x error plus=xp, x error minus=xm, y error plus=yp, y error minus=ym, row sep=\\\\] "
            f"{{x xp xm y yp ym\\\\ {_errors(dot.x)} {_errors(dot.y)}\\\\}} "
            f"node[pos=1, above right, inner sep=2pt, font=\\tiny] {{{dot.number}}};"
        )
    for line in panel.lines:
        lines.append(
            f"\\addplot[{_pen(line.style)}, forget plot] coordinates "
            f"{{({100 * line.value:.2f},0) ({100 * line.value:.2f},100)}};"
        )
    return "\n".join(lines)


def _series_axis(chart: SeriesChart, index: int) -> str:
    panel, scale = chart.panels[index], 100 if chart.panels[index].is_share else 1
    options = [f"title={{{escape(panel.title)}}}", "grid=major", "clip mode=individual"]
    if index % chart.columns == 0:
        options.append(f"ylabel={{{escape(panel.y_label)}}}")
    if index >= len(chart.panels) - chart.columns:
        options.append(f"xlabel={{{escape(chart.x_label)}}}")
    low, high = _y_limits(panel)
    column = chart.panels[index % chart.columns :: chart.columns]
    across = [x for each in column for series in each.series for x, _ in series.points] or [0]
    options.append(f"xmin={min(across) - 0.5:g}, xmax={max(across) + 0.5:g}, ymin={low:g}, ymax={high:g}")
    lines = [f"\\nextgroupplot[{', '.join(options)}]"]
    for line in panel.lines:
        lines.append(
            f"\\addplot[{_pen(line.style)}] coordinates {{({line.value:g},{low:g}) ({line.value:g},{high:g})}};"
        )
    items: tuple[Series | Marks, ...] = (*panel.series, *panel.marks)
    for item in items:
        points = " ".join(f"({x:g},{scale * y:.4g})" for x, y in item.points)
        pen = f"only marks, mark size=1.2pt, {_mark(item)}" if isinstance(item, Marks) else _pen(item.style)
        lines.append(f"\\addplot[{pen}] coordinates {{{points}}};")
    if panel.note:
        lines.append(f"\\node[font=\\scriptsize] at (rel axis cs:0.5,0.5) {{{escape(panel.note)}}};")
    return "\n".join(lines)


def _y_limits(panel: SeriesPanel) -> tuple[float, float]:
    values = [y for series in panel.series for _, y in series.points]
    if panel.is_share or not values:
        return 0, 112
    margin = 0.05 * (max(values) - min(values)) or 0.05
    return min(values) - margin, max(values) + margin


def _key(chart: Chart) -> list[str]:
    """A legend for all panels, below them."""
    if isinstance(chart, BarChart | MatrixChart):
        return []
    entries = []
    for label, item in legend(chart).items():
        sample = f"\\tikz[baseline=-.6ex]\\draw{_sample(item)};"
        number = f"{item.number}~" if isinstance(item, Dot) else ""
        entries.append(f"\\mbox{{{sample}~{number}{escape(label)}}}")
    return ["", r"\medskip", r"{\scriptsize", " \\quad\n".join(entries), r"\par}"]


def _sample(item: Item) -> str:
    if isinstance(item, Dot | Marks):
        mark, fill = _MARKS.get(item.style.marker, "*"), ", fill=white" if item.hollow else ""
        return f" plot[mark={mark}, mark options={{{_colour(item.style)}{fill}}}] coordinates {{(0,0)}}"
    return f"[{_pen(item.style)}] (0,0) -- (.6,0)"


def _rgb(style: Style) -> tuple[int, int, int]:
    red, green, blue = (int(style.colour[start : start + 2], 16) for start in (1, 3, 5))
    return red, green, blue


def _colour(style: Style) -> str:
    red, green, blue = _rgb(style)
    return f"color={{rgb,255:red,{red};green,{green};blue,{blue}}}"


def _pen(style: Style) -> str:
    dash = ""
    if style.dash:
        lengths = " ".join(f"{'off' if index % 2 else 'on'} {length:g}pt" for index, length in enumerate(style.dash))
        dash = f", dash pattern={lengths}"
    return f"{_colour(style)}, line width={0.8 * style.width:g}pt{dash}"


def _mark(dot: Dot | Marks) -> str:
    fill = ", fill=white" if dot.hollow else ""
    return (
        f"{_colour(dot.style)}, mark={_MARKS.get(dot.style.marker, '*')}, mark options={{{_colour(dot.style)}{fill}}}"
    )


def _errors(value: Estimate) -> str:
    """The value, what is above it and what is below it, in per cent."""
    low, high = value.interval or (value.value, value.value)
    return f"{100 * value.value:.2f} {100 * (high - value.value):.2f} {100 * (value.value - low):.2f}"
