"""Every table: the right figures in the right places, in every format."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from motionveil_bench.report.comparison import (
    attacker_table,
    class_tables,
    comparison_table,
    is_mixed,
    long_table,
    original_table,
)
from motionveil_bench.report.pooling import Estimate
from motionveil_bench.report.provenance import pooled_csv, provenance_table
from motionveil_bench.report.published import Published, published_figures, published_tables
from motionveil_bench.report.study import Study
from motionveil_bench.report.tables import Cell, Table, escape, latex, markdown, percent, points, ranked
from motionveil_bench.results import Row

from .rows import rows

NAMES = (
    "original",
    "blur_weak",
    "pixelate_4",
    "secure",
    "paper",
    "person_removed",
    "scene_alone",
    "silhouette",
    "odd_name",
)


def _set(found: list[Row], obfuscator: str, task: str, value: float, protocol: str = "frozen") -> list[Row]:
    return [
        replace(row, value=value) if (row.obfuscator, row.task, row.protocol) == (obfuscator, task, protocol) else row
        for row in found
    ]


@pytest.fixture(scope="module")
def study() -> Study:
    found = rows(NAMES[:-1])
    found += [replace(row, obfuscator="odd_name") for row in found if row.obfuscator == "blur_weak"]
    found = _set(_set(found, "secure", "action", 0.9), "secure", "identity", 0.1)
    found = _set(_set(found, "pixelate_4", "action", 0.8), "pixelate_4", "identity", 0.4)
    return Study(found)


def _line(table: Table, name: str) -> list[Cell]:
    found = [row for section in table.sections for row in section.rows if row[0].text == name]
    assert len(found) >= 1, [row[0].text for section in table.sections for row in section.rows]
    return list(found[0])


def _columns(table: Table) -> list[str]:
    return [*table.names, *(f"{group.title}: {column}" for group in table.groups for column in group.columns)]


def all_tables(study: Study) -> list[Table]:
    known = published_figures()
    first = original_table(study, known)
    assert first is not None
    return [
        first, *(comparison_table(study, protocol, known) for protocol in study.protocols), long_table(study),
        *(attacker_table(study, attribute) for attribute in study.attributes), *published_tables(known),
        provenance_table(study), *class_tables(study),
    ]  # fmt: skip


def test_table_1_has_averages_ranks_sampling_and_what_was_published(study: Study) -> None:
    table = original_table(study, published_figures())
    assert table is not None
    columns = _columns(table)
    assert columns == ["Network", "level", "f × r", "KTH: ours", "KTH: published", "UT-Interaction: ours"]
    actions, attributes = table.sections
    figures = [float(row[3].text) for row in actions.rows]
    assert figures[-1] == pytest.approx((figures[0] + figures[1]) / 2, abs=0.06)
    assert [row[2].text for row in actions.rows] == ["16×4", "13×6", ""]
    assert sorted(row[3].mark for row in actions.rows) == ["", "best", "second"]
    assert _line(table, "X3D S")[4].text == "90.67"
    assert attributes.rows[-1][4].text == "91.87"
    assert original_table(Study([r for r in study.rows if r.obfuscator != "original"]), Published()) is None


def test_sampling_is_what_the_rows_say(study: Study) -> None:
    told = [replace(r, configuration={"frames": [16, 1, 64]}) for r in study.rows if r.dataset == "kth"]
    table = original_table(Study(told), Published())
    assert table is not None
    assert _line(table, "X3D S")[2].text == "16×1"
    spread = [replace(r, configuration={"frames": [16, 1, 64], "sampling": {"spread": True}}) for r in told]
    table = original_table(Study(spread), Published())
    assert table is not None
    assert _line(table, "X3D S")[2].text == "16 spread"


def test_table_2_says_how_far_ours_are_above_the_best_other(study: Study) -> None:
    table = comparison_table(study, "frozen", published_figures())
    columns = _columns(table)
    secure, other = _line(table, "Preset secure"), _line(table, "Pixelate 4×4")
    place = columns.index("KTH: action ↑")
    assert [cell.text for cell in secure[place : place + 4]] == ["90.0", "10.0", "0.90", "+0.20"]
    assert [cell.text for cell in other[place : place + 4]] == ["80.0", "40.0", "0.70", ""]
    assert [secure[place + k].mark for k in range(3)] == ["best", "best", "best"]
    assert _line(table, "Original")[place].mark == ""
    assert _line(table, "Silhouette")[place + 1].mark == ""
    published = columns.index("KTH: published action / privacy / f₀.₅")
    assert other[published].text == "83.64 / 59.39 / 0.62"
    assert _line(table, "odd_name")[published].text == "–"
    assert not any("published" in column for column in _columns(comparison_table(study, "retrained", Published())))


def test_the_papers_protocol_is_labelled_as_flattering(study: Study) -> None:
    assert not is_mixed(study)
    found = rows(("original", "blur_weak", "secure", "blur_strong"))
    mixed = Study(replace(r, obfuscator=r.obfuscator.replace("blur_strong", "bdq")) for r in found)
    assert is_mixed(mixed)
    table, frozen, retrained = (
        comparison_table(mixed, p, published_figures()) for p in ("mixed", "frozen", "retrained")
    )
    place = _columns(table).index("KTH: action ↑")
    for name, fair in (("Preset secure", frozen), ("BDQ", retrained), ("Blur κ=13 σ=10 (weak)", frozen)):
        assert _line(table, name)[place].text == _line(fair, name)[place].text
    assert "flatters" in table.title
    assert "flatters" in table.caption
    assert _line(table, "BDQ")[_columns(table).index("KTH: published action / privacy / f₀.₅")].text.startswith("91.11")


def test_the_long_form_has_intervals_and_priors(study: Study) -> None:
    table = long_table(study)
    line = _line(table, "Preset secure")
    assert [cell.text for cell in line[2:9]] == ["90.0", "–", "16.7", "10.0", "–", "4.0", "0.90"]
    assert re.fullmatch(r"\[\d+\.\d, \d+\.\d\]", line[2].detail)
    assert line[9].text == "216"


def test_the_long_form_tells_how_far_folds_and_seeds_are_apart() -> None:
    found = [row for row in rows(["secure"], seeds=(0, 1)) if row.dataset == "kth" and row.protocol == "frozen"]
    found = [replace(row, value=0.5 + 0.1 * row.seed + 0.2 * (row.network == "x3d_s")) for row in found]
    assert _line(long_table(Study(found)), "Preset secure")[3].text == "60.0 – 70.0"
    header, line, *_ = pooled_csv(Study(found)).splitlines()
    told = dict(zip(header.split(","), line.split(","), strict=True))
    assert (told["network"], told["lowest"], told["highest"]) == ("r2plus1d_r50", "0.500000", "0.600000")


def test_the_strongest_attacker_is_named_and_set_against_the_floor() -> None:
    found = [row for row in rows(NAMES[:-1]) if row.dataset == "kth"]
    found = _set(found, "person_removed", "identity", 0.2, "retrained")
    found = _set(found, "scene_alone", "identity", 0.15, "retrained")
    found = _set(found, "secure", "identity", 0.3, "retrained")
    found = [
        replace(row, value=0.35)
        if (row.obfuscator, row.protocol, row.task, row.network) == ("secure", "retrained", "identity", "x3d_s")
        else row
        for row in found
    ]
    study = Study(found)
    table = attacker_table(study, study.attributes[0])
    columns = _columns(table)
    line = _line(table, "Preset secure")
    strongest = line[columns.index("strongest attacker ↓: retrained")]
    assert strongest.text == "35.0"
    assert strongest.detail.endswith("\nX3D S, clip")
    assert line[columns.index("strongest, above person removed: retrained")].text == "+15.0"
    assert line[columns.index("strongest, above scene alone: retrained")].text == "+20.0"
    assert line[columns.index("mean of attackers ↓: retrained")].text == "31.7"
    assert line[columns.index(": prior")].text == "4.0"
    floor = _line(table, "Person removed")
    assert floor[columns.index("strongest, above person removed: retrained")].text == "–"
    assert floor[columns.index("strongest, above scene alone: retrained")].text == "+5.0"
    alone = Study([row for row in found if row.obfuscator != "scene_alone"])
    columns = _columns(attacker_table(alone, alone.attributes[0]))
    assert "strongest, above person removed: retrained" in columns
    assert not any("scene alone" in column for column in columns)
    change = line[columns.index("action, change from the original: frozen")]
    action, original = (study.action("kth", name, "frozen") for name in ("secure", "original"))
    assert action is not None
    assert original is not None
    assert float(change.text.replace("−", "-")) == pytest.approx(100 * (action.value - original.value), abs=0.051)
    assert [section.title for section in table.sections] == ["", "Baselines and other methods", "Ours", "References"]


def test_without_attributes_there_are_actions_alone() -> None:
    study = Study([row for row in rows(NAMES[:3]) if (row.dataset, row.task) == ("kth", "action")])
    table = attacker_table(study, study.attributes[0])
    assert len(_columns(table)) == 5
    assert [len(markdown(t)) > 0 for t in all_tables(study)]


def test_attributes_are_shown_one_by_one() -> None:
    detail = {"classes": {"gender": {"value": 0.98, "prior": 0.7, "interval": [0.9, 1.0]},
                          "face": {"value": 0.5, "prior": 0.4, "interval": [0.4, 0.6]}}}  # fmt: skip
    base = next(row for row in rows(["blur_weak"]) if row.task == "identity")
    multi = replace(base, dataset="pa_hmdb51", task="attributes", metric="cmap", value=0.74, detail=detail)
    (table,) = class_tables(Study([multi, replace(multi, fold=1, num_clips=3 * multi.num_clips)]))
    assert _columns(table)[2:] == [": gender", ": face"]
    assert [cell.text for cell in _line(table, "Prior")[2:]] == ["70.0", "40.0"]
    assert [cell.text for cell in _line(table, "Blur κ=13 σ=10 (weak)")[2:]] == ["98.0", "50.0"]


def test_published_figures_agree_with_themselves() -> None:
    known = published_figures()
    for kind in ("action", "privacy"):
        for dataset in ("ipn", "kth", "sbu"):
            values = [row[dataset] for name, row in known.top1[kind].items() if name != "average"]
            assert known.top1[kind]["average"][dataset] == pytest.approx(sum(values) / len(values), abs=2e-3)
    pairs = [item for item in known.tradeoffs if item.f is not None]
    assert len(pairs) == 3 * 13
    for item in pairs:
        assert item.f == pytest.approx((item.action + 1 - item.privacy) / 2, abs=0.011), item
    assert {item.obfuscator for item in known.of("kth", "frozen")} >= {"original", "paper", "blur_weak"}
    assert [item.dataset for item in known.tradeoffs if item.source == "tpami2020"].count("sbu") == 4


def test_markdown_has_as_many_cells_in_every_line(study: Study) -> None:
    for table in all_tables(study):
        lines = [line for line in markdown(table).splitlines() if line.startswith("|")]
        assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(_columns(table)) + 1}, table.name


def test_latex_is_balanced(study: Study) -> None:
    for table in all_tables(study):
        text = latex(table)
        check_latex(text)
        body = text[text.index("\\toprule") : text.index("\\bottomrule")]
        for line in body.split("\\\\\n"):
            cells = re.split(r"(?<!\\)&", line)
            spans = [int(n) for n in re.findall(r"\\multicolumn\{(\d+)\}", line)]
            if "\\bottomrule" not in line and line.strip() and "\\multicolumn" in line:
                assert len(cells) - len(spans) + sum(spans) == len(_columns(table)), (table.name, line)
            elif "&" in line:
                assert len(cells) == len(_columns(table)), (table.name, line)


def check_latex(text: str) -> None:
    """Braces and environments close, and nothing is left that LaTeX cannot read."""
    bare = re.sub(r"\\[\\{}%&_#$]", "", text)
    assert bare.count("{") == bare.count("}")
    depth = 0
    for letter in bare:
        depth += (letter == "{") - (letter == "}")
        assert depth >= 0
    assert re.findall(r"\\begin\{(\w+\*?)\}", text) == list(reversed(re.findall(r"\\end\{(\w+\*?)\}", text)))
    assert bare.count("$") % 2 == 0
    assert all(ord(letter) < 256 for letter in text), {letter for letter in text if ord(letter) > 255}


def test_special_letters_are_escaped() -> None:
    assert escape("a_b & 5 % #1 f₀.₅ {κ}") == r"a\_b \& 5 \% \#1 f$_{0.5}$ \{$\kappa$\}"
    assert r"a\|b\*" in markdown(replace_first("a|b*"))


def replace_first(name: str) -> Table:
    table = published_tables(published_figures())[0]
    section = table.sections[0]
    row = (Cell(name), *section.rows[0][1:])
    return replace(table, sections=(replace(section, rows=(row,)),))


def test_numbers_are_written_well() -> None:
    assert percent(Estimate(0.1234, (0.1, 0.2))) == Cell("12.3", "[10.0, 20.0]")
    assert points(Estimate(-0.1234, None)).text == "−12.3"
    assert points(Estimate(-0.0001, (-0.1, 0.1))) == Cell("+0.0", "[−10.0, +10.0]")
    assert percent(None) == Cell("–")


def test_ties_are_marked_alike() -> None:
    values = [Estimate(v) for v in (0.901, 0.9011, 0.5, 0.95)]
    cells = ranked([percent(value) for value in values], values, among=[True, True, True, False])
    assert [cell.mark for cell in cells] == ["best", "best", "second", ""]


def test_the_csv_has_every_pooled_figure(study: Study) -> None:
    lines = pooled_csv(study).splitlines()
    header = lines[0].split(",")
    assert all(len(line.split(",")) == len(header) for line in lines)
    secure = [line for line in lines if line.startswith("kth,identity,top1,secure,frozen,resnet18,frame")]
    assert secure[0].split(",")[7] == "0.100000"
