"""Tables as Markdown and as LaTeX."""

from __future__ import annotations

from .tables import Cell, Table

_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "κ": r"$\kappa$", "σ": r"$\sigma$", "λ": r"$\lambda$",
    "Δ": r"$\Delta$", "×": r"$\times$", "↑": r"$\uparrow$", "↓": r"$\downarrow$", "−": r"$-$", "±": r"$\pm$",
    "·": r"$\cdot$", "–": "--", "†": r"$\dagger$", "…": r"\dots{}", "≤": r"$\leq$", "≥": r"$\geq$", "<": r"$<$",
    ">": r"$>$", "₀.₅": "$_{0.5}$",
}  # fmt: skip


def escape(text: str) -> str:
    """Text as LaTeX shows it."""
    text = text.replace("₀.₅", "\0")
    return "".join(_LATEX["₀.₅"] if letter == "\0" else _LATEX.get(letter, letter) for letter in text)


def markdown(table: Table) -> str:
    """The table with its title and caption; the first of bold and underlined is best, the other second."""
    heads = [*table.names]
    for group in table.groups:
        heads += [" ".join(part for part in (group.title, column) if part) for column in group.columns]
    lines = [
        f"### {table.title}", "", table.caption, "",
        _line(heads), _line(["---"] * len(table.names) + ["---:"] * (len(heads) - len(table.names))),
    ]  # fmt: skip
    for section in table.sections:
        if section.title:
            lines.append(_line([f"*{_safe(section.title)}*", *[""] * (len(heads) - 1)], safe=True))
        lines += [_line([_markdown_cell(cell) for cell in row], safe=True) for row in section.rows]
    return "\n".join(lines) + "\n"


def _line(cells: list[str], *, safe: bool = False) -> str:
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
    """A floating table in the style of booktabs; needs the packages booktabs, adjustbox and makecell."""
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
