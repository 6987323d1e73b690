"""Settings that make sense, and batches that come out even."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from motionveil._core.errors import OptionError
from motionveil_bench.training import Training, make_fabric, predict
from motionveil_bench.training.loading import plan

from .tiny import Tiny, Views


def test_a_record_holds_what_the_result_depends_on() -> None:
    settings = Training(epochs=5, workers=3)
    assert settings.as_record() == Training(epochs=5).as_record() != Training().as_record()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("epochs", 0), ("epochs", 2.5), ("patience", True), ("learning_rate", 0), ("learning_rate", "high"),
        ("learning_rate", float("nan")), ("weight_decay", -1), ("label_smoothing", 1), ("precision", "8"),
        ("schedule", "step"), ("clip_gradients", -1), ("workers", -1),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(name: str, value: object) -> None:
    with pytest.raises(OptionError, match=name):
        dataclasses.replace(Training(), **{name: value})  # type: ignore[arg-type]


def test_the_learning_rate_rises_and_falls() -> None:
    settings = Training(epochs=12, warmup_epochs=2, learning_rate=1, schedule="cosine")
    rates = [settings.learning_rate_at(epoch) for epoch in (0, 1, 2, 7, 12)]
    assert rates == pytest.approx([0, 0.5, 1, 0.5, 0])
    constant = dataclasses.replace(settings, schedule="constant")
    assert constant.learning_rate_at(1) == 0.5
    assert constant.learning_rate_at(11) == 1


def test_devices_that_are_not_there_are_told() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(OptionError, match="no training on 1 of 'cuda'"):
        make_fabric(accelerator="cuda")


@given(st.integers(1, 80), st.integers(1, 9), st.integers(1, 3), st.integers(1, 3))
def test_every_clip_comes_once_in_even_batches(num: int, batch_size: int, per_device: int, devices: int) -> None:
    smallest = min(2, batch_size)
    if devices > 1 and num < smallest * devices:
        with pytest.raises(OptionError):
            plan(num, batch_size, per_device * devices, devices, 0, 0)
        return
    steps = plan(num, batch_size, per_device * devices, devices, 0, 0)
    assert sorted(index for step in steps for batch in step for index in batch) == list(range(num))
    sizes = [len(batch) for step in steps for batch in step]
    assert min(sizes) >= min(smallest, num)
    assert all(len(step) % devices == 0 for step in steps)
    if batch_size >= 3 * devices:
        assert max(sizes) <= batch_size
    assert plan(num, batch_size, per_device * devices, devices, 0, 0) == steps


def test_the_order_changes_from_epoch_to_epoch() -> None:
    orders = [plan(50, 50, 1, 1, seed, epoch)[0][0] for seed in (0, 1) for epoch in (0, 1)]
    assert len({tuple(order) for order in orders}) == 4


class Uneven(Views):
    """Clips of one, two or three views."""

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int | torch.Tensor]:
        views, target = super().__getitem__(index)
        return views[: 1 + index % 3], target


def test_a_prediction_is_the_mean_over_the_views() -> None:
    network = Tiny().eval()
    with torch.inference_mode():
        expected = np.stack([network(Uneven(7)[index][0]).mean(0).numpy() for index in range(7)])
    for batch_size in (1, 2, 5, 100):
        found = predict(network, Uneven(7), batch_size=batch_size)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_the_network_never_sees_more_views_at_once_than_it_may() -> None:
    class Counting(nn.Module):
        seen: tuple[int, ...] = ()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            self.seen = (*self.seen, len(x))
            return torch.zeros(len(x), 2)

    network = Counting()
    predict(network, Views(3), batch_size=4)
    assert network.seen == (4, 4, 1)
