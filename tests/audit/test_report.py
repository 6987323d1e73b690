"""The page and the file of a report."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from motionveil._core.errors import OutputError
from motionveil.audit.report import DATA, PAGE, Picture, render, write_report
from motionveil.audit.verdict import judge
from motionveil.outputs.run_manifest import plain

from .sample import sample


class Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []
        self.words = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.loaded += [value for key, value in attrs if key in ("src", "href")]
        if tag not in ("meta", "img", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


@pytest.fixture
def report() -> dict[str, Any]:
    made = sample()
    return {**made, "verdict": plain(judge(made))}


PICTURES = {"coverage": [Picture("<worst> frame", np.zeros((20, 30, 3), np.uint8))], "overview": []}


def test_the_page_is_well_formed_and_loads_nothing(report: dict[str, Any]) -> None:
    page = Page(render(report, PICTURES))
    assert not page.open
    assert len(page.loaded) == 1
    assert page.loaded[0].startswith("data:image/jpeg;base64,")
    assert "<script" not in render(report, PICTURES)
    for words in (
        "Audit of a<b>.mp4",
        "<worst> frame",
        "At 1 moment a previously detected person",
        "None of the attacks",
        "Not run: no other clips",
        "keep it as",
    ):
        assert words.lower() in page.words.lower()


def test_without_pictures_it_does_not_ask_to_be_kept_safe(report: dict[str, Any]) -> None:
    assert "Keep it as safe" not in render(report, {})


def test_nothing_to_compare_is_no_error(report: dict[str, Any]) -> None:
    report.update(reidentification={"not_run": "nobody else was given"}, coverage={}, motion_kept={}, other_fillers=[])
    report["motion_kept_otherwise"] = {}
    assert "nobody else was given" in Page(render(report, {})).words


def test_both_files_or_none(report: dict[str, Any], tmp_path: Path) -> None:
    folder = tmp_path / "new" / "audit"
    write_report(folder, report, PICTURES)
    assert {path.name for path in folder.iterdir()} == {PAGE, DATA}
    assert json.loads((folder / DATA).read_text()) == report
    with pytest.raises(OutputError, match="pass `overwrite=True`"):
        write_report(folder, report, {})
    write_report(folder, report, {}, overwrite=True)
    with pytest.raises(ValueError):
        write_report(tmp_path / "bad", {**report, "hidden_share": float("nan")}, {})
    assert not (tmp_path / "bad").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        write_report(tmp_path / "file", report, {})
