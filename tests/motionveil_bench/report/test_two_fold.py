"""The two-fold evaluation: the strongest of the same attackers, how many they were, and on what they ran."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from motionveil_bench.report import make_report, write_report, writing
from motionveil_bench.report.cautions import cautions
from motionveil_bench.report.charts import Chart
from motionveil_bench.report.published import Published, published_figures
from motionveil_bench.report.study import Recogniser, Study
from motionveil_bench.report.tables import Cell, Table
from motionveil_bench.report.two_fold import TwoFold
from motionveil_bench.report.two_fold_report import two_fold_charts, two_fold_csv, two_fold_tables
from motionveil_bench.results import Row

from .test_tables import check_latex
from .two_fold_rows import CLIPS, COMMON, LEARNED, PRIORS, RATES, multilabel, row, rows


@pytest.fixture(scope="module")
def study() -> Study:
    return Study(rows())


@pytest.fixture(scope="module")
def found(study: Study) -> TwoFold:
    return TwoFold(study, study.attributes[0])


def _tables(given: list[Row], published: Published | None = None) -> list[Table]:
    return two_fold_tables(Study(given), published or Published())


def _columns(table: Table) -> list[str]:
    return [*table.names, *(f"{group.title}: {column}" for group in table.groups for column in group.columns)]


def _line(table: Table, name: str) -> dict[str, Cell]:
    line = next(line for section in table.sections for line in section.rows if line[0].text == name)
    return dict(zip(_columns(table), line, strict=True))


def _said(given: list[Row]) -> str:
    return "\n".join(cautions(Study(given)))


def test_the_strongest_is_that_of_attackers_that_ran_on_the_same_trainings(found: TwoFold) -> None:
    group = found.all_attackers("grl")
    assert group is not None
    assert (len(group.recognisers), group.places) == (11, ((0, 0),))
    recogniser, estimate = group.strongest
    assert (recogniser, estimate.value, estimate.num_clips) == (Recogniser("resnet_v2_50", "frame"), 0.9, CLIPS[0])
    # Small ResNet ran on all folds; of those without the others nothing is taken.
    assert group.estimates[Recogniser(COMMON, "frame")].value == pytest.approx(0.7)
    weaker = [0.9 - 0.05 * number for number in range(10)]
    assert group.mean.value == pytest.approx((sum(weaker) + 0.7) / 11)
    assert group.mean.prior == pytest.approx(PRIORS[0])
    alone = found.all_attackers("bdq")
    assert alone is not None
    assert (alone.recognisers, len(alone.places)) == ((Recogniser(COMMON, "frame"),), 3)


def test_one_that_is_stronger_elsewhere_does_not_count_as_the_strongest_here() -> None:
    lucky = row("identity", "vit_b_16", "grl", 1.0, 1)
    group = TwoFold(study := Study([*rows(), lucky]), study.attributes[0]).all_attackers("grl")
    assert group is not None
    assert group.strongest[1].value == 0.9
    table = two_fold_tables(study, Published())[1]
    cell = _line(table, "ViT-B/16")[": GRL"]
    assert (cell.text, cell.detail) == ("100.0", "†")


def test_those_that_all_met_are_pooled_over_folds_that_share_no_clip(found: TwoFold) -> None:
    assert found.common == (Recogniser(COMMON, "frame"),)
    for name, (_, rate, _) in RATES.items():
        group = found.by(name, found.common)
        assert group is not None
        each = [rate + 0.1 * (fold - 1) for fold in range(3)]
        pooled = sum(value * count for value, count in zip(each, CLIPS, strict=True)) / sum(CLIPS)
        assert group.mean.value == pytest.approx(pooled)
        assert group.mean.num_clips == sum(CLIPS)
        assert group.mean.interval is not None
        assert group.mean.prior == pytest.approx(sum(p * n for p, n in zip(PRIORS, CLIPS, strict=True)) / sum(CLIPS))


def test_folds_that_may_share_clips_are_averaged_without_an_interval() -> None:
    bare = [replace(each, configuration={"data": each.configuration["data"]}) for each in rows()]
    study = Study(bare)
    found = TwoFold(study, study.attributes[0])
    group = found.by("bdq", found.common)
    assert group is not None
    assert group.mean.value == pytest.approx(0.9)
    assert (group.mean.interval, group.mean.num_clips) == (None, max(CLIPS))


def test_that_all_can_be_compared_comes_before_more_trainings_and_these_before_more_attackers() -> None:
    often = [
        row("identity", "vit_b_16", name, 0.5, fold, seed=seed)
        for name in ("grl", "bdq")
        for fold in range(3)
        for seed in range(3)
    ]
    once = [row("identity", network, name, 0.5) for name in RATES for network in ("vit_b_16", "vit_b_32")]
    for more in (often, once):
        study = Study([*rows(), *more])
        assert TwoFold(study, study.attributes[0]).common == (Recogniser(COMMON, "frame"),)


def test_the_table_tells_who_how_many_and_on_what() -> None:
    table, networks = _tables(rows())
    line = _line(table, "GRL")
    assert line["action ↑: accuracy"].text == "70.0"
    assert line["action ↑: accuracy"].detail.endswith("Small R3D, with the obfuscator")
    strongest = line["all attackers that it met: strongest ↓"]
    assert strongest.text == "90.0"
    assert strongest.detail.splitlines()[1:] == ["ResNet-50 v2, frame", "(best of 11; 1 training, 40 clips)"]
    assert line["all attackers that it met: prior"].text == "5.0"
    common = line["the same for all: Small ResNet: accuracy ↓"]
    assert (common.text, common.detail.splitlines()[1]) == ("83.0", "(3 trainings, 200 clips)")
    assert line["the same for all: Small ResNet: prior"].text == "7.5"
    assert _line(table, "BDQ")["all attackers that it met: strongest ↓"].detail.endswith(
        "(the only one; 3 trainings, 200 clips)"
    )
    assert _line(table, "Preset secure")["action ↑: accuracy"].detail.endswith("Small R3D, retrained")
    assert [section.title for section in table.sections] == ["", "Learned methods", "Ours"]
    assert [_line(networks, name)[": GRL"].text for name in ("ResNet-50 v2", "Inception v1", "MobileNet v1, 0.25")] == [
        "90.0", "85.0", "45.0",
    ]  # fmt: skip
    assert _line(networks, "ResNet-50 v2")[": GRL"].mark == "best"
    assert _line(networks, "Inception v1")[": BDQ"].text == "–"
    assert [_line(networks, name)[": GRL"].text for name in ("Strongest", "Prior", "Trainings", "Test clips")] == [
        "90.0", "5.0", "1", "40",
    ]  # fmt: skip


def test_several_that_all_met_have_a_strongest_and_a_mean() -> None:
    given = [each for each in rows() if each.network in ("small_r3d", "resnet_v1_50", "resnet_v2_50")]
    (table, _) = _tables([each for each in given if each.obfuscator in ("grl", "kbeam_8")])
    line = _line(table, "K-beam K=8")
    cell = line["the same 2 attackers for all: strongest ↓"]
    assert (cell.text, "ResNet-50 v2" in cell.detail) == ("60.0", True)
    assert line["the same 2 attackers for all: mean ↓"].text == "52.5"


def test_the_original_counts_however_it_was_judged_but_for_what_was_learned_elsewhere() -> None:
    given = [replace(r, protocol="retrained") if r.obfuscator == "original" else r for r in rows()]
    extra = row("identity", "small_bag", "original", 1.0, protocol="frozen")
    (table, _) = _tables([*given, extra])
    assert _line(table, "Original")["the same for all: Small ResNet: accuracy ↓"].text == "88.0"
    assert "Small BagNet" not in str(table)
    elsewhere = [replace(r, configuration={**r.configuration, "learn_from": "vispr"}) for r in given]
    (table, _) = _tables(elsewhere)
    assert _line(table, "GRL")["the same for all: Small ResNet: accuracy ↓"].text == "83.0"
    assert not any(line[0].text == "Original" for section in table.sections for line in section.rows)


def test_attributes_are_told_one_by_one_by_whoever_finds_them_best() -> None:
    table, attributes, networks = _tables(multilabel(), published_figures())
    line = _line(table, "Entropy")
    assert line["all attackers that it met: strongest ↓"].text == "65.0"
    assert line["all attackers that it met: prior"].text == "45.0"
    gender, face = (_line(attributes, "Entropy")[f": {name}"] for name in ("gender", "face"))
    assert (gender.text, gender.detail) == ("80.0", "prior 60.0\n(ResNet-50 v1)")
    assert (face.text, face.detail) == ("70.0", "prior 30.0\n(MobileNet v1, 1.0)")
    assert line["published, not ours: action / privacy"] == Cell("66.6 / 64.6", "Entropy+")
    assert _line(table, "Original")["published, not ours: action / privacy"] == Cell("68.9 / 77.3", "Raw video")
    assert "cMAP" in table.caption
    assert _line(networks, "ResNet-50 v1")[": Entropy"].text == "60.0"


def test_what_was_published_stands_beside_variants_and_never_beside_another_metric() -> None:
    sbu = [replace(each, dataset="sbu") for each in rows()]
    (table, _) = _tables(sbu, published_figures())
    printed = "published, not ours: action / privacy"
    assert _line(table, "Original")[printed] == Cell("88.8 / 99.1", "Raw video")
    assert _line(table, "K-beam K=8")[printed] == Cell("78.7 / 78.5", "K-beam+, K=8")
    assert _line(table, "Entropy")[printed] == Cell("82.2 / 47.7", "Entropy+, M=8")
    assert _line(table, "GRL")[printed] == Cell("82.8 / 84.3", "GRL+")
    assert _line(table, "BDQ")[printed].text == "–"
    ucf = [replace(each, dataset="ucf101", task="gender") if each.task != "action" else each for each in rows()]
    assert not any("published" in str(table.groups) for table in _tables(ucf, published_figures()))


def test_the_figure_has_a_panel_of_the_most_attackers_and_one_of_the_same(study: Study) -> None:
    (chart,) = two_fold_charts(study, published_figures())
    most, same = chart.panels
    assert (most.title, same.title) == ("UT-Interaction, strongest of 11", "UT-Interaction, Small ResNet")
    assert [dot.label for dot in most.dots] == ["GRL", "K-beam K=8", "Entropy"]
    assert [dot.x.value for dot in most.dots] == [0.9, 0.6, 0.75]
    assert [dot.y.value for dot in most.dots] == pytest.approx([0.7, 0.65, 0.6])
    assert len(same.dots) == len(RATES)
    assert [panel.lines[0].value for panel in chart.panels] == pytest.approx([0.05, 0.075])
    assert len({dot.style.marker for dot in same.dots if dot.label != "Original" and "ours" not in dot.label}) == 1
    (published,) = two_fold_charts(Study([replace(each, dataset="sbu") for each in rows()]), published_figures())
    assert [dot.label for dot in published.panels[0].dots if dot.hollow] == [
        "published: Raw video", "published: Entropy+, M=8", "published: K-beam+, K=8", "published: GRL+",
    ]  # fmt: skip
    assert not any(dot.hollow for dot in published.panels[1].dots)
    few = Study([each for each in rows() if each.network in ("small_r3d", COMMON)])
    assert [panel.title for panel in two_fold_charts(few, Published())[0].panels] == ["UT-Interaction, Small ResNet"]


def test_the_csv_has_the_figures_of_the_table(study: Study) -> None:
    lines = list(csv.DictReader(io.StringIO(two_fold_csv(study))))
    found = {(line["obfuscator"], line["figure"]): line for line in lines}
    strongest = found["grl", "strongest of all that it met"]
    assert (strongest["value"], strongest["network"], strongest["trainings"]) == ("0.900000", "resnet_v2_50", "1")
    assert len(strongest["networks"].split()) == 11
    assert found["grl", "strongest of the same for all"]["clips"] == "200"
    assert found["secure", "action, retrained"]["value"] == "0.650000"
    attributes = list(csv.DictReader(io.StringIO(two_fold_csv(Study(multilabel())))))
    assert [(line["value"], line["prior"]) for line in attributes if line["figure"] == "strongest on gender"] == [
        ("0.900000", "0.600000"), ("0.800000", "0.600000"),
    ]  # fmt: skip


def test_different_attackers_and_trainings_are_told() -> None:
    said = _said(rows())
    assert "compare by those that judged most of them (Small ResNet): GRL, K-beam K=8, Entropy met 11" in said
    assert "BDQ, ELR, Preset secure met 1 (Small ResNet)" in said
    assert "of GRL (1 of 3), K-beam K=8 (1 of 3), Entropy (1 of 3)" in said
    assert "fewer seeds or folds" not in said
    assert "different configurations" not in said
    same = [each for each in rows() if each.network in ("small_r3d", COMMON)]
    assert "two-fold:" not in _said(same)
    later = [each for each in same if each.obfuscator != "bdq" or each.fold == 1]
    assert "the same attackers judged other seeds or folds: " in _said(later)
    assert "BDQ on seed 1 fold 1" in _said(later)
    stranger = [replace(r, network="vit_b_16") if (r.obfuscator, r.network) == ("bdq", COMMON) else r for r in same]
    assert "BDQ cannot be compared with the others" in _said(stranger)
    others = [
        replace(r, network="small_two_stream") if (r.obfuscator, r.task) == ("bdq", "action") else r for r in same
    ]
    assert "actions were not recognised by the same networks" in _said(others)


def test_trainings_of_one_seed_and_fold_that_differ_are_told() -> None:
    other = next(r for r in rows() if (r.obfuscator, r.task) == ("bdq", "identity"))
    mixed = [*rows(), replace(other, configuration={**other.configuration, "obfuscation": "another"})]
    assert "rows of different configurations are mixed in ut_interaction, identity, small_resnet" in _said(mixed)


def test_attackers_that_failed_to_learn_are_told() -> None:
    same = [each for each in rows() if each.network in ("small_r3d", COMMON)]
    failed = [replace(r, value=0.06) if (r.obfuscator, r.task) == ("bdq", "identity") else r for r in same]
    assert "failed to learn" not in _said(failed)
    known = [row("identity", "small_bag", "bdq", 0.8, fold, protocol="retrained") for fold in range(3)]
    assert (
        "the unseen attackers of BDQ reach 6.0 %, hardly more than the prior of 7.5 %, though Small BagNet (retrained) "
        "reaches 80.0 %" in _said([*failed, *known])
    )
    assert "failed to learn" not in _said([*failed, *(replace(r, value=0.07) for r in known)])
    stronger = [replace(r, value=0.9, obfuscator="elr") for r in known]
    assert "are stronger than the unseen ones of ELR (90.0 % by Small BagNet, retrained, not 58.0 %)" in _said(
        [*same, *stronger]
    )
    blind = [replace(r, value=0.06) if (r.obfuscator, r.network) == ("original", COMMON) else r for r in same]
    assert "Small ResNet reaches hardly more than the prior on the original" in _said(blind)


def test_other_tables_leave_it_out_and_the_report_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(chart: Chart) -> dict[str, bytes]:
        return {"pdf": b"%PDF", "png": b"png", "svg": b'<svg width="100.5pt"></svg>'}

    monkeypatch.setattr(writing, "draw", draw)
    both = [*rows(), *(replace(r, protocol="retrained", value=0.3) for r in rows() if r.obfuscator == "secure")]
    for given in (rows(), multilabel(), both, [*both, *multilabel()], [r for r in rows() if r.task == "action"]):
        report = make_report(given)
        assert all(table.sections for table in report.tables)
        assert all(chart.panels for chart in report.charts)
        for table in report.tables:
            assert "two-fold" not in str(table.groups)
        for path in write_report(given, tmp_path / "report"):
            if path.suffix == ".tex":
                check_latex(path.read_text())
    names = {table.name for table in make_report([*both, *multilabel()]).tables}
    assert names >= {
        "two_fold_ut_interaction_identity",
        "two_fold_classes_pa_hmdb51_attributes",
        "two_fold_networks_pa_hmdb51_attributes",
        "table_2_retrained",
    }
    assert "attackers_pa_hmdb51_attributes" not in names
    assert (tmp_path / "report" / "two_fold.csv").is_file()
    assert {each.obfuscator for each in rows()} >= set(LEARNED)
