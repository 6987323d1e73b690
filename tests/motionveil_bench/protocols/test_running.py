"""A whole small experiment: prepared, trained, judged, interrupted, gone on with."""

from __future__ import annotations

import json
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import save_file

from motionveil._core.errors import InputError, OptionError, WeightsError
from motionveil_bench.cli.command import command
from motionveil_bench.datasets.procedural import make
from motionveil_bench.protocols.estimating import estimate
from motionveil_bench.protocols.experiment import Experiment
from motionveil_bench.protocols.experiment_file import read_experiment
from motionveil_bench.protocols.running import Benchmark, Places, Plan, Step
from motionveil_bench.results import Row, append_rows, identity, merged, read_rows

TEXT = """
title = "for tests"
dataset = "procedural"
seeds = 1
obfuscators = ["blur_strong", "pixelate_16"]
retrained = ["pixelate_16"]
[tasks]
identity = ["small_bag"]
[training]
epochs = 2
batch_size = 16
[sampling]
margin = 0.0
size = 32
views = 2
"""


@pytest.fixture(scope="module")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("experiment") / "small.toml"
    path.write_text(TEXT)
    return path


def _benchmark(experiment: Experiment, root: Path, folder: Path) -> Benchmark:
    return Benchmark(experiment, Places(root, None, folder / "work", folder / "rows.jsonl"), threads=1)


@pytest.fixture(scope="module")
def whole(root: Path, toml: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """The rows of a run that nothing interrupts."""
    benchmark = _benchmark(read_experiment(toml), root, tmp_path_factory.mktemp("whole"))
    benchmark.run()
    assert benchmark.plan().evaluations == 0
    return read_rows(benchmark.places.results)


def _figures(rows: list[Row]) -> dict[tuple[object, ...], float]:
    return {identity(row): row.value for row in rows}


def _assert_same(rows: list[Row], expected: list[Row]) -> None:
    """The same figures. Copies are made anew, and the encoder's threads may give other last bits."""
    found, wanted = _figures(rows), _figures(expected)
    assert found.keys() == wanted.keys()
    for name, value in wanted.items():
        assert found[name] == pytest.approx(value, abs=0 if "original" in name else 0.06), name


def test_rows_say_what_was_measured(whole: list[Row]) -> None:
    judged = {(row.obfuscator, row.protocol) for row in whole}
    assert judged == {
        ("original", "frozen"), ("blur_strong", "frozen"), ("pixelate_16", "frozen"),
        ("original", "retrained"), ("pixelate_16", "retrained"),
    }  # fmt: skip
    top1 = next(row for row in whole if row.metric == "top1")
    assert (top1.dataset, top1.task, top1.network, top1.level) == ("procedural", "identity", "small_bag", "frame")
    assert top1.num_clips == 18
    assert top1.prior == pytest.approx(1 / 3)
    assert top1.interval is not None
    assert top1.interval[0] <= top1.value <= top1.interval[1]
    assert sum(map(sum, top1.detail["confusion"])) == 18
    assert top1.detail["correct"].count("1") == round(18 * top1.value)
    assert top1.configuration["partition"] == [0, 1, 2]
    same = {row.value for row in whole if row.obfuscator == "original" and row.metric == "top1"}
    assert len(same) == 1  # one training under two names


def test_nothing_is_done_twice(root: Path, toml: Path, tmp_path: Path) -> None:
    experiment = read_experiment(toml)
    _benchmark(experiment, root, tmp_path).run()
    before = (tmp_path / "rows.jsonl").read_bytes()
    copies = {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.mp4")}
    steps: list[Step] = []
    _benchmark(experiment, root, tmp_path).run(steps.append)
    assert (tmp_path / "rows.jsonl").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "work").rglob("*.mp4")} == copies
    assert not [step for step in steps if "epoch" in step.detail]
    # Nor is it where only the rows were kept.
    shutil.rmtree(tmp_path / "work")
    assert _benchmark(experiment, root, tmp_path).plan() == Plan((), (), 0)
    _benchmark(experiment, root, tmp_path).run()
    assert (tmp_path / "rows.jsonl").read_bytes() == before
    assert not [path for path in (tmp_path / "work").rglob("*") if path.suffix in {".mp4", ".safetensors", ".npy"}]


@pytest.mark.parametrize("when", [5, 60, 76, 79, 100])
def test_an_interrupt_changes_nothing(root: Path, toml: Path, tmp_path: Path, whole: list[Row], when: int) -> None:
    """Wherever it comes: while copies are made, in a training, between two judgements."""
    count = 0

    def stop(step: Step) -> None:
        nonlocal count
        count += 1
        if count == when:
            raise KeyboardInterrupt

    experiment = read_experiment(toml)
    with pytest.raises(KeyboardInterrupt):
        _benchmark(experiment, root, tmp_path).run(stop)
    _benchmark(experiment, root, tmp_path).run()
    _assert_same(read_rows(tmp_path / "rows.jsonl"), whole)


def test_an_experiment_can_grow(root: Path, toml: Path, tmp_path: Path, whole: list[Row]) -> None:
    """More obfuscators later: what is there stays, and is not done again."""
    experiment = read_experiment(toml)
    _benchmark(experiment.only(["pixelate_16"]), root, tmp_path).run()
    some = read_rows(tmp_path / "rows.jsonl")
    _benchmark(experiment, root, tmp_path).run()
    rows = read_rows(tmp_path / "rows.jsonl")
    assert rows[: len(some)] == some
    _assert_same(rows, whole)


def test_the_plan_and_its_estimate(root: Path, toml: Path, tmp_path: Path) -> None:
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    plan = benchmark.plan()
    assert (len(plan.copies), len(plan.trainings), plan.evaluations) == (2 * 54, 2, 5)
    found = estimate(benchmark)
    assert set(found.copies) == {"blur_strong", "pixelate_16"}
    assert all(seconds > 0 for seconds in (*found.copies.values(), *found.trainings.values()))
    assert not (tmp_path / "rows.jsonl").exists()
    assert not list((tmp_path / "work").rglob("*.mp4"))


def test_other_settings_are_other_rows(root: Path, toml: Path, tmp_path: Path) -> None:
    experiment = read_experiment(toml).only(["pixelate_16"])
    _benchmark(experiment, root, tmp_path).run()
    path = tmp_path / "more.toml"
    path.write_text(TEXT.replace("epochs = 2", "epochs = 1"))
    _benchmark(read_experiment(path).only(["pixelate_16"]), root, tmp_path).run()
    rows = read_rows(tmp_path / "rows.jsonl")
    assert len({row.configuration_hash for row in rows if row.obfuscator == "original"}) == 2
    assert len(merged(rows)) == len(rows)
    assert len(merged([*rows, *rows])) == len(rows)


def test_what_does_not_fit_is_said(root: Path, toml: Path, tmp_path: Path) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(TEXT.replace("identity =", "gender ="))
    with pytest.raises(OptionError, match="procedural has no task gender; it has action, identity"):
        _benchmark(read_experiment(path), root, tmp_path)
    path.write_text(TEXT + "[weights]\nsmall_bag = 'none.safetensors'\n")
    with pytest.raises(WeightsError, match=r"none\.safetensors"):
        _benchmark(read_experiment(path), root, tmp_path)


def test_a_checkpoint_of_another_network_is_refused_at_once(root: Path, tmp_path: Path) -> None:
    save_file({"stem.0.weight": torch.zeros(3)}, str(tmp_path / "other.safetensors"))
    path = tmp_path / "weights.toml"
    path.write_text(TEXT + "[weights]\nsmall_bag = 'other.safetensors'\n")
    benchmark = _benchmark(read_experiment(path), root, tmp_path)
    with pytest.raises(WeightsError, match="another network"):
        benchmark.run()
    assert not (tmp_path / "work" / "obfuscated").exists()


def test_missing_weights_of_an_obfuscator_are_said_at_once(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "paper.toml"
    path.write_text(TEXT.replace('"blur_strong", "pixelate_16"]', '"pixelate_16", "paper"]'))
    benchmark = _benchmark(read_experiment(path), root, tmp_path)
    with pytest.raises(WeightsError, match="dino_vits8"):
        benchmark.run()
    assert not (tmp_path / "work" / "obfuscated").exists()


def test_other_data_are_other_rows(toml: Path, tmp_path: Path) -> None:
    """The same folder with other videos: nothing of before is taken for theirs."""
    experiment = read_experiment(toml).only(["pixelate_16"])
    for seed in (0, 1):
        make(tmp_path / "set", num_subjects=3, num_clips=3, num_frames=6, size=32, seed=seed, overwrite=True)
        _benchmark(experiment, tmp_path / "set", tmp_path).run()
    rows = [row for row in read_rows(tmp_path / "rows.jsonl") if row.metric == "top1" and row.obfuscator == "original"]
    assert len(rows) == 4
    assert len({row.configuration["data"] for row in rows}) == 2


def test_two_processes_share_the_work(root: Path, toml: Path, tmp_path: Path, whole: list[Row]) -> None:
    """Here two threads, whose locks exclude each other as those of processes do."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            _benchmark(read_experiment(toml), root, tmp_path).run()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    rows = read_rows(tmp_path / "rows.jsonl")
    assert len(rows) == len(whole)
    _assert_same(rows, whole)


def test_half_a_row_spoils_nothing(tmp_path: Path, whole: list[Row]) -> None:
    path = tmp_path / "rows.jsonl"
    append_rows(path, whole[:2])
    path.write_bytes(path.read_bytes() + b'{"dataset": "proc')
    assert read_rows(path) == whole[:2]
    append_rows(path, whole[2:4])
    assert read_rows(path) == whole[:4]


def test_a_row_without_configuration(tmp_path: Path, whole: list[Row]) -> None:
    row = replace(whole[0], configuration={}, detail={}, interval=None)
    append_rows(tmp_path / "rows.jsonl", [row])
    assert read_rows(tmp_path / "rows.jsonl") == [row]


def test_privacy_is_the_datasets_own_task(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "privacy.toml"
    path.write_text(TEXT.replace("identity =", "privacy ="))
    assert {run.task for run in _benchmark(read_experiment(path), root, tmp_path).runs} == {"identity"}


def test_a_damaged_row_is_named(tmp_path: Path, whole: list[Row]) -> None:
    path = tmp_path / "rows.jsonl"
    append_rows(path, whole[:2])
    assert read_rows(path) == whole[:2]
    path.write_text(path.read_text() + '{"dataset": "kth"}\n')
    with pytest.raises(InputError, match=r"rows\.jsonl, line 3"):
        read_rows(path)


def test_from_the_command_line(root: Path, toml: Path, tmp_path: Path) -> None:
    places = ["--root", str(root), "--work", str(tmp_path / "work"), "--results", str(tmp_path / "rows.jsonl")]
    runner = CliRunner()
    dry = runner.invoke(command, ["run", str(toml), *places, "--dry-run", "--threads", "1"])
    assert dry.exit_code == 0
    assert "copies to make: 108" in dry.output
    done = runner.invoke(command, ["run", str(toml), *places, "--only", "pixelate_16", "--threads", "1"])
    assert done.exit_code == 0, done.output
    assert json.loads((tmp_path / "rows.jsonl").read_text().splitlines()[0])["obfuscator"] == "original"
    listed = runner.invoke(command, ["networks"])
    assert "x3d_s" in listed.output
