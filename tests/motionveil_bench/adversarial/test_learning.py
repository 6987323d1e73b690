"""Whole small trainings of learned obfuscators: what they learn, how they are interrupted, what they are judged on."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from torch import nn

from motionveil._core.errors import OptionError, WeightsError
from motionveil.learned import build_degradation, load_learned
from motionveil.video import open_source
from motionveil_bench.adversarial.history import LearningProgress, Round, is_learned, read_learned
from motionveil_bench.adversarial.learner import Instance
from motionveil_bench.adversarial.parts import Parts, Seeing, as_pictures
from motionveil_bench.adversarial.settings import METHODS, Learning
from motionveil_bench.cli.command import command
from motionveil_bench.clips.sampling import (
    Sampling,
    TestClips,
    TrainingClips,
    sampled_for_evaluation,
    sampled_for_training,
)
from motionveil_bench.copies.obfuscations import ORIGINAL
from motionveil_bench.protocols.estimating import estimate
from motionveil_bench.protocols.experiment import Experiment
from motionveil_bench.protocols.experiment_file import read_experiment
from motionveil_bench.protocols.running import Benchmark, Places, Plan, Step
from motionveil_bench.results import read_rows

pytestmark = pytest.mark.usefixtures("one_thread")

TEXT = """
dataset = "procedural"
seeds = 1
[tasks]
action = ["small_r3d"]
identity = ["small_bag"]
[[two_fold]]
obfuscators = ["entropy", "pixelate_16"]
attackers = ["mobilenet_v1_025", "small_resnet"]
[training]
epochs = 2
batch_size = 16
[sampling]
spread = true
fit = "squash"
margin = 0.0
size = 32
views = 1
[learning]
utility = "small_r3d"
budgets = ["small_bag"]
num_frames = 8
budget_frames = 2
batch_size = 6
accumulate = 1
rounds = 3
restart_every = 2
degradation_steps = 2
utility_steps = 2
budget_steps = 2
suppress_steps = 2
attack_steps = 2
use_steps = 2
gate_window = 2
final_steps = 1
[learned.grl]
degradation_options = { width = 2, blocks = 1 }
[learned.kbeam]
num_budgets = 2
degradation_options = { width = 2, blocks = 1 }
[learned.entropy]
num_budgets = 2
accumulate = 2
degradation_options = { width = 2, blocks = 1 }
[learned.bdq]
[learned.spact]
degradation_options = { width = 2, depth = 2 }
[learned.elr]
degradation_options = { size = 8 }
"""


@pytest.fixture(scope="module")
def toml(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("experiment") / "learned.toml"
    path.write_text(TEXT)
    return path


def _benchmark(experiment: Experiment, root: Path, folder: Path) -> Benchmark:
    return Benchmark(experiment, Places(root, None, folder / "work", folder / "rows.jsonl"), threads=1)


def _files(benchmark: Benchmark, name: str) -> dict[str, torch.Tensor]:
    """All weights that a training left."""
    learner = benchmark.evaluator.learner
    folder = learner.folder(Instance(name, 0, 0))
    return {
        f"{file.stem}.{key}": value for file in folder.glob("*.safetensors") for key, value in load_file(file).items()
    }


def _rounds(benchmark: Benchmark, name: str) -> list[Round]:
    folder = benchmark.evaluator.learner.folder(Instance(name, 0, 0))
    return list(read_learned(folder).rounds)


def _place(progress: LearningProgress) -> tuple[int, str, int]:
    return progress.round, progress.phase, progress.step


@pytest.mark.parametrize("name", METHODS)
def test_an_interrupted_training_ends_as_one_that_was_not(root: Path, toml: Path, tmp_path: Path, name: str) -> None:
    """To the last bit, wherever it comes, and whatever random numbers were drawn in between."""
    experiment = read_experiment(toml)
    instance = Instance(name, 0, 0)
    whole = _benchmark(experiment, root, tmp_path / "whole")
    told: list[tuple[int, str, int]] = []
    whole.evaluator.learner.learn(instance, lambda progress: told.append(_place(progress)))
    wanted = _files(whole, name)
    assert wanted
    assert len(told) == len(set(told))

    def stop_at(place: tuple[int, str, int]) -> Callable[[LearningProgress], None]:
        """Not at a count of steps: how many of them are done again depends on how long saving took."""

        def tell(progress: LearningProgress) -> None:
            if _place(progress) == place:
                raise KeyboardInterrupt

        return tell

    parts = _benchmark(experiment, root, tmp_path / "parts")
    # In the pretraining, in the middle, there again, later, and at the last step.
    for index in (1, len(told) // 3, len(told) // 3, 2 * len(told) // 3, len(told) - 1):
        with pytest.raises(KeyboardInterrupt):
            _benchmark(experiment, root, tmp_path / "parts").evaluator.learner.learn(instance, stop_at(told[index]))
        torch.manual_seed(index)
        assert not is_learned(parts.evaluator.learner.folder(instance))
    parts.evaluator.learner.learn(instance)
    found = _files(parts, name)
    assert found.keys() == wanted.keys()
    for key, value in wanted.items():
        assert torch.equal(found[key], value), key
    before, after = _rounds(whole, name), _rounds(parts, name)
    assert [replace(each, seconds=0) for each in before] == [replace(each, seconds=0) for each in after]


def test_restarts_come_when_they_should(root: Path, toml: Path, tmp_path: Path) -> None:
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    benchmark.learn([Instance("entropy", 0, 0)], lambda step: None)
    rounds = _rounds(benchmark, "entropy")
    assert [each.round for each in rounds] == [0, 1, 2, 3]
    assert [each.restarted for each in rounds] == [False, False, False, True]
    assert [phase.name for phase in rounds[0].phases] == ["identity", "utility pretraining", "budget pretraining"]
    assert [phase.name for phase in rounds[1].phases] == ["suppress", "use", "attack"]
    assert [phase.name for phase in rounds[3].phases] == ["budget pretraining", "suppress", "use", "attack", "final"]
    assert len(rounds[1].validation.budget_losses) == 2


def test_gates_end_phases(root: Path, toml: Path, tmp_path: Path) -> None:
    chosen = read_experiment(toml)
    easy = replace(chosen.learned["kbeam"], rounds=1, attack_steps=9, use_steps=9, gate_window=3, budget_steps=0)
    cases = {
        # An accuracy of nothing is reached as soon as it is looked at.
        "easy": (replace(easy, attack_accuracy=0.0, use_accuracy=0.0),
                 [("attack", 3, "accuracy"), ("use", 3, "accuracy")]),
        # One of six subjects at a time is never all of them, and nothing gains for ever.
        "hard": (replace(easy, attack_accuracy=1.0, use_accuracy=1.0, utility_learning_rate=0.0, use_patience=6,
                         degradation_learning_rate=0.0), [("attack", 9, "steps"), ("use", 9, "plateau")]),
    }  # fmt: skip
    experiment = replace(chosen, learned={name: settings for name, (settings, _) in cases.items()}, two_fold=())
    benchmark = _benchmark(experiment, root, tmp_path)
    for name, (_, wanted) in cases.items():
        benchmark.learn([Instance(name, 0, 0)], lambda step: None)
        ends = {phase.name: phase for phase in _rounds(benchmark, name)[1].phases}
        assert [(each, ends[each].steps, ends[each].stopped) for each, _, _ in wanted] == wanted


@pytest.mark.parametrize(("name", "count"), [("kbeam", 1), ("kbeam", 8), ("entropy", 1), ("entropy", 18)])
def test_any_number_of_attackers(root: Path, toml: Path, tmp_path: Path, name: str, count: int) -> None:
    chosen = read_experiment(toml)
    settings = replace(
        chosen.learned[name], num_budgets=count, rounds=1, degradation_steps=0, utility_steps=1, budget_steps=1,
        suppress_steps=1, attack_steps=1, use_steps=1, final_steps=0, accumulate=1,
    )  # fmt: skip
    benchmark = _benchmark(replace(chosen, learned={name: settings}, two_fold=()), root, tmp_path)
    benchmark.learn([Instance(name, 0, 0)], lambda step: None)
    validation = _rounds(benchmark, name)[-1].validation
    assert len(validation.budget_accuracies) == len(set(validation.budget_losses)) == count


def test_a_restart_makes_new_attackers_and_leaves_the_rest() -> None:
    settings = Learning("entropy", utility="small_r3d", budgets=("small_bag",), num_budgets=2)
    parts = Parts(
        build_degradation("transformation", width=2, blocks=1), Seeing("small_r3d", 6, 32), settings, 3, 0,
        torch.device("cpu"), 32,
    )  # fmt: skip

    def weights(module: nn.Module) -> torch.Tensor:
        return nn.utils.parameters_to_vector(module.parameters()).detach().clone()

    first = [weights(budget) for budget in parts.budgets]
    assert not torch.equal(first[0], first[1])
    others = weights(parts.degradation), weights(parts.utility)
    parts.restart()
    assert not any(torch.equal(weights(budget), before) for budget, before in zip(parts.budgets, first, strict=True))
    assert torch.equal(weights(parts.degradation), others[0])
    assert torch.equal(weights(parts.utility), others[1])
    assert parts.budgets[0](torch.rand(2, 3, 1, 32, 32)).shape == (2, 3)  # as many as there are subjects


@pytest.mark.parametrize("learns", ["degradation", "utility", "budget"])
def test_only_what_learns_changes(learns: Any) -> None:
    """Also the statistics of batch norms, which are in evaluation mode wherever nothing is learned."""
    settings = Learning("grl", utility="small_r3d", budgets=("small_resnet",))
    parts = Parts(
        build_degradation("transformation", width=2, blocks=1), Seeing("small_r3d", 6, 32), settings, 3, 0,
        torch.device("cpu"), 32,
    )  # fmt: skip
    modules = {"degradation": parts.degradation, "utility": parts.utility, "budget": parts.budgets[0]}
    before = {name: {key: v.clone() for key, v in module.state_dict().items()} for name, module in modules.items()}
    frames = torch.rand(4, 3, 8, 32, 32, generator=torch.Generator().manual_seed(0))
    with parts.training(frozenset({learns})):
        shown = parts.degradation(frames)
        (parts.utility(shown).square().sum() + parts.budgets[0](shown).square().sum()).backward()
        parts.step(frozenset({learns}))
    for name, module in modules.items():
        same = all(torch.equal(value, before[name][key]) for key, value in module.state_dict().items())
        assert same == (name != learns), name
        assert not module.training


def test_no_clip_is_padded(root: Path, toml: Path, tmp_path: Path) -> None:
    """A clip shorter than what a network sees repeats frames of its own; no black frame is made up."""
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    _, network, _ = benchmark.evaluator.learner.utility(Instance("grl", 0, 0))
    network = replace(network, num_frames=24)
    for spread in (True, False):
        chosen = np.concatenate(
            [
                sampled_for_evaluation(8, network, spread, 3).ravel(),
                sampled_for_training(8, network, spread, np.random.default_rng(0)),
            ]
        )
        assert chosen.min() >= 0
        assert chosen.max() <= 7
    clips = TestClips(
        benchmark.dataset.split("action").test, ORIGINAL, benchmark.dataset.tasks["action"],
        replace(network, mean=(0.0,) * 3, deviation=(1.0,) * 3), Sampling(margin=0.0), benchmark.store,
    )  # fmt: skip
    frames = clips[0][0]
    assert float(frames.amax((1, 3, 4)).min()) > 0.1


def test_two_fold_rows(root: Path, toml: Path, tmp_path: Path) -> None:
    """Frozen obfuscators, unseen attackers; the action network of a learned one is that which was trained with it."""
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    plan = benchmark.plan()
    assert [each.name for each in plan.learned] == ["entropy"]
    guessed = estimate(benchmark)
    assert 0 < guessed.learned["entropy"] < 60
    assert any(line.startswith("learned obfuscators to train: 1, about") for line in guessed.lines())
    benchmark.run()
    assert benchmark.plan().evaluations == 0
    rows = [row for row in read_rows(benchmark.places.results) if row.protocol == "two_fold" and row.metric == "top1"]
    told = {(row.obfuscator, row.task, row.network): row for row in rows}
    assert set(told) == {
        (obfuscator, *rest)
        for obfuscator in ("entropy", "pixelate_16")
        for rest in (("action", "small_r3d"), ("identity", "mobilenet_v1_025"), ("identity", "small_resnet"))
    }
    own = told["entropy", "action", "small_r3d"]
    assert own.configuration["utility"] == "trained with the obfuscator"
    assert own.configuration["frames"] == [8, 1, 32]
    assert "utility" not in told["pixelate_16", "action", "small_r3d"].configuration
    before = benchmark.places.results.read_bytes()
    _benchmark(read_experiment(toml), root, tmp_path).run()
    assert benchmark.places.results.read_bytes() == before
    # Another seed of the obfuscator is another obfuscator.
    copies = {path.parent.name for path in (tmp_path / "work" / "obfuscated").rglob("*.mp4")}
    assert copies == {"entropy@0.0", "pixelate_16"}
    # Where only the rows were kept, nothing is learned again for them.
    shutil.rmtree(tmp_path / "work")
    assert _benchmark(read_experiment(toml), root, tmp_path).plan() == Plan((), (), 0)


def test_one_measurement_counts_under_two_protocols(root: Path, toml: Path, tmp_path: Path) -> None:
    """What was trained on X and judged on X is the same whoever asks. Frozen, it is another network."""
    chosen = read_experiment(toml)
    group = replace(chosen.two_fold[0], obfuscators=("pixelate_16", ORIGINAL), attackers=("small_bag",))
    experiment = replace(chosen, obfuscators=("pixelate_16",), retrained=("pixelate_16",), two_fold=(group,))
    benchmark = _benchmark(experiment, root, tmp_path)
    steps: list[Step] = []
    benchmark.run(steps.append)
    rows = [row for row in read_rows(benchmark.places.results) if row.metric == "loss"]
    for task in ("action", "identity"):
        values = {(row.obfuscator, row.protocol): row.value for row in rows if row.task == task}
        assert values["pixelate_16", "retrained"] == values["pixelate_16", "two_fold"]
        assert values["pixelate_16", "frozen"] != values["pixelate_16", "retrained"]
        assert len({values[ORIGINAL, protocol] for protocol in ("frozen", "retrained", "two_fold")}) == 1
    finished = {path.parent.name.split("-")[2] for path in (tmp_path / "work" / "trained").rglob("best.safetensors")}
    assert finished == {ORIGINAL, "pixelate_16"}
    judged = [step.detail for step in steps if "judged on pixelate_16" in step.detail]
    assert len(judged) == len(set(judged)) == 4


def test_nothing_that_attackers_are_tested_on_is_fought_on(root: Path, toml: Path, tmp_path: Path) -> None:
    """Clips of the actions may be tested by attackers; what makes f_b unsure never sees them."""
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    tested = {record.name for record in benchmark.dataset.split("identity").test}
    assert tested & {record.name for record in benchmark.dataset.split("action").train}
    fought: set[str] = set()
    settings = Learning("entropy", utility="small_r3d", budgets=("small_bag",), budget_frames=2, batch_size=6)
    with pytest.MonkeyPatch.context() as patch:
        asked: list[TrainingClips] = []
        original = TrainingClips.__getitem__

        def seen(self: TrainingClips, item: int) -> Any:
            if self.task.name == "identity":
                fought.add(self.records[item % len(self.records)].name)
            asked.append(self)
            return original(self, item)

        patch.setattr(TrainingClips, "__getitem__", seen)
        experiment = replace(read_experiment(toml), learned={"entropy": replace(settings, rounds=1, num_frames=8,
            degradation_steps=0, utility_steps=0, budget_steps=0, attack_steps=0, use_steps=0, suppress_steps=3,
            accumulate=1, degradation_options={"width": 2, "blocks": 1})}, two_fold=())  # fmt: skip
        _benchmark(experiment, root, tmp_path).learn([Instance("entropy", 0, 0)], lambda step: None)
    assert {clips.task.name for clips in asked} == {"action", "identity"}
    assert fought
    assert not fought & tested


@pytest.mark.parametrize("name", ["grl", "bdq", "elr"])
def test_the_tool_shows_what_was_trained(root: Path, toml: Path, tmp_path: Path, name: str) -> None:
    """Scale, whole frames and the frame before: f_d in training and the obfuscator make the same picture."""
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    instance = Instance(name, 0, 0)
    benchmark.learn([instance], lambda step: None)
    obfuscator = load_learned(benchmark.evaluator.learner.folder(instance) / "obfuscator.safetensors")
    record = benchmark.dataset.split("action").test[0]
    with open_source(root / record.source) as reader:
        clips = list(reader)
    shown = np.concatenate([clip.frames for clip in obfuscator.stream(clips)])
    _, network, sampling = benchmark.evaluator.learner.utility(instance)
    spec = as_pictures(replace(network, num_frames=8, frame_stride=1), 8, obfuscator.size)
    looks = TestClips(
        [record], ORIGINAL, benchmark.dataset.tasks["action"], spec, replace(sampling, margin=0.0, spread=False),
        benchmark.store, True,
    )  # fmt: skip
    frames = looks[0][0][0][None]
    with torch.no_grad():
        made = obfuscator.degradation(frames[:, :3], frames[:, 3:])[0].permute(1, 2, 3, 0)
    assert np.abs(shown.astype(int) - (made * 255).round().numpy().astype(int)).max() <= 1


def test_a_finished_obfuscator_is_an_obfuscator(root: Path, toml: Path, tmp_path: Path) -> None:
    """[trained] names files, wherever they come from."""
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    benchmark.learn([Instance("bdq", 0, 0)], lambda step: None)
    folder = benchmark.evaluator.learner.folder(Instance("bdq", 0, 0))
    text = f"""
dataset = "procedural"
obfuscators = ["mine"]
tasks.identity = ["small_bag"]
trained.mine = "{folder / "obfuscator.safetensors"}"
training.epochs = 1
sampling.size = 32
"""
    path = tmp_path / "trained.toml"
    path.write_text(text)
    other = _benchmark(read_experiment(path), root, tmp_path)
    other.run()
    assert {row.obfuscator for row in read_rows(other.places.results)} == {ORIGINAL, "mine"}
    path.write_text(text.replace("obfuscator.safetensors", "nothing.safetensors"))
    with pytest.raises(WeightsError, match="there is no file"):
        _benchmark(read_experiment(path), root, tmp_path)
    path.write_text(text.replace("mine", "secure"))
    with pytest.raises(OptionError, match="name of another"):
        read_experiment(path)


def test_learn_writes_files_that_obfuscate(root: Path, toml: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    args = ["learn", str(toml), "--root", str(root), "--work", str(tmp_path / "work"), "-o", str(out), "--threads", "1"]
    done = CliRunner().invoke(command, [*args, "--only", "bdq", "-q"], catch_exceptions=False)
    assert done.exit_code == 0
    obfuscator = load_learned(out / "bdq-0.safetensors", method="bdq")
    assert obfuscator.size == 32
    assert obfuscator.about["actions"] == "procedural"
    assert obfuscator.about["attribute"] == "procedural: identity"
    assert str(root) not in json.dumps(obfuscator.as_record())
    target = out / "bdq-0.safetensors"
    before = target.stat().st_mtime_ns
    again = CliRunner().invoke(command, [*args, "--only", "bdq", "-q"])
    assert (again.exit_code, target.stat().st_mtime_ns) == (0, before)  # the same file stays
    told = CliRunner().invoke(command, [*args, "--only", "bdq", "--only", "elr", "--dry-run"]).output
    assert "bdq-0: done" in told
    assert "elr-0: about" in told
    target.write_bytes(b"mine")
    assert "is another one" in str(CliRunner().invoke(command, [*args, "--only", "bdq", "-q"]).exception)
    (out / "elr-0.safetensors").write_bytes(b"mine")
    assert "name what is to be learned" in str(CliRunner().invoke(command, [*args, "--only", "elr"]).exception)
    assert target.read_bytes() == b"mine"
    assert "no learned gan" in str(CliRunner().invoke(command, [*args, "--only", "gan"]).exception)


def test_everything_is_refused_before_anything_is_trained(root: Path, toml: Path, tmp_path: Path) -> None:
    path = tmp_path / "crop.toml"
    path.write_text(TEXT.replace('fit = "squash"', 'fit = "crop"'))
    args = ["learn", str(path), "--root", str(root), "--work", str(tmp_path / "work"), "-o", str(tmp_path / "out")]
    assert "fit = 'squash'" in str(CliRunner().invoke(command, args).exception)
    assert not (tmp_path / "out").exists()
    (tmp_path / "file").write_text("mine")
    args = ["learn", str(toml), *args[2:-1], str(tmp_path / "file" / "x")]
    assert "is a file" in str(CliRunner().invoke(command, args).exception)
    assert not list(tmp_path.rglob("history.json"))


def test_another_training_in_the_same_folder_is_refused(root: Path, toml: Path, tmp_path: Path) -> None:
    benchmark = _benchmark(read_experiment(toml), root, tmp_path)
    benchmark.learn([Instance("elr", 0, 0)], lambda step: None)
    folder = benchmark.evaluator.learner.folder(Instance("elr", 0, 0))
    history = json.loads((folder / "history.json").read_text())
    (folder / "history.json").write_text(json.dumps({**history, "seed": 7}))
    with pytest.raises(OptionError, match="seed was 7, is 0"):
        benchmark.evaluator.learner.learn(Instance("elr", 0, 0))
    (folder / "history.json").write_text("{")
    with pytest.raises(WeightsError, match="damaged"):
        benchmark.evaluator.learner.learn(Instance("elr", 0, 0))


def test_what_cannot_be_learned_is_told(root: Path, toml: Path, tmp_path: Path) -> None:
    chosen = read_experiment(toml)
    odd = {"grl": replace(chosen.learned["grl"], attribute="gender")}
    benchmark = _benchmark(replace(chosen, learned={**chosen.learned, **odd}), root, tmp_path)
    with pytest.raises(OptionError, match="has identity"):
        benchmark.learn([Instance("grl", 0, 0)], lambda step: None)
    elsewhere = {"grl": replace(chosen.learned["grl"], attribute_dataset="vispr")}
    with pytest.raises(OptionError, match="--attribute-root"):
        _benchmark(replace(chosen, learned=elsewhere, two_fold=()), root, tmp_path)
