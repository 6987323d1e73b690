"""How long an experiment takes, from a little of it."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from motionveil_bench.clips.sampling import Sampling
from motionveil_bench.datasets.procedural import make
from motionveil_bench.models import Network
from motionveil_bench.protocols import estimating
from motionveil_bench.protocols.experiment import Experiment
from motionveil_bench.protocols.running import Benchmark, Places
from motionveil_bench.training import Training, make_fabric


def test_learning_and_judging_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make(tmp_path / "actors", num_subjects=3, num_clips=3, num_frames=2, size=32).root
    experiment = Experiment(
        "small", "procedural", {"identity": ("small_bag",)}, seeds=2,
        training=Training(epochs=7, batch_size=4), sampling=Sampling(samples=3, views=5, size=32),
    )  # fmt: skip
    benchmark = Benchmark(experiment, Places(root, None, tmp_path / "work", tmp_path / "rows.jsonl"), threads=1)
    monkeypatch.setattr(estimating, "_seconds_of_inputs", lambda *told: (2.0, 0.25))
    found = estimating.estimate(benchmark)
    splits = [benchmark.evaluator.split(run) for run in benchmark.runs]
    expected = sum(2.0 * 3 * len(split.train) + 0.25 * 5 * len(split.validation) for split in splits) * 7
    assert found.trainings == {"small_bag": pytest.approx(expected)}
    assert any("about" in line for line in found.lines())


@pytest.mark.parametrize("batch_size", [1, 64])
def test_two_inputs_are_enough_on_the_device_that_trains(batch_size: int) -> None:
    seen: list[tuple[int, str, bool]] = []

    class Watched(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3 * 8 * 8, 2)

        def forward(self, frames: Tensor) -> Tensor:
            seen.append((len(frames), frames.device.type, torch.is_grad_enabled()))
            logits: Tensor = self.layer(frames.flatten(1))
            return logits

    learned, judged = estimating._seconds_of_inputs(
        Watched(), Network(lambda n: nn.Flatten(), "frame", 8), Training(batch_size=batch_size)
    )
    assert 0 < judged < 1
    assert 0 < learned < 1
    device = make_fabric().device.type
    assert seen == [(min(2, batch_size), device, learns) for learns in (True, True, False, False)]


def test_missing_weights_are_told_and_all_else_is_estimated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIONVEIL_WEIGHTS", str(tmp_path / "none"))
    root = make(tmp_path / "actors", num_subjects=3, num_clips=3, num_frames=2, size=32).root
    experiment = Experiment("small", "procedural", {"action": ("small_bag",)}, obfuscators=("paper", "iid_noise"))
    benchmark = Benchmark(experiment, Places(root, None, tmp_path / "work", tmp_path / "rows.jsonl"), threads=1)
    monkeypatch.setattr(estimating, "_seconds_of_inputs", lambda *told: (2.0, 0.25))
    found = estimating.estimate(benchmark)
    assert list(found.copies) == ["iid_noise"]
    assert "motionveil weights fetch dino_vits8" in found.untimed["paper"]
    assert any("not timed" in line for line in found.lines())
