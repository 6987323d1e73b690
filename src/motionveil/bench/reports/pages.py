"""A report as texts: a page for people, Markdown, LaTeX."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ...detection.features.encoder import ASSETS
from ...outputs.run_manifest import library_versions
from .markup import markdown
from .pgfplots import PREAMBLE, pgfplots
from .report import Report


def page(report: Report, drawn: Mapping[str, Mapping[str, bytes]], pictures: Mapping[str, bytes]) -> str:
    """The page: nothing is loaded, no scripts; every text in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    sheets = [sheet for part in report.parts for sheet in part.sheets]
    images = {name: (_embedded("svg+xml", files["svg"]), _shown_width(files["svg"])) for name, files in drawn.items()}
    images |= {sheet.name: (_embedded("png", pictures[sheet.name]), sheet.image.shape[1]) for sheet in sheets}
    return environment.get_template("benchmark.html.j2").render(
        report=report,
        images=images,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        version=library_versions()["motionveil"],
    )


def _shown_width(svg: bytes) -> int:
    """Pixels on a screen, where it is looked at from further away than on paper."""
    found = re.search(rb'<svg[^>]* width="([0-9.]+)pt"', svg)
    return round(float(found.group(1)) * 2 if found else 700)


def _embedded(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def as_markdown(report: Report) -> str:
    """All of it but the pictures, which lie beside it."""
    lines = ["# Benchmark", ""]
    if report.cautions:
        lines += ["## Before you read on", "", *(f"* {text}." for text in report.cautions), ""]
    for part in report.parts:
        lines += [f"## {part.title}", "", *([part.text, ""] if part.text else [])]
        lines += [markdown(table) for table in part.tables]
        for item in (*part.charts, *part.sheets):
            lines += [f"![{item.title}](figures/{item.name}.png)", "", f"**{item.title}** {item.caption}", ""]
    return "\n".join([*lines, markdown(report.provenance)])


def as_latex(report: Report) -> str:
    """A document that takes in every table and figure, to look at them or to copy from."""
    lines = [PREAMBLE, r"\begin{document}"]
    for part in report.parts:
        lines += [f"\\input{{tables/{table.name}}}" for table in part.tables]
        for chart in part.charts:
            if pgfplots(chart) is not None:
                lines.append(f"\\input{{figures/{chart.name}}}")
            else:
                lines.append(
                    f"\\begin{{figure*}}\\centering\\includegraphics[width=\\textwidth]{{figures/{chart.name}.pdf}}"
                    r"\end{figure*}"
                )
        lines.append(r"\clearpage")
    return "\n".join([*lines, r"\input{tables/provenance}", r"\end{document}", ""])
