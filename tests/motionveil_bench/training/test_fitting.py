"""A training learns, stops, goes on, and repeats itself."""

from __future__ import annotations

import dataclasses
import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from motionveil._core.errors import OptionError, WeightsError
from motionveil_bench.models import Network, freeze_trunk
from motionveil_bench.training import Progress, fit, is_finished, load_best, make_fabric, predict
from motionveil_bench.training.settings import Precision

from .tiny import SETTINGS, Clips, Tiny, Views, names, same


def stop_at(epoch: int, step: int = 1):  # type: ignore[no-untyped-def]
    def on_progress(progress: Progress) -> None:
        if (progress.epoch, progress.step) == (epoch, step):
            raise KeyboardInterrupt

    return on_progress


def test_it_learns_and_keeps_the_best(tmp_path: Path) -> None:
    network = Tiny()
    fitted = fit(network, Clips(20), Views(11), SETTINGS, tmp_path, seed=0)
    assert [epoch.epoch for epoch in fitted.history] == list(range(6))
    assert fitted.history[-1].train_loss < fitted.history[0].train_loss
    assert names(tmp_path) == {"best.safetensors", "history.json"}
    logits = predict(network, Views(11))
    loss = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.arange(11) % 2)
    assert float(loss) == pytest.approx(fitted.best.validation_loss, rel=1e-5)
    assert fitted.best.validation_loss == min(epoch.validation_loss for epoch in fitted.history)
    assert fitted.best.validation_accuracy > 0.9
    assert not network.training


@pytest.mark.parametrize("stop", [(0, 1), (1, 0), (3, 2), (5, 1)])
def test_an_interrupted_training_ends_with_the_same_weights(tmp_path: Path, stop: tuple[int, int]) -> None:
    settings = dataclasses.replace(SETTINGS, warmup_epochs=2, schedule="cosine", clip_gradients=1.0, accumulate=2)
    whole, halved = Tiny(), Tiny()
    expected = fit(whole, Clips(21), Views(7), settings, tmp_path / "whole", seed=3)
    with pytest.raises(KeyboardInterrupt):
        fit(halved, Clips(21), Views(7), settings, tmp_path / "halved", seed=3, on_progress=stop_at(*stop))
    assert "best.safetensors" not in names(tmp_path / "halved") if (tmp_path / "halved").is_dir() else True
    (tmp_path / "halved").mkdir(exist_ok=True)
    (tmp_path / "halved" / ".last.ckpt.part-0123").write_bytes(b"half of it")
    torch.rand(5)
    halved = Tiny()
    fitted = fit(halved, Clips(21), Views(7), settings, tmp_path / "halved", seed=3)
    assert same(whole, halved)
    assert names(tmp_path / "halved") == {"best.safetensors", "history.json"}
    assert [e.validation_loss for e in fitted.history] == [e.validation_loss for e in expected.history]
    assert [e.train_loss for e in fitted.history] == [e.train_loss for e in expected.history]


def test_a_finished_training_is_not_repeated(tmp_path: Path) -> None:
    first, second = Tiny(), Tiny(seed=9)
    fitted = fit(first, Clips(8), Views(4), SETTINGS, tmp_path, seed=0)
    again = fit(second, Clips(8), Views(4), SETTINGS, tmp_path, seed=0, on_progress=stop_at(0, 0))
    assert again == fitted
    assert same(first, second)


def test_a_training_that_was_stopped_while_it_finished_finishes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from motionveil_bench.training import history

    def write_file(path: Path, data: bytes) -> None:
        if path.name == "history.json":
            raise KeyboardInterrupt
        path.write_bytes(data)

    whole, network = Tiny(), Tiny()
    fit(whole, Clips(8), Views(4), SETTINGS, tmp_path / "whole", seed=0)
    monkeypatch.setattr(history, "write_file", write_file)
    with pytest.raises(KeyboardInterrupt):
        fit(network, Clips(8), Views(4), SETTINGS, tmp_path / "part", seed=0)
    monkeypatch.undo()
    network = Tiny(seed=5)
    fit(network, Clips(8), Views(4), SETTINGS, tmp_path / "part", seed=0, on_progress=stop_at(0, 0))
    assert same(whole, network)
    assert names(tmp_path / "part") == {"best.safetensors", "history.json"}


@pytest.mark.slow  # loader processes beside all that the other tests have loaded crashed once: run it by itself
def test_nothing_depends_on_loader_processes_or_on_the_random_numbers_of_others(tmp_path: Path) -> None:
    settings = dataclasses.replace(SETTINGS, epochs=2)
    alone, helped = Tiny(), Tiny()
    torch.manual_seed(7)
    before = torch.get_rng_state()
    fit(alone, Clips(9), Views(4), settings, tmp_path / "0", seed=0)
    assert torch.equal(torch.get_rng_state(), before)
    torch.rand(3)
    np.random.default_rng().random()
    fit(helped, Clips(9), Views(4), dataclasses.replace(settings, workers=2), tmp_path / "2", seed=0)
    assert same(alone, helped)


def test_seeds_matter(tmp_path: Path) -> None:
    networks = [Tiny(), Tiny()]
    for seed, network in enumerate(networks):
        fit(network, Clips(9), Views(4), SETTINGS, tmp_path / str(seed), seed=seed)
    assert not same(*networks)


def test_patience_ends_it(tmp_path: Path) -> None:
    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(x), 2) * self.weight

    settings = dataclasses.replace(SETTINGS, epochs=50, patience=3)
    fitted = fit(Flat(), Clips(8), Views(4), settings, tmp_path, seed=0)
    assert [epoch.epoch for epoch in fitted.history] == [0, 1, 2, 3]
    assert fitted.best.epoch == 0


def test_accumulated_batches_are_one_large_batch(tmp_path: Path) -> None:
    large, small = (Tiny(norm=False, dropout=0) for _ in range(2))
    fit(large, Clips(22), Views(4), dataclasses.replace(SETTINGS, batch_size=8), tmp_path / "8", seed=0)
    settings = dataclasses.replace(SETTINGS, batch_size=2, accumulate=4)
    fit(small, Clips(22), Views(4), settings, tmp_path / "2", seed=0)
    for a, b in zip(large.state_dict().values(), small.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)


def test_several_labels_at_once(tmp_path: Path) -> None:
    network = Tiny(3)
    clips, views = Clips(16, num_classes=3, multilabel=True), Views(8, num_classes=3, multilabel=True)
    settings = dataclasses.replace(SETTINGS, epochs=25, label_smoothing=0.05)
    fitted = fit(network, clips, views, settings, tmp_path, seed=0, multilabel=True)
    assert fitted.best.validation_accuracy > 0.9
    assert predict(network, views).shape == (8, 3)


def test_frozen_weights_stay(tmp_path: Path) -> None:
    network = Tiny()
    network.conv.requires_grad_(False)
    before = network.conv.weight.clone()
    fit(network, Clips(8), Views(4), SETTINGS, tmp_path, seed=0)
    assert torch.equal(network.conv.weight, before)


def test_a_frozen_trunk_stays_to_what_its_batch_norm_has_counted(tmp_path: Path) -> None:
    network = Tiny()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    freeze_trunk(network, Network(Tiny, "frame", 6, head=("linear.",)))
    fit(network, Clips(8), Views(4), SETTINGS, tmp_path, seed=0)
    changed = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"linear.weight", "linear.bias"}
    with pytest.raises(OptionError, match="set train = 'all'"):
        freeze_trunk(network, Network(Tiny, "frame", 6))
    assert "train" not in SETTINGS.as_record()
    assert dataclasses.replace(SETTINGS, train="head").as_record()["train"] == "head"


@pytest.mark.parametrize("num", [1, 5])
def test_a_single_clip_left_over_does_not_crash_batch_norm(tmp_path: Path, num: int) -> None:
    class Norm(Tiny):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(self.norm(self.conv(x).mean((2, 3), keepdim=True)).flatten(1))

    batch_size = 4 if num > 1 else 1
    settings = dataclasses.replace(SETTINGS, epochs=1, batch_size=batch_size)
    network = Norm() if num > 1 else Tiny()
    fit(network, Clips(num), Views(2), settings, tmp_path, seed=0)


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[Progress] = []
    fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0, on_progress=told.append)
    assert [(progress.epoch, progress.step) for progress in told] == [(e, s) for e in range(6) for s in range(3)]
    assert math.isinf(told[0].seconds_left)
    assert told[0].steps == 2
    assert 0 < told[-2].seconds_left < 5
    assert told[-1].seconds_left == 0
    assert math.isfinite(told[-1].validation_loss)


def test_another_training_in_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0, on_progress=stop_at(2))
    with pytest.raises(OptionError, match=r"another training \(batch_size was 4, is 2\)"):
        fit(Tiny(), Clips(8), Views(4), dataclasses.replace(SETTINGS, batch_size=2), tmp_path, seed=0)
    with pytest.raises(OptionError, match="network was"):
        fit(Tiny(3), Clips(8), Views(4), SETTINGS, tmp_path, seed=0)
    fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0)
    with pytest.raises(OptionError, match="seed was 0, is 1"):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=1)


def test_damaged_files_are_told(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0, on_progress=stop_at(2))
    (tmp_path / "last.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(WeightsError, match=r"last\.ckpt is damaged"):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0)
    (tmp_path / "last.ckpt").unlink()
    assert not is_finished(tmp_path)
    with pytest.raises(WeightsError, match="is missing"):
        load_best(Tiny(), tmp_path)
    fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0)
    assert is_finished(tmp_path)
    with pytest.raises(WeightsError, match="of another network"):
        load_best(Tiny(3), tmp_path)
    (tmp_path / "history.json").write_text("{")
    with pytest.raises(WeightsError, match=r"history\.json is damaged"):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0)


def test_a_loss_that_is_no_number_stops_it(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="lower learning_rate"):
        fit(Tiny(), Clips(8), Views(4), dataclasses.replace(SETTINGS, learning_rate=1e30), tmp_path, seed=0)
    assert "best.safetensors" not in (names(tmp_path) if tmp_path.is_dir() else set())


def test_half_precision_needs_a_device_for_it(tmp_path: Path) -> None:
    fabric = make_fabric("bf16-mixed", accelerator="cpu")
    settings = dataclasses.replace(SETTINGS, precision="bf16-mixed")
    fitted = fit(Tiny(), Clips(20), Views(8), settings, tmp_path / "bf16", seed=0, fabric=fabric)
    assert fitted.best.validation_accuracy > 0.8
    with pytest.raises(OptionError, match="give the same to both"):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path / "32", seed=0, fabric=fabric)


def test_curves_are_drawn_where_tensorboard_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    with pytest.raises(KeyboardInterrupt):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path / "with", seed=0, on_progress=stop_at(3))
    fitted = fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path / "with", seed=0)
    events = reader.EventAccumulator(str(tmp_path / "with" / "tensorboard")).Reload()
    curve = {event.step: event.value for event in events.Scalars("validation_loss")}
    assert curve == pytest.approx({epoch.epoch: epoch.validation_loss for epoch in fitted.history}, rel=1e-5)
    assert {event.value for event in events.Scalars("validation_top5")} == {1.0}
    assert {"validation_confusion", "clips"} <= set(events.Tags()["images"])

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path / "without", seed=0)
    assert {path.name for path in (tmp_path / "without").iterdir()} == {"best.safetensors", "history.json"}


def test_a_checkpoint_goes_on_from_the_middle(tmp_path: Path) -> None:
    told: list[Progress] = []
    with pytest.raises(KeyboardInterrupt):
        fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0, on_progress=stop_at(3))
    fit(Tiny(), Clips(8), Views(4), SETTINGS, tmp_path, seed=0, on_progress=told.append)
    assert 1 <= told[0].epoch <= 3
    assert math.isfinite(told[0].validation_loss)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("precision", ["32-true", "bf16-mixed", "16-mixed"])
def test_it_learns_on_a_gpu(tmp_path: Path, precision: Precision) -> None:
    settings = dataclasses.replace(SETTINGS, precision=precision, clip_gradients=1.0, accumulate=2, workers=1)
    before = torch.cuda.get_rng_state()
    with pytest.raises(KeyboardInterrupt):
        fit(Tiny(), Clips(20), Views(8), settings, tmp_path, seed=0, on_progress=stop_at(4))
    fitted = fit(Tiny(), Clips(20), Views(8), settings, tmp_path, seed=0)
    assert torch.equal(torch.cuda.get_rng_state(), before)
    assert fitted.best.validation_accuracy > 0.8
