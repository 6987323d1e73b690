"""A report as texts and as files: one page for people, tables and figures for papers."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from motionveil import drawing
from motionveil._core.atomic_files import PendingFile, commit_all, make_folders, remove, remove_empty
from motionveil._core.errors import OutputError
from motionveil._core.types import UInt8Array
from motionveil.outputs.run_manifest import library_versions

from ..adversarial.history import Learned
from ..results import Row
from .cautions import cautions
from .charts import Chart
from .comparison import (
    MIXED,
    attacker_table,
    class_tables,
    comparison_table,
    is_mixed,
    long_table,
    original_table,
)
from .figures import charts, confusion_charts
from .learning import learning_cautions, learning_charts
from .plots import draw
from .provenance import pooled_csv, provenance_table
from .published import Published, published_figures, published_tables
from .study import Study
from .tables import Table, escape, latex, markdown
from .two_fold import two_folds
from .two_fold_report import TRADEOFF_TWO_FOLD, two_fold_csv, two_fold_tables

_ASSETS = Path(__file__).resolve().parents[1] / "assets"


class Sheet(NamedTuple):
    """A picture (H, W, 3) uint8 RGB with a title and a line of text; see `sheets`."""

    name: str
    title: str
    caption: str
    image: UInt8Array


@dataclass(frozen=True)
class Part:
    """A section of a report."""

    title: str
    text: str
    tables: tuple[Table, ...] = ()
    charts: tuple[Chart, ...] = ()
    sheets: tuple[Sheet, ...] = ()


@dataclass(frozen=True)
class Report:
    """All that is in a report, before it is written."""

    parts: tuple[Part, ...]
    cautions: tuple[str, ...]
    provenance: Table
    titles: tuple[str, ...]
    csv: Mapping[str, str]

    @property
    def tables(self) -> list[Table]:
        """Of all parts."""
        return [table for part in self.parts for table in part.tables] + [self.provenance]

    @property
    def charts(self) -> list[Chart]:
        """Of all parts."""
        return [chart for part in self.parts for chart in part.charts]


_PREAMBLE = r"""\documentclass[10pt,twocolumn]{article}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{booktabs,adjustbox,makecell,graphicx}
"""


def page(report: Report, drawn: Mapping[str, Mapping[str, bytes]], pictures: Mapping[str, bytes]) -> str:
    """The page: nothing is loaded, no scripts; every text in it is escaped."""
    environment = Environment(
        loader=FileSystemLoader(_ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True
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
        pictures: tuple[Chart | Sheet, ...] = (*part.charts, *part.sheets)
        for item in pictures:
            lines += [f"![{item.title}](figures/{item.name}.png)", "", f"**{item.title}** {item.caption}", ""]
    return "\n".join([*lines, markdown(report.provenance)])


def as_latex(report: Report) -> str:
    """A document that takes in every table and figure, to look at them or to copy from."""
    lines = [_PREAMBLE, r"\begin{document}"]
    for part in report.parts:
        lines += [f"\\input{{tables/{table.name}}}" for table in part.tables]
        lines += [
            f"\\begin{{figure*}}\\centering\\includegraphics[width=\\textwidth]{{figures/{chart.name}.pdf}}"
            f"\\caption{{\\textbf{{{escape(chart.title)}}} {escape(chart.caption)}}}\\label{{fig:{chart.name}}}"
            r"\end{figure*}"
            for chart in part.charts
        ]
        lines.append(r"\clearpage")
    return "\n".join([*lines, r"\input{tables/provenance}", r"\end{document}", ""])


PAGE = "report.html"
WRITTEN = "SHA256SUMS"
"""Lists the files of a report with their hashes, as `sha256sum -c` reads them; the next report into the folder removes
those that it does not have, and that nobody has changed."""


def make_report(
    rows: Iterable[Row], *, published: bool = True, sheets: Sequence[Sheet] = (), trainings: Sequence[Learned] = ()
) -> Report:
    """Everything that rows of results tell. Raises InputError where there are none, or impossible ones."""
    study = Study(rows)
    known = published_figures() if published else Published()
    drawn, first = charts(study, known), original_table(study, known)

    def some(prefix: str) -> tuple[Chart, ...]:
        return tuple(chart for chart in drawn if chart.name.startswith(prefix))

    protocols = [*study.compared, *([MIXED] if is_mixed(study) else [])]
    compared = _filled(*(comparison_table(study, protocol, known) for protocol in protocols), long_table(study))
    parts = (
        Part(
            "What leaks, and what is kept",
            "The strongest attacker counts, and the retrained one more than the frozen one: whoever has the tool can "
            "train on what it makes.",
            _filled(
                *(attacker_table(study, attribute) for attribute in study.compared_attributes), *class_tables(study)
            ),
            tuple(chart for chart in some("tradeoff") if chart.name != TRADEOFF_TWO_FOLD),
        ),
        Part(
            "Unseen attackers (two-fold)",
            "As learned methods are judged: attackers that an obfuscator has never met learn from what it makes.",
            tuple(two_fold_tables(study, known)),
            some(TRADEOFF_TWO_FOLD),
        ),
        Part("How learned methods were trained", "", (), tuple(learning_charts(trainings))),
        Part("Unmodified video", "What the networks can do at best.", (first,) if first else ()),
        Part("Obfuscators compared, averaged over networks", "As in the paper.", compared),
        Part("Weighing privacy", "As in Fig. 7 of the paper.", (), some("figure_7")),
        Part("One template at a time", "As in Fig. 5 of the paper.", (), some("figure_5")),
        Part("Motion-consistent and i.i.d. noise", "As in Fig. 8 of the paper.", (), some("figure_8")),
        Part("Which classes are taken for which", "", (), tuple(confusion_charts(study))),
        Part("What it looks like", "These pictures show the original.", (), (), tuple(sheets)),
        Part("Published figures", "Copied from the papers, for comparison.", tuple(published_tables(known))),
    )
    shown = tuple(part for part in parts if part.tables or part.charts or part.sheets)
    warned = cautions(study) + learning_cautions(trainings, study)
    if sheets:
        warned.insert(0, "this report shows pictures of the original; keep it as safe as the original")
    if study.num_repeated:
        warned.append(f"rows that later ones repeat were left out ({study.num_repeated})")
    return Report(shown, tuple(warned), provenance_table(study), tuple(known.titles.values()), _csv(study))


def _csv(study: Study) -> dict[str, str]:
    """By the names of the files."""
    files = {"pooled.csv": pooled_csv(study)}
    return files | ({"two_fold.csv": two_fold_csv(study)} if two_folds(study) else {})


def _filled(*tables: Table) -> tuple[Table, ...]:
    """Those that have any rows: single templates, for instance, are in no table."""
    return tuple(table for table in tables if table.sections)


def write_report(
    rows: Iterable[Row],
    folder: Path,
    *,
    published: bool = True,
    sheets: Sequence[Sheet] = (),
    trainings: Sequence[Learned] = (),
) -> list[Path]:
    """Write all tables and figures into a folder, all files or none, and return them, the page first.

    report.html is self-contained; report.md, report.tex; tables/*.tex; figures/*.pdf and .png;
    pooled.csv; two_fold.csv where that was evaluated; SHA256SUMS. Files of an earlier report that this one does not
    have are removed. published: show what papers have printed beside ours. sheets: pictures for the page. trainings: of
    learned methods, whose curves are drawn.
    Raises InputError for rows that cannot be, OutputError where the folder cannot be written.
    """
    report = make_report(rows, published=published, sheets=sheets, trainings=trainings)
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder} is a file; choose a folder for the report with -o")
    contents = _contents(report)
    contents[WRITTEN] = "".join(f"{_hash(data)}  {name}\n" for name, data in contents.items()).encode()
    outdated = [path for path in _unchanged(folder) if path.relative_to(folder).as_posix() not in contents]
    with ExitStack() as stack:
        for place in dict.fromkeys((folder / name).parent for name in contents):
            stack.callback(remove_empty, _make(place))
        pending = [stack.enter_context(PendingFile(folder / name, data)) for name, data in contents.items()]
        commit_all([(file.path, file.commit) for file in pending])
    for path in outdated:
        remove(path)
        remove_empty([path.parent])
    return [folder / name for name in contents]


def _unchanged(folder: Path) -> list[Path]:
    """Files that an earlier report wrote into a folder, and that are still as it wrote them."""
    try:
        lines = (folder / WRITTEN).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return []
    found = []
    for line in lines:
        told, _, name = line.partition("  ")
        path = folder / name
        within = path.resolve().is_relative_to(folder.resolve()) and not path.is_symlink()
        if within and path.is_file() and _hash(path.read_bytes()) == told:
            found.append(path)
    return found


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _make(place: Path) -> list[Path]:
    """Make a folder. Returns what was not there."""
    try:
        return make_folders(place)
    except OSError as error:
        raise OutputError(f"{place} cannot be written ({error.strerror}); choose another folder with -o") from error


def _contents(report: Report) -> dict[str, bytes]:
    """All files, by name below the folder."""
    drawn = {chart.name: draw(chart) for chart in report.charts}
    pictures = {sheet.name: drawing.encode_image(sheet.image, ".png") for part in report.parts for sheet in part.sheets}
    files = {
        PAGE: page(report, drawn, pictures).encode(),
        "report.md": as_markdown(report).encode(),
        "report.tex": as_latex(report).encode(),
    }
    files |= {name: text.encode() for name, text in report.csv.items()}
    files |= {f"tables/{table.name}.tex": latex(table).encode() for table in report.tables}
    for chart in report.charts:
        files |= {f"figures/{chart.name}.{kind}": drawn[chart.name][kind] for kind in ("pdf", "png")}
    return files | {f"figures/{name}.png": data for name, data in pictures.items()}
