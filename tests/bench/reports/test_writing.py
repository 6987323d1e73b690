"""The report as files: whole or not at all, self-contained, and by the command line."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from motionveil.bench.reports import Sheet, make_report, write_report, writing
from motionveil.bench.reports.charts import Chart
from motionveil.bench.results import Row, append_rows
from motionveil.cli.bench_report import command
from motionveil.errors import InputError, OutputError
from motionveil.files import PendingFile

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
        "report.md", "report.tex", "pooled.csv", "tables/table_1.tex", "tables/table_2_frozen.tex",
        "tables/table_2_long.tex", "tables/attackers_kth_identity.tex", "tables/published_cvpr2024.tex",
        "figures/tradeoff_retrained.pdf", "figures/tradeoff_retrained.png", "figures/tradeoff_retrained.tex",
        "figures/figure_7_frozen.tex", "figures/figure_4.png", "figures/confusion_kth_identity.pdf",
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
