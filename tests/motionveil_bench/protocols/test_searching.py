"""The search for settings of the selective method: what it tries, what it looks at, how it is interrupted."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from filelock import FileLock

from motionveil._core.errors import DependencyError, OptionError, OutputError
from motionveil.obfuscation.presets import PRESETS
from motionveil_bench.cli.command import command
from motionveil_bench.copies import preparation
from motionveil_bench.copies.obfuscations import OBFUSCATIONS
from motionveil_bench.copies.selections import read_selective
from motionveil_bench.datasets.procedural import Procedural
from motionveil_bench.protocols import proposals
from motionveil_bench.protocols.experiment_file import read_experiment
from motionveil_bench.protocols.proposals import start_parameters, table_of
from motionveil_bench.protocols.running import Places, Step
from motionveil_bench.protocols.searching import Search, Trial, best_of, dominates, snippet, verdict, write_snippet

pytestmark = pytest.mark.usefixtures("one_thread")

TEXT = """
dataset = "procedural"
[tasks]
action = ["small_r3d"]
identity = ["small_bag"]
[search]
action = "small_r3d"
attackers = ["small_bag", "small_resnet"]
trials = 3
[training]
epochs = 1
batch_size = 16
[sampling]
spread = true
margin = 0.0
size = 32
views = 1
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    path = tmp_path / "small.toml"
    path.write_text(TEXT)
    return path


def _search(toml: Path, root: Path, folder: Path, **changes: Any) -> Search:
    experiment = read_experiment(toml)
    assert experiment.search is not None
    experiment = replace(experiment, search=replace(experiment.search, **changes))
    return Search(experiment, Places(root, None, folder / "work", folder / "trials.jsonl"), threads=1)


Score = tuple[float, dict[str, float]]


def _made_up(table: Mapping[str, Any]) -> Score:
    """Figures that depend on settings alone, best where few templates are hidden, softly."""
    coverage = read_selective(table, "made up").preset.coverage
    return 0.5 + coverage.thresholds[0], {
        "small_bag": coverage.thresholds[1] / 2,
        "small_resnet": len(table.get("hide", range(10))) / 20,
    }


@pytest.fixture
def made_up(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """In the place of trainings; gives what lets one call of many be an interrupt."""
    calls = {"made": 0, "interrupt": 0}

    def score(self: Search, table: Mapping[str, Any], tell: Callable[[str], None]) -> Score:
        calls["made"] += 1
        if calls["made"] == calls["interrupt"]:
            raise KeyboardInterrupt
        return _made_up(table)

    def interrupt(call: int) -> None:
        calls.update(made=0, interrupt=call)

    monkeypatch.setattr(Search, "score", score)
    return interrupt


def test_a_whole_search_never_looks_at_test_clips(
    root: Path, toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that only test are not even there."""
    shutil.copytree(root, tmp_path / "set")
    splits = [Procedural(root).split(task, 0) for task in ("action", "identity")]
    used = {record.source for split in splits for record in (*split.train, *split.validation)}
    held = {record.source for split in splits for record in split.test} - used
    assert len(held) == 6
    for source in held:
        (tmp_path / "set" / source).unlink()
    shown: dict[Path, set[str]] = {}

    def copy(source: Path, place: Path, *, obfuscator: Any) -> None:
        """Quicker than obfuscating."""
        shown.setdefault(place.parent, set()).add(str(source.relative_to(tmp_path / "set")))
        shutil.copy(source, place)

    monkeypatch.setattr(preparation, "obfuscate_video", copy)
    search = _search(toml, tmp_path / "set", tmp_path)
    steps: list[Step] = []
    trials = search.run(on_step=steps.append)
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert {step.total for step in steps} == {3}

    assert [trial.number for trial in trials] == [0, 1, 2]
    assert trials[0].settings == {"preset": "secure"}
    assert list(shown.values()) == [used] * 3
    for run in search.runs("original"):
        assert search.evaluator.split(run).test == ()
    histories = [json.loads(path.read_text()) for path in (tmp_path / "work" / "trained").rglob("history.json")]
    assert len(histories) == 3 * 3  # of each trial one for actions and two attackers
    sizes = {(len(split.train), len(split.validation)) for split in splits}
    assert {(h["training"]["train_clips"], h["training"]["validation_clips"]) for h in histories} == sizes
    for trial in trials:
        assert {trial.action, *trial.attackers.values()} <= {h["epochs"][0]["validation_accuracy"] for h in histories}
        assert trial.attacker == max(trial.attackers.values())
        assert trial.objective == pytest.approx(0.5 * trial.action + 0.5 * (1 - trial.attacker))

    lines = [json.loads(line) for line in (tmp_path / "trials.jsonl").read_text().splitlines()]
    assert [line["objective"] for line in lines] == [trial.objective for trial in trials]
    assert [line["settings"] for line in lines] == [trial.settings for trial in trials]
    assert not lines[0]["dominates_start"]
    shown.clear()
    assert search.run() == _search(toml, tmp_path / "set", tmp_path).run() == trials
    assert not shown  # nothing is done twice


@pytest.mark.parametrize("when", [1, 2, 6])
def test_an_interrupted_search_tries_the_same(
    root: Path, toml: Path, tmp_path: Path, made_up: Callable[[int], None], when: int
) -> None:
    """In the first trial, among those drawn at random, and among those that learn from others."""
    whole = _search(toml, root, tmp_path / "whole").run(7)
    made_up(when)
    with pytest.raises(KeyboardInterrupt):
        _search(toml, root, tmp_path / "parts").run(7)
    made_up(0)
    assert _search(toml, root, tmp_path / "parts").run(7) == whole
    assert len({json.dumps(trial.settings) for trial in whole}) == 7
    assert whole[0].settings == {"preset": "secure"}


def test_a_search_can_grow(root: Path, toml: Path, tmp_path: Path, made_up: Callable[[int], None]) -> None:
    whole = _search(toml, root, tmp_path / "whole").run(6)
    assert len(_search(toml, root, tmp_path / "parts").run()) == 3
    assert _search(toml, root, tmp_path / "parts", trials=6).run() == whole
    other = _search(toml, root, tmp_path / "whole", seed=1).run(3)  # a study of its own
    assert other[0] == whole[0]
    assert other[1] != whole[1]


def test_one_process_at_a_time(root: Path, toml: Path, tmp_path: Path, made_up: Callable[[int], None]) -> None:
    search = _search(toml, root, tmp_path)
    folder = tmp_path / "work" / "search"
    folder.mkdir(parents=True)
    with (
        FileLock(folder / f".small-{search.key()}.db.lock"),
        pytest.raises(OptionError, match="another process makes this search"),
    ):
        search.run()


def test_something_is_always_hidden(
    root: Path, toml: Path, tmp_path: Path, made_up: Callable[[int], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one template to choose half of the proposals are empty: they are no trials."""
    monkeypatch.setattr(proposals, "HIDEABLE", ("hair",))
    refused: list[int] = []
    refuse = proposals.Proposals.refuse

    def noted(self: proposals.Proposals, number: int) -> None:
        refused.append(number)
        refuse(self, number)

    monkeypatch.setattr(proposals.Proposals, "refuse", noted)
    trials = _search(toml, root, tmp_path).run(6)
    assert [trial.number for trial in trials] == list(range(6))
    assert all(trial.settings["hide"] == ["hair"] for trial in trials[1:])
    assert refused


def test_parameters_and_tables() -> None:
    """Those of the start give the start."""
    parameters = start_parameters(PRESETS["secure"])
    table = table_of(parameters, "secure")
    assert table is not None
    found = read_selective({name: table[name] for name in ("opacity", "margin", "hold", "statistics")}, "table")
    coverage = PRESETS["secure"].coverage
    assert found.preset.coverage == coverage
    assert table["hide"] == list(proposals.HIDEABLE)
    assert table_of({**parameters, "begin": 0.22999999999999998}, "secure") == {**table, "opacity": [0.23, 0.31]}
    nothing = {**parameters, **{f"hide_{name}": False for name in proposals.HIDEABLE}}
    assert table_of(nothing, "secure") is None
    assert read_selective({"preset": "secure"}, "table") == OBFUSCATIONS["secure"]


def _trial(number: int, action: float, attacker: float, **settings: Any) -> Trial:
    return Trial(number, settings, action, {"weak": 0.0, "strong": attacker}, (action + 1 - attacker) / 2)


@pytest.mark.parametrize(
    ("action", "attacker", "expected"),
    [(0.7, 0.4, True), (0.6, 0.4, True), (0.7, 0.5, True), (0.6, 0.5, False), (0.9, 0.51, False), (0.59, 0.1, False)],
)
def test_what_dominates(action: float, attacker: float, expected: bool) -> None:
    start, found = _trial(0, 0.6, 0.5), _trial(1, action, attacker)
    assert dominates(found, start) is expected
    assert not dominates(start, start)


def test_the_verdict() -> None:
    start = _trial(0, 0.6, 0.5)
    assert verdict([start, _trial(1, 0.5, 0.5), _trial(2, 0.5, 0.4)]).startswith("none of 3 trials is better")
    assert "trial 1, the best of 3, dominates the start" in verdict([start, _trial(1, 0.6, 0.3), _trial(2, 0.6, 0.4)])
    told = verdict([start, _trial(1, 0.55, 0.3), _trial(2, 0.6, 0.49)])
    assert "trial 1, the best of 3, does not dominate the start" in told
    assert "(actions 55.0 %, strongest attacker 30.0 %; start: actions 60.0 %, strongest attacker 50.0 %)" in told
    assert best_of([start, _trial(1, 0.6, 0.5)]) == start


def test_what_was_found_is_read_back(tmp_path: Path) -> None:
    table = table_of({**start_parameters(PRESETS["secure"]), "hide_leg": False, "begin": 0.31, "grain": 2.5}, "secure")
    assert table is not None
    trials = [_trial(0, 0.6, 0.5, preset="secure"), _trial(1, 0.7, 0.5, **table)]
    write_snippet(tmp_path / "found.toml", trials, "small")
    path = tmp_path / "with.toml"
    text = TEXT.replace("[tasks]", 'retrained = ["searched"]\n[tasks]')
    path.write_text(text + (tmp_path / "found.toml").read_text())
    experiment = read_experiment(path)
    assert experiment.every_obfuscator() == ("original", "searched")
    assert experiment.selective["searched"].as_record() == read_selective(table, "table").as_record()
    path.write_text(text + snippet(trials[:1], "small"))
    assert read_experiment(path).selective["searched"] == OBFUSCATIONS["secure"]


def test_what_does_not_fit_is_said(root: Path, toml: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for changes, message in (
        ({"start": "paper"}, "whose begin of 0 lies outside what is searched"),
        ({"start": "safe"}, "unknown preset 'safe'"),
        ({"attribute": "gender"}, "procedural has identity"),
    ):
        with pytest.raises(OptionError, match=message):
            _search(toml, root, tmp_path, **changes)
    with pytest.raises(OptionError, match="has no search"):
        Search(replace(read_experiment(toml), search=None), Places(root, None, tmp_path, tmp_path / "rows.jsonl"))
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(DependencyError, match=r"pip install 'motionveil\[search\]'"):
        _search(toml, root, tmp_path)


def test_from_the_command_line(root: Path, toml: Path, tmp_path: Path, made_up: Callable[[int], None]) -> None:
    arguments = [
        "search", str(toml), "--root", str(root), "--work", str(tmp_path / "work"), "--threads", "1",
        "--results", str(tmp_path / "trials.jsonl"), "-o", str(tmp_path / "found.toml"),
    ]  # fmt: skip
    made_up(3)
    stopped = CliRunner().invoke(command, [*arguments, "--trials", "4"], standalone_mode=False)
    assert stopped.return_value == 130
    assert not (tmp_path / "found.toml").exists()
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == 2
    done = CliRunner().invoke(command, [*arguments, "--trials", "4"], standalone_mode=False)
    assert done.return_value == 0, done.output
    assert "the best of 4" in done.output
    assert "[selective.searched]" in (tmp_path / "found.toml").read_text()
    assert len((tmp_path / "trials.jsonl").read_text().splitlines()) == 4
    again = CliRunner().invoke(command, arguments, standalone_mode=False)
    assert isinstance(again.exception, OutputError)
