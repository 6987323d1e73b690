"""A report as files: one page for people, tables and figures for papers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ... import drawing
from ..._core.atomic_files import PendingFile, commit_all, make_folders, remove, remove_empty
from ..._core.errors import OutputError
from ..adversarial.history import Learned
from ..results import Row
from .attacker_table import attacker_table
from .cautions import cautions
from .charts import Chart
from .class_table import class_tables
from .comparison_table import comparison_table, long_table
from .confusion import confusion_charts
from .figures import charts
from .learning import learning_cautions
from .learning_chart import learning_charts
from .markup import latex
from .original_table import original_table
from .pages import as_latex, as_markdown, page
from .pgfplots import pgfplots
from .plots import draw
from .provenance import pooled_csv, provenance_table
from .published import Published, published_figures
from .published_tables import published_tables
from .report import Part, Report, Sheet
from .study import Study
from .tables import Table
from .two_fold import two_folds
from .two_fold_chart import NAME as TRADEOFF_TWO_FOLD
from .two_fold_table import two_fold_csv, two_fold_tables

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

    compared = _filled(*(comparison_table(study, protocol, known) for protocol in study.compared), long_table(study))
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

    report.html is self-contained; report.md, report.tex; tables/*.tex; figures/*.pdf, .png and (pgfplots) .tex;
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
        source = pgfplots(chart)
        if source is not None:
            files[f"figures/{chart.name}.tex"] = source.encode()
    return files | {f"figures/{name}.png": data for name, data in pictures.items()}
