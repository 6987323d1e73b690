"""The report as files: whole or not at all, self-contained, and by the command line."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from motionveil._core.atomic_files import PendingFile
from motionveil._core.errors import InputError, OutputError
from motionveil_bench.cli.run import report_command as command
from motionveil_bench.report import Sheet, make_report, write_report, writing
from motionveil_bench.report.charts import Chart
from motionveil_bench.results import Row, append_rows, read_rows

from .rows import rows
from .test_tables import check_latex

SHEET = Sheet("figure_4", "Where <it> is.", "A & b.", np.full((20, 30, 3), 99, np.uint8))


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.names: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.loaded += [value for key, value in attrs if key in ("src", "href")]
        self.names += [value for key, value in attrs if key == "id"]
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture(scope="module")
def few() -> list[Row]:
    names = ("original", "secure", "person_removed")
    found = [row for row in rows(names) if row.dataset == "kth" and row.network in ("x3d_s", "resnet18")]
    return [row for row in found if row.protocol == "frozen" or row.obfuscator == "secure"]


def _no_drawing(chart: Chart) -> dict[str, bytes]:
    return {"pdf": b"%PDF" * 20, "png": b"png " * 20, "svg": b'<svg width="100.5pt"></svg>'}


def test_everything_is_there(few: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "draw", _no_drawing)
    files = write_report(few, tmp_path / "a" / "report", sheets=[SHEET])
    assert files[0].name == "report.html"
    names = {str(path.relative_to(tmp_path / "a" / "report")) for path in files}
    assert names >= {
        "report.md", "report.tex", "pooled.csv", "SHA256SUMS", "tables/table_1.tex", "tables/table_2_frozen.tex",
        "tables/table_2_long.tex", "tables/attackers_kth_identity.tex", "tables/published_cvpr2024.tex",
        "figures/tradeoff_retrained.pdf", "figures/tradeoff_retrained.png", "figures/figure_7_frozen.pdf",
        "figures/figure_4.png", "figures/confusion_kth_identity.pdf",
    }  # fmt: skip
    on_disk = {str(p.relative_to(tmp_path / "a" / "report")) for p in (tmp_path / "a").rglob("*") if p.is_file()}
    assert on_disk == names
    assert all(path.stat().st_size > 40 for path in files)

    text = files[0].read_text()
    page = Page(text)
    assert not page.open
    assert "<script" not in text
    local = [address for address in page.loaded if address.startswith("#")]
    assert {address[1:] for address in local} <= set(page.names)
    assert all(address.startswith("data:image/") for address in page.loaded if address not in local)
    assert "prefers-color-scheme: dark" in text
    for words in ("How to read it", "Before you read on", few[0].configuration_hash, few[0].commit, "Where <it> is."):
        assert words in page.words
    markdown = (tmp_path / "a" / "report" / "report.md").read_text()
    assert "](figures/tradeoff_frozen.png)" in markdown
    document = (tmp_path / "a" / "report" / "report.tex").read_text()
    check_latex(document)
    for line in document.splitlines():
        if line.startswith("\\input"):
            assert line[len("\\input{") : -1] + ".tex" in names
    assert "{figures/tradeoff_retrained.pdf}" in document


def test_published_figures_can_be_left_out(few: list[Row]) -> None:
    report = make_report(few, published=False)
    assert not any(table.name.startswith("published") for table in report.tables)
    assert not any("ublished" in chart.caption for chart in report.charts)
    assert not any(
        "published" in column for table in report.tables for group in table.groups for column in group.columns
    )
    assert any(table.name.startswith("published") for table in make_report(few).tables)


def test_all_files_or_none(few: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "draw", _no_drawing)
    folder = tmp_path / "report"

    def fail(*_: Any) -> bytes:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(PendingFile, "commit", fail)
        with pytest.raises(OSError, match="disk full"):
            write_report(few, folder)
    assert list(tmp_path.iterdir()) == []
    write_report(few, folder)
    write_report(few, folder)
    assert not list(folder.rglob(".*"))


def test_what_cannot_be_reported_is_said(few: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "draw", _no_drawing)
    with pytest.raises(InputError, match="no rows"):
        write_report([], tmp_path / "report")
    assert not (tmp_path / "report").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        write_report(few, tmp_path / "file")
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "figures").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_report(few, tmp_path / "half")
    assert [path.name for path in (tmp_path / "half").iterdir()] == ["figures"]


def test_a_report_leaves_nothing_of_the_one_before_but_all_else(
    few: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "draw", _no_drawing)
    folder = tmp_path / "report"
    first = set(write_report(few, folder))
    mine = [folder / "figures" / "mine.pdf", tmp_path / "outside.txt"]
    for path in mine:
        path.write_text("mine")
    changed = folder / "figures" / "confusion_kth_identity.png"
    changed.write_text("redrawn by hand")
    digest = hashlib.sha256(b"mine").hexdigest()
    with (folder / "SHA256SUMS").open("a") as file:
        file.write(f"{digest}  ../outside.txt\n{digest}  {tmp_path}/outside.txt\n\nno line of ours\n")
    second = set(write_report([row for row in few if row.task == "action"], folder, published=False))
    assert first - second
    assert {path for path in folder.rglob("*") if path.is_file()} == {*second, mine[0], changed}
    assert all(path.read_text() == "mine" for path in mine)
    for line in (folder / "SHA256SUMS").read_text().splitlines():
        told, name = line.split("  ")
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == told
    mine[0].unlink()
    changed.unlink()
    write_report(few[:1], folder, published=False)
    assert not (folder / "figures").exists()


def test_every_part_of_a_study_makes_a_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """One task, one data set, one obfuscator, one protocol, in all combinations, ."""
    names = ("original", "secure", "secure_iid", "person_removed", "scene_alone", "template_hair")
    base = [row for row in rows(names) if row.fold < 2]
    pictures: list[str] = []
    for dataset, task, name, protocol in product(
        (None, "kth", "ut_interaction"),
        (None, "action", "identity", "pair"),
        (None, *names),
        (None, "frozen", "retrained"),
    ):
        wanted = {"dataset": dataset, "task": task, "obfuscator": name, "protocol": protocol}
        found = [r for r in base if all(value in (None, getattr(r, key)) for key, value in wanted.items())]
        if not found:
            continue
        report = make_report(found)
        assert all(table.sections for table in report.tables), wanted
        assert all(chart.panels for chart in report.charts), wanted
        for chart in report.charts:
            if chart.kind == "curves":
                assert all(panel.series for panel in chart.panels), wanted
            if chart.kind == "dots":
                assert all(panel.dots for panel in chart.panels), wanted
        pictures.append(f"{len(report.charts)} of {wanted}")
    assert len(pictures) > 50


@pytest.mark.parametrize("task", ["action", "identity", "pair"])
def test_one_task_is_drawn(few: list[Row], task: str, tmp_path: Path) -> None:
    found = [
        replace(row, task=task, detail={}) for row in few if row.task == ("action" if task == "action" else "identity")
    ]
    Page(write_report(found, tmp_path / "report")[0].read_text())


def test_rows_as_files_have_them_old_and_new(few: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "draw", _no_drawing)
    told = [asdict(row) for row in few]
    new = [{**row, "detail": {}, "commit": ""} for row in told]
    old = [{key: row[key] for key in row if key not in ("detail", "commit", "interval")} for row in told]
    tables = []
    for number, rows_of_a_file in enumerate((new, old)):
        path = tmp_path / f"{number}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows_of_a_file))
        tables.append(make_report(read_rows(path)).tables)
        write_report(read_rows(path), tmp_path / f"report{number}")
    assert tables[0] == tables[1]


@pytest.mark.parametrize("names", [("original",), ("secure",), ("original", "template_hair"), ("odd|name_&%",)])
def test_few_rows_are_enough(names: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "draw", _no_drawing)
    base = rows([name if not name.startswith("odd") else "secure" for name in names])
    found = [row for row in base if row.dataset == "kth"]
    if names[0].startswith("odd"):
        found = [Row(**{**vars(row), "obfuscator": names[0]}) for row in found]
    Page(write_report(found, tmp_path / "report")[0].read_text())
    for task in ("action", "identity"):
        write_report([row for row in found if row.task == task], tmp_path / "report")


def test_the_command(few: list[Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "draw", _no_drawing)
    append_rows(tmp_path / "one.jsonl", few[:20])
    append_rows(tmp_path / "two.jsonl", few[20:])
    arguments = [str(tmp_path / "one.jsonl"), str(tmp_path / "two.jsonl"), "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert done.exception is None
    assert f"({len(few)} rows" in done.output
    assert (tmp_path / "out" / "report.html").is_file()
    missing = CliRunner().invoke(command, ["none.jsonl", "-o", str(tmp_path / "o")], standalone_mode=False)
    assert isinstance(missing.exception, InputError)
