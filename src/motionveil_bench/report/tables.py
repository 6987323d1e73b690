"""Tables as data, and as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from .names import SECTIONS, obfuscator_name, role
from .pooling import Estimate

Mark = Literal["", "best", "second"]
EMPTY = "–"


@dataclass(frozen=True)
class Cell:
    """A cell. detail: shown smaller after the text, for instance an interval; may have several lines."""

    text: str = EMPTY
    detail: str = ""
    mark: Mark = ""


@dataclass(frozen=True)
class Group:
    """Neighbouring columns under one heading."""

    title: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Section:
    """Rows under an optional heading. Each row starts with its name."""

    rows: tuple[tuple[Cell, ...], ...]
    title: str = ""


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        name: The name of its files.
        groups: All columns but the first, which contains the names of the rows.
        names: The heading of that column.
        sections: Sections without rows are omitted.
    """

    name: str
    title: str
    caption: str
    names: tuple[str, ...]
    groups: tuple[Group, ...]
    sections: tuple[Section, ...]

    def __post_init__(self) -> None:
        width = len(self.names) + sum(len(group.columns) for group in self.groups)
        object.__setattr__(self, "sections", tuple(section for section in self.sections if section.rows))
        wrong = [row for section in self.sections for row in section.rows if len(row) != width]
        if wrong:
            raise ValueError(f"a row of the table {self.name} has {len(wrong[0])} cells, not {width}: {wrong[0]}")


def by_role(names: Iterable[str], row: Callable[[str], Sequence[Cell] | None]) -> tuple[Section, ...]:
    """Sections of obfuscators by their role in a comparison. row: returns the cells of one; None to omit it."""
    rows = {name: (Cell(obfuscator_name(name)), *cells) for name in names if (cells := row(name)) is not None}
    return tuple(Section(tuple(rows[name] for name in rows if role(name) == kind), title) for kind, title in SECTIONS)


def percent(estimate: Estimate | None, *, interval: bool = True) -> Cell:
    """A fraction in per cent, with its interval."""
    return _cell(estimate, 100, "{:.1f}", interval)


def points(estimate: Estimate | None, *, interval: bool = True) -> Cell:
    """A difference of two fractions in percentage points, with sign and interval."""
    return _cell(estimate, 100, "{:+.1f}", interval)


def ratio(estimate: Estimate | None, *, interval: bool = True, sign: bool = False) -> Cell:
    """A figure in [0, 1] with two decimals."""
    return _cell(estimate, 1, "{:+.2f}" if sign else "{:.2f}", interval)


def limits(estimate: Estimate | None) -> Cell:
    """The minimum and maximum of several trainings, in per cent; a dash for a single one."""
    found = None if estimate is None else estimate.extremes
    return Cell() if found is None else Cell(" – ".join(_number(100 * bound, "{:.1f}") for bound in found))


def plain(value: float | None, pattern: str = "{:.1f}", scale: float = 100) -> Cell:
    """A bare number; a dash if there is none."""
    return Cell() if value is None else Cell(_number(value * scale, pattern))


def _cell(estimate: Estimate | None, scale: float, pattern: str, interval: bool) -> Cell:
    if estimate is None:
        return Cell()
    detail = ""
    if interval and estimate.interval is not None:
        detail = "[" + ", ".join(_number(scale * bound, pattern) for bound in estimate.interval) + "]"
    return Cell(_number(scale * estimate.value, pattern), detail)


def _number(value: float, pattern: str) -> str:
    """With a proper minus sign, and none before a zero."""
    text = pattern.format(value)
    if not text.strip("+-0."):
        text = text.replace("-", "+" if "+" in pattern else "")
    return text.replace("-", "−")


def ranked(
    cells: Sequence[Cell],
    values: Iterable[Estimate | None],
    *,
    lowest: bool = False,
    among: Iterable[bool] | None = None,
) -> list[Cell]:
    """The cells of a column with the best and second best marked; cells that read the same are marked alike.

    among: which cells take part.
    """
    takes = [True] * len(cells) if among is None else list(among)
    known = [
        (-value.value if lowest else value.value, cell.text)
        for cell, value, taken in zip(cells, values, takes, strict=True)
        if taken and value is not None
    ]
    order = list(dict.fromkeys(text for _, text in sorted(known, key=lambda item: -item[0])))
    if len(order) < 2:
        return list(cells)
    marks: dict[str, Mark] = {order[0]: "best", order[1]: "second"}
    return [
        replace(cell, mark=marks.get(cell.text, "")) if taken else cell
        for cell, taken in zip(cells, takes, strict=True)
    ]


_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "κ": r"$\kappa$", "σ": r"$\sigma$", "λ": r"$\lambda$",
    "Δ": r"$\Delta$", "×": r"$\times$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "−": r"$-$", "±": r"$\pm$",
    "·": r"$\cdot$", "–": "--", "†": r"$\dagger$", "…": r"\dots{}", "≤": r"$\leq$", "≥": r"$\geq$", "<": r"$<$",
    ">": r"$>$", "₀.₅": "$_{0.5}$",
}  # fmt: skip


def escape(text: str) -> str:
    """Escape text for LaTeX."""
    text = text.replace("₀.₅", "\0")
    return "".join(_LATEX["₀.₅"] if letter == "\0" else _LATEX.get(letter, letter) for letter in text)


def markdown(table: Table) -> str:
    """The table with title and caption; the best values are bold, the second best underlined."""
    heads = [*table.names]
    for group in table.groups:
        heads += [" ".join(part for part in (group.title, column) if part) for column in group.columns]
    lines = [
        f"### {table.title}", "", table.caption, "",
        _markdown_line(heads), _markdown_line(["---"] * len(table.names) + ["---:"] * (len(heads) - len(table.names))),
    ]  # fmt: skip
    for section in table.sections:
        if section.title:
            lines.append(_markdown_line([f"*{_safe(section.title)}*", *[""] * (len(heads) - 1)], safe=True))
        lines += [_markdown_line([_markdown_cell(cell) for cell in row], safe=True) for row in section.rows]
    return "\n".join(lines) + "\n"


def _markdown_line(cells: list[str], *, safe: bool = False) -> str:
    return "| " + " | ".join(cell if safe else _safe(cell) for cell in cells) + " |"


def _safe(text: str) -> str:
    for letter in ("\\", "|", "*", "_", "`", "<"):
        text = text.replace(letter, "\\" + letter)
    return " ".join(text.split())


def _markdown_cell(cell: Cell) -> str:
    text = _safe(cell.text)
    text = {"best": f"**{text}**", "second": f"<u>{text}</u>"}.get(cell.mark, text)
    return f"{text} {_safe(cell.detail)}" if cell.detail else text


def latex(table: Table) -> str:
    """A floating table in the style of booktabs; requires the packages booktabs, adjustbox and makecell."""
    width = sum(len(group.columns) for group in table.groups)
    spec = "l" * len(table.names) + "".join("@{\\hskip 1.2em}" + "r" * len(group.columns) for group in table.groups)
    lines = [
        r"\begin{table*}", r"\centering\footnotesize\setlength{\tabcolsep}{4pt}",
        f"\\caption{{\\textbf{{{escape(table.title)}}} {escape(table.caption)}}}", f"\\label{{tab:{table.name}}}",
        r"\begin{adjustbox}{max width=\textwidth}", f"\\begin{{tabular}}{{{spec}}}", r"\toprule",
    ]  # fmt: skip
    if any(group.title for group in table.groups):
        first, rules, heads = len(table.names) + 1, [], [""] * len(table.names)
        for group in table.groups:
            last = first + len(group.columns) - 1
            heads.append(f"\\multicolumn{{{len(group.columns)}}}{{c}}{{{escape(group.title)}}}")
            if group.title:
                rules.append(f"\\cmidrule(lr){{{first}-{last}}}")
            first = last + 1
        lines += [" & ".join(heads) + r" \\", "".join(rules)]
    columns = [*table.names, *(column for group in table.groups for column in group.columns)]
    lines += [" & ".join(escape(column) for column in columns) + r" \\", r"\midrule"]
    for number, section in enumerate(table.sections):
        if number:
            lines.append(r"\midrule")
        if section.title:
            lines.append(
                f"\\multicolumn{{{len(table.names) + width}}}{{l}}{{\\textit{{{escape(section.title)}}}}} \\\\"
            )
        lines += [" & ".join(_latex_cell(cell) for cell in row) + r" \\" for row in section.rows]
    lines += [r"\bottomrule", r"\end{tabular}", r"\end{adjustbox}", r"\end{table*}"]
    return "\n".join(lines) + "\n"


def _latex_cell(cell: Cell) -> str:
    text = escape(cell.text)
    text = {"best": f"\\textbf{{{text}}}", "second": f"\\underline{{{text}}}"}.get(cell.mark, text)
    first, *others = cell.detail.split("\n")
    shown = f"{text} {{\\scriptsize {escape(first)}}}" if first else text
    if not others:
        return shown
    return "\\makecell[tr]{" + r"\\ ".join([shown, *(f"{{\\scriptsize {escape(line)}}}" for line in others)]) + "}"
