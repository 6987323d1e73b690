"""How learned methods were trained: files, curves, and what is said of them."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from motionveil._core.errors import InputError, WeightsError
from motionveil_bench.cli.run import report_command as command
from motionveil_bench.report import make_report, writing
from motionveil_bench.report.charts import Chart, Panel, Series
from motionveil_bench.report.learning import learning_cautions, learning_charts, one_of_each, read_trainings
from motionveil_bench.report.plots import draw
from motionveil_bench.report.study import Study
from motionveil_bench.results import append_rows

from .two_fold_rows import rows

ROUNDS = (
    # restarted, why the attack and the use ended, utility accuracy, accuracies of the attackers
    (False, "", "", 0.3, (0.9, 0.8)),
    (False, "accuracy", "plateau", 0.5, (0.6, 0.7)),
    (True, "steps", "accuracy", 0.6, (0.5, 0.2)),
)


def history(name: str = "kbeam_8", seed: int = 0, rounds: Any = ROUNDS, **changes: Any) -> dict[str, Any]:
    told = []
    for number, (restarted, attack, use, accuracy, attackers) in enumerate(rounds):
        phases = [
            {"name": phase, "steps": 30, "stopped": why, "loss": 1.2, "privacy_loss": 1.1, "accuracy": 0.4}
            for phase, why in (("suppress", "steps"), ("attack", attack), ("use", use))
            if why
        ]
        validation = {
            "utility_loss": 2.0 - accuracy, "utility_accuracy": accuracy,
            "budget_losses": [2.9] * len(attackers), "budget_accuracies": list(attackers),
        }  # fmt: skip
        told.append({"round": number, "restarted": restarted, "seconds": 3.2, "phases": phases,
                     "validation": validation})  # fmt: skip
    return {"settings": {"method": "kbeam", "budgets": ["mobilenet_v1_060"]}, "name": name, "seed": seed,
            "rounds": told, **changes}  # fmt: skip


def write(folder: Path, *told: dict[str, Any]) -> Path:
    for each in told:
        place = folder / "learned" / f"{each['name']}-{each['seed']}-abc"
        place.mkdir(parents=True)
        (place / "history.json").write_text(json.dumps(each))
    return folder


def test_trainings_are_found_in_order_and_one_of_each_is_shown(tmp_path: Path) -> None:
    write(tmp_path, history("elr", 2), history("grl", 1), history("grl", 0), history("kbeam_8"))
    found = read_trainings(tmp_path)
    assert [(each.name, each.seed) for each in found] == [("grl", 0), ("grl", 1), ("kbeam_8", 0), ("elr", 2)]
    chosen = one_of_each(found)
    assert {name: each.seed for name, each in chosen.items()} == {"grl": 0, "kbeam_8": 0, "elr": 2}
    assert chosen["grl"].obfuscator == tmp_path / "learned" / "grl-0-abc" / "obfuscator.safetensors"


def _of(panel: Panel, *, marked: bool = False) -> list[Series]:
    return [series for series in panel.series if series.marked == marked]


def test_what_is_drawn_is_what_the_file_says(tmp_path: Path) -> None:
    (chart,) = learning_charts(read_trainings(write(tmp_path, history(), history(seed=1))))
    actions, losses, attackers = chart.panels
    assert (chart.columns, actions.title) == (1, "K-beam K=8")
    assert [series.label for series in _of(actions)] == ["other trainings", "actions"]
    assert _of(actions)[-1].points == ((0, 0.3), (1, 0.5), (2, 0.6))
    assert losses.series[-1].points == ((0, 1.7), (1, 1.5), (2, 1.4))
    assert [series.label for series in _of(attackers)] == [
        "other trainings", "each attacker", "each attacker", "strongest attacker",
    ]  # fmt: skip
    assert attackers.series[1].points == ((0, 0.9), (1, 0.6), (2, 0.5))
    assert _of(attackers)[-1].points == ((0, 0.9), (1, 0.7), (2, 0.5))
    assert [(marks.label, [x for x, _ in marks.points]) for marks in _of(attackers, marked=True)] == [
        ("phase ended: good enough", [1.0]), ("phase ended: steps were done", [2.0]),
    ]  # fmt: skip
    assert [(marks.label, [x for x, _ in marks.points]) for marks in _of(actions, marked=True)] == [
        ("phase ended: good enough", [2.0]), ("phase ended: no longer better", [1.0]),
    ]  # fmt: skip
    assert [line.value for panel in chart.panels for line in panel.lines] == [1.5, 1.5, 1.5]


def test_methods_stand_side_by_side_and_no_figure_is_too_wide(tmp_path: Path) -> None:
    names = ("grl", "kbeam_8", "entropy", "bdq", "elr")
    alone = [(False, "", "steps", 0.4, ()), (False, "", "steps", 0.5, ())]
    write(tmp_path, *(history(name, rounds=alone if name == "elr" else ROUNDS) for name in names))
    charts = learning_charts(read_trainings(tmp_path))
    assert [(chart.name, chart.columns, len(chart.panels)) for chart in charts] == [
        ("learning_1", 3, 9), ("learning_2", 2, 6),
    ]  # fmt: skip
    without = charts[1].panels[-1]
    assert (_of(without), without.note) == ([], "trained without attackers")
    for chart in charts:
        with Image.open(BytesIO(draw(chart)["png"])) as picture:
            drawn = np.asarray(picture.convert("RGB"))
        border = np.concatenate([drawn[0], drawn[-1], drawn[:, 0], drawn[:, -1]])
        assert (border == 255).all(), "something is cut at the rim"
    assert learning_charts([]) == []


def test_a_training_of_one_round_and_one_that_came_apart_are_drawn(tmp_path: Path) -> None:
    apart = history("grl")
    apart["rounds"][1]["validation"]["utility_loss"] = float("nan")
    charts = learning_charts(read_trainings(write(tmp_path, apart, history(rounds=ROUNDS[:1]))))
    assert charts[0].panels[2].series[-1].points == ((0, 1.7), (2, 1.4))
    assert draw(charts[0])["pdf"].startswith(b"%PDF")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"rounds": []}, "rounds"), ({"rounds": [{"round": 0}]}, "restarted"), ({"seed": None}, "seed"),
        ({"settings": 3}, "settings"), ({"name": 3}, "name"), ({"rounds": 7}, "rounds"),
    ],
)  # fmt: skip
def test_damaged_files_are_refused_with_one_sentence(tmp_path: Path, changes: dict[str, Any], why: str) -> None:
    place = next(write(tmp_path, history()).rglob("history.json"))
    place.write_text(json.dumps({**history(), **changes}))
    with pytest.raises(WeightsError, match=rf"history\.json is damaged .*{why}.*train again$"):
        read_trainings(tmp_path)


def test_what_is_no_history_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no folder"):
        read_trainings(tmp_path / "none")
    with pytest.raises(InputError, match="no finished training"):
        read_trainings(tmp_path)
    place = next(write(tmp_path, history()).rglob("history.json"))
    for text in ("", "[]", "7", place.read_text()[:-20], place.read_text().replace("0.9", "1.9"), "\xff"):
        place.write_text(text, encoding="latin-1")
        with pytest.raises(WeightsError, match="is damaged"):
            read_trainings(tmp_path)


def test_weak_attackers_and_those_that_are_not_unseen_are_told(tmp_path: Path) -> None:
    study = Study(rows())
    weak = [(*each[:1], "steps", *each[2:]) for each in ROUNDS]
    write(
        tmp_path, history("grl", rounds=weak), history("bdq", settings={"method": "bdq", "budgets": ["small_resnet"]})
    )
    said = learning_cautions(read_trainings(tmp_path), study)
    assert len(said) == 2
    assert "in a training of GRL attackers never became as good" in said[0]
    assert said[1].startswith("Small ResNet judges BDQ in the two-fold evaluation")
    assert learning_cautions([], study) == []


def test_the_page_and_the_command_show_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(chart: Chart) -> dict[str, bytes]:
        return {"pdf": b"%PDF", "png": b"png", "svg": b'<svg width="100.5pt"></svg>'}

    monkeypatch.setattr(writing, "draw", nothing)
    write(tmp_path / "work", history())
    append_rows(tmp_path / "rows.jsonl", rows())
    arguments = [str(tmp_path / "rows.jsonl"), "-o", str(tmp_path / "out"), "--learned", str(tmp_path / "work")]
    done = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert done.exception is None
    assert (tmp_path / "out" / "figures" / "learning.pdf").is_file()
    assert "How learned methods were trained" in (tmp_path / "out" / "report.html").read_text()
    assert not any(chart.name.startswith("learning") for chart in make_report(rows()).charts)
    failed = CliRunner().invoke(command, [*arguments[:-1], str(tmp_path / "nowhere")], standalone_mode=False)
    assert isinstance(failed.exception, InputError)
