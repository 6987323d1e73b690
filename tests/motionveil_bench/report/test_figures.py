"""Figures: what is in them, how they are drawn, and their LaTeX."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

from motionveil.learned.methods import LEARNED_METHODS
from motionveil.obfuscation.presets import PRESETS
from motionveil_bench.copies.obfuscations import OBFUSCATIONS
from motionveil_bench.datasets import DATASETS
from motionveil_bench.models import ATTACKERS, NETWORKS
from motionveil_bench.report import names
from motionveil_bench.report.charts import Chart, Dot, legend
from motionveil_bench.report.figures import (
    charts,
    confusion_charts,
    matrix_of,
    noise_chart,
    templates_chart,
    tradeoff_chart,
    weights_chart,
)
from motionveil_bench.report.names import (
    LEARNED,
    OBFUSCATORS,
    learned_method,
    obfuscator_name,
    obfuscator_order,
    role,
    styles,
)
from motionveil_bench.report.plots import draw
from motionveil_bench.report.published import Published, published_figures
from motionveil_bench.report.study import Study

from .rows import KTH, rows

NAMES = (
    "original",
    "pixelate_4",
    "secure",
    "secure_iid",
    "person_removed",
    "scene_alone",
    "template_hair",
    "template_hand",
)


@pytest.fixture(scope="module")
def study() -> Study:
    return Study(rows(NAMES))


@pytest.fixture(scope="module")
def kth() -> Study:
    return Study([row for row in rows(NAMES) if row.dataset == "kth"])


def test_names_and_roles() -> None:
    assert obfuscator_name("blur_weak") == "Blur κ=13 σ=10 (weak)"
    assert obfuscator_name("template_hair") == "hair"
    assert obfuscator_name("new_one") == "new_one"
    assert obfuscator_name("grl") == "GRL"
    assert obfuscator_name("kbeam_8") == "K-beam K=8"
    assert obfuscator_name("entropy_18") == "Entropy M=18"
    assert obfuscator_name("elr_16") == "ELR s=16"
    assert obfuscator_name("grl_no_restart") == "GRL, no restart"
    assert obfuscator_name("grlike") == "grlike"
    assert all(role(name) == "ours" for name in PRESETS)
    assert {role(name) for name in (*LEARNED, *LEARNED_METHODS, "kbeam_8", "spact_long")} == {"learned"}
    assert role("grlike") == "baseline"
    assert {role(name) for name in ("person_removed", "scene_alone", "silhouette")} == {"reference"}
    assert [role(n) for n in ("original", "secure_iid", "securely", "silhouette")] == [
        "original", "ours", "baseline", "reference",
    ]  # fmt: skip
    variants = sorted(["secure", "kbeam_16", "bdq", "kbeam_8", "grl", "kbeam", "solid"], key=obfuscator_order)
    assert variants == ["solid", "grl", "kbeam", "kbeam_8", "kbeam_16", "bdq", "secure"]
    listed = sorted(["silhouette", "new_one", "secure", "blur_weak", "original", "paper"], key=obfuscator_order)
    assert listed == ["original", "blur_weak", "new_one", "paper", "secure", "silhouette"]


def test_names_are_those_of_the_tables() -> None:
    """A misspelt name would be shown as it is, beside a row of dashes."""
    known = published_figures()
    assert set(names.NETWORKS) <= set(NETWORKS)
    assert set(known.top1["action"]) | set(known.top1["privacy"]) <= {*NETWORKS, "average"}
    assert set(OBFUSCATORS) <= {*OBFUSCATIONS, "original"}
    assert {item.obfuscator for item in known.tradeoffs if not learned_method(item.obfuscator)} <= {*OBFUSCATORS, ""}
    assert set(ATTACKERS) <= set(names.NETWORKS)
    assert not set(OBFUSCATORS) & set(LEARNED)
    assert {item.dataset for item in known.tradeoffs} <= set(names.DATASETS) <= set(DATASETS)


def test_obfuscators_can_be_told_apart() -> None:
    found = styles(list(OBFUSCATORS))
    assert len({(style.colour, style.dash) for style in found.values()}) == len(found)


def test_figure_5_has_each_template_and_the_original(study: Study) -> None:
    chart = templates_chart(study, "frozen")
    assert [panel.title for panel in chart.panels] == ["KTH", "UT-Interaction"]
    panel = chart.panels[0]
    assert panel.categories == ("original", "hair", "hand")
    action, privacy = panel.bars
    assert action.values[2] == study.action("kth", "template_hand", "frozen")
    assert privacy.values[1] == study.privacy(study.attributes[0], "template_hair", "frozen")


def _curves(chart: Chart, panel: int) -> dict[str, list[float]]:
    return {curve.label: [y for _, y in curve.points] for curve in chart.panels[panel].series}


def test_figure_7_begins_with_action_and_ends_with_privacy(study: Study) -> None:
    chart = weights_chart(study, "frozen", published_figures())
    assert [panel.title for panel in chart.panels] == ["KTH", "UT-Interaction", "Mean of the 2"]
    curves = _curves(chart, 0)
    action = study.action("kth", "secure", "frozen")
    privacy = study.privacy(study.attributes[0], "secure", "frozen")
    assert action is not None
    assert privacy is not None
    values = curves["Preset secure (ours)"]
    assert (values[0], values[-1]) == pytest.approx((action.value, 1 - privacy.value))
    assert chart.panels[0].series[0].points[10][0] == 0.5
    assert values[10] == pytest.approx((values[0] + values[-1]) / 2)
    assert curves["published: Paper, all networks"][10] == pytest.approx((0.8867 + 1 - 0.0546) / 2)
    assert not any("i.i.d." in label for label in curves)
    mean = _curves(chart, 2)["Preset secure (ours)"]
    others = [_curves(chart, number)["Preset secure (ours)"] for number in range(2)]
    assert mean == pytest.approx(np.mean(others, axis=0))


def test_figure_8_sets_pairs_side_by_side(study: Study) -> None:
    panel = noise_chart(study, "retrained").panels[0]
    assert panel.categories == ("Preset secure",)
    assert [bars.hatched for bars in panel.bars] == [False, True, False, True]
    assert panel.bars[1].values == (study.action("kth", "secure_iid", "retrained"),)
    assert not noise_chart(Study(rows(["original", "secure"])), "frozen").panels


def test_the_tradeoff_shows_the_strongest_attacker_prior_and_floor(study: Study) -> None:
    chart = tradeoff_chart(study, "retrained", Published())
    panel = chart.panels[0]
    dot = next(dot for dot in panel.dots if dot.label.startswith("Preset secure (ours)"))
    strongest = study.strongest(study.attributes[0], "secure", "retrained")
    floor = study.strongest(study.attributes[0], "person_removed", "retrained")
    assert strongest is not None
    scene = study.strongest(study.attributes[0], "scene_alone", "retrained")
    assert floor is not None
    assert scene is not None
    assert [line.label for line in panel.lines] == ["prior of the attribute", "person removed", "scene alone"]
    assert dot.x == strongest[1]
    assert [line.value for line in panel.lines] == pytest.approx([0.04, floor[1].value, scene[1].value])
    assert len({dot.number for dot in panel.dots}) == len(panel.dots) == 6
    assert not any(dot.hollow for dot in panel.dots)


def test_what_papers_printed_is_not_drawn_where_we_have_nothing(kth: Study) -> None:
    for task in ("action", "identity"):
        alone, known = Study([row for row in kth.rows if row.task == task]), published_figures()
        assert not weights_chart(alone, "frozen", known).panels
        assert not tradeoff_chart(alone, "frozen", known).panels


def test_published_dots_are_hollow_and_labelled(kth: Study) -> None:
    chart = tradeoff_chart(kth, "frozen", published_figures())
    hollow = [dot for dot in chart.panels[0].dots if dot.hollow]
    assert len(hollow) == 8
    assert all(dot.label.startswith("published: ") for dot in hollow)
    assert all(not dot.label.startswith("published") for dot in chart.panels[0].dots if not dot.hollow)


def test_confusion_is_summed_over_folds_and_shared_out_by_rows() -> None:
    base = rows(["blur_weak"])[0]
    detail = {"classes": ["a", "b"], "confusion": [[3, 1], [0, 0]]}
    one, other = replace(base, detail=detail), replace(base, detail={**detail, "confusion": [[1, 3], [1, 1]]})
    found = matrix_of([one, other], 2)
    assert found is not None
    assert found.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert matrix_of([one, replace(base, detail={**detail, "confusion": [[1, 2]]})], 2) is None


def test_confusion_without_names_of_classes_has_numbers(kth: Study) -> None:
    bare = Study(replace(row, detail={"confusion": row.detail["confusion"]}) for row in kth.rows)
    partly = Study([kth.rows[0], *bare.rows[1:]])
    assert confusion_charts(partly)[0].panels[-1].categories == KTH
    chart = next(chart for chart in confusion_charts(bare) if chart.name == "confusion_kth_action")
    assert chart.panels[0].categories == tuple("123456")
    assert {panel.title.split("\n")[0] for panel in chart.panels} >= {"Original", "Preset secure"}
    assert not confusion_charts(Study(replace(row, detail={}) for row in kth.rows))


def test_figures_are_drawn_alike_each_time_and_leave_no_trace(kth: Study) -> None:
    before = dict(mpl.rcParams)
    chart = noise_chart(kth, "frozen")
    first, second = draw(chart), draw(chart)
    assert first == second
    assert dict(mpl.rcParams) == before
    assert first["pdf"].startswith(b"%PDF")
    assert b"<svg" in first["svg"]
    with Image.open(BytesIO(first["png"])) as picture:
        assert picture.width == round(3.4 * 200)
        drawn = np.asarray(picture.convert("RGB"))
    border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert (border == 255).all(), "something is cut at the rim"


@pytest.mark.parametrize("number", range(3))
def test_nothing_is_cut_where_there_is_much_to_tell(number: int) -> None:
    everything, known = Study(rows()), published_figures()
    chart = (
        tradeoff_chart(everything, "frozen", known),
        weights_chart(everything, "retrained", known),
        confusion_charts(everything)[0],
    )[number]
    with Image.open(BytesIO(draw(chart)["png"])) as picture:
        drawn = np.asarray(picture.convert("RGB"))
    border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
    assert (border == 255).all(), "something is cut at the rim"


def test_a_legend_shows_each_label_once_and_dots_by_their_numbers(study: Study) -> None:
    for chart in charts(study, published_figures()):
        shown = list(legend(chart).values())
        labels = {series.label for panel in chart.panels for series in panel.series}
        labels |= {line.label for panel in chart.panels for line in panel.lines}
        labels |= {dot.label for panel in chart.panels for dot in panel.dots}
        assert len(shown) == len(labels)
        numbers = [item.number for item in shown if isinstance(item, Dot)]
        assert numbers == sorted(numbers)
