"""The benchmark's networks against PyTorchVideo, torchvision and a published C3D, and weights from files."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from motionveil._core.errors import OptionError, WeightsError
from motionveil_bench.models import NETWORKS, build_network, get_network, load_weights
from motionveil_bench.models.mvit import MultiscaleTransformer
from motionveil_bench.models.vit2d import VisionTransformer

from ...golden.make_video_networks import CASES, Shape, parameters, read_golden
from ...golden.random_networks import random_input, random_state

pytestmark = pytest.mark.usefixtures("one_torch_thread")

PUBLISHED = [name for name in NETWORKS if name in CASES]
TOLERANCE = 1e-4
"""Of the standard deviation of the logits."""


@pytest.fixture(scope="module")
def golden() -> dict[str, Any]:
    return read_golden()


def network(name: str, num_classes: int, shape: Shape) -> nn.Module:
    """With random weights, for inputs of this shape."""
    module: nn.Module
    if name.startswith("vit"):
        module = VisionTransformer(num_classes, int(name[-2:]), size=shape[-1]).eval()
    elif name.startswith("mvit"):
        module = MultiscaleTransformer(num_classes, num_frames=shape[2], size=shape[-1]).eval()
    else:
        module = build_network(name, num_classes).eval()
    module.load_state_dict(random_state({key: value.shape for key, value in module.state_dict().items()}))
    return module


def assert_equal(name: str, shape: Shape, expected: torch.Tensor) -> None:
    with torch.inference_mode():
        logits = network(name, expected.shape[1], shape)(random_input(*shape))
    assert logits.shape == expected.shape
    assert (logits - expected).abs().max() <= TOLERANCE * expected.std()


@pytest.mark.parametrize("name", PUBLISHED)
def test_parameters_have_the_published_names_and_shapes(name: str, golden: dict[str, Any]) -> None:
    with torch.device("meta"):
        module = build_network(name, golden[f"{name}/small"].shape[1])
    assert parameters(module).split("\n") == golden[f"{name}/parameters"].split("\n")


@pytest.mark.parametrize("name", PUBLISHED)
def test_equals_the_reference(name: str, golden: dict[str, Any]) -> None:
    assert_equal(name, CASES[name].small, golden[f"{name}/small"])


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in PUBLISHED if CASES[name].small != CASES[name].published])
def test_equals_the_reference_at_the_published_size(name: str, golden: dict[str, Any]) -> None:
    assert_equal(name, CASES[name].published, golden[f"{name}/published"])


@pytest.mark.parametrize("name", NETWORKS)
def test_only_the_head_depends_on_the_classes(name: str) -> None:
    with torch.device("meta"):
        five, seven = (build_network(name, classes).state_dict() for classes in (5, 7))
    assert five.keys() == seven.keys()
    differ = {key for key in five if five[key].shape != seven[key].shape}
    assert differ == {key for key in five if key.startswith(get_network(name).head)}


@pytest.mark.parametrize(
    "name",
    [
        "c2d_r50",
        "slowfast_r50",
        "csn_r101",
        "r2plus1d_r50",
        "x3d_s",
        "e2s_x3d_s",
        "mvit_base_16x4",
        "resnet18",
        "vit_b_32",
    ],
)
def test_every_parameter_learns(name: str) -> None:
    line = get_network(name)
    shape = (2, 6 if line.flow else 3, 10, 48, 48) if line.level == "clip" else (2, 3, 48, 48)
    module = build_network(name, 3).train()
    logits = module(random_input(*shape))
    assert logits.shape == (2, 3)
    nn.functional.cross_entropy(logits, torch.tensor([0, 2])).backward()
    assert [key for key, value in module.named_parameters() if value.grad is None] == []


def test_a_fresh_network_keeps_its_input_in_range() -> None:
    module = build_network("c3d", 4).eval()
    spec = get_network("c3d")
    with torch.inference_mode():
        pixels = (random_input(1, 3, 16, 64, 64) + 2) / 4
        mean, deviation = (torch.tensor(values).view(3, 1, 1, 1) for values in (spec.mean, spec.deviation))
        logits = module((pixels - mean) / deviation)
    assert logits.shape == (1, 4)
    assert torch.isfinite(logits).all()


def test_networks_by_name() -> None:
    with pytest.raises(OptionError, match="no network 'vgg'; choose from small_r3d, "):
        get_network("vgg")
    with pytest.raises(OptionError, match="no network 'vgg'"):
        build_network("vgg", 2)
    sampled = {name: (line.num_frames, line.frame_stride, line.size) for name, line in NETWORKS.items()}
    expected = {
        "c2d_r50": (8, 8, 224),
        "csn_r101": (32, 2, 224),
        "i3d_r50": (8, 8, 224),
        "r2plus1d_r50": (16, 4, 224),
        "slow_r50": (8, 8, 224),
        "slowfast_r50": (32, 2, 224),
        "x3d_s": (13, 6, 182),
        "x3d_m": (16, 5, 224),
        "x3d_l": (16, 5, 312),
        "e2s_x3d_s": (13, 6, 182),
        "e2s_x3d_m": (16, 5, 224),
        "e2s_x3d_l": (16, 5, 312),
        "mvit_base_16x4": (16, 4, 224),
        "c3d": (16, 1, 112),
        "resnet18": (1, 1, 224),
    }
    assert {name: sampled[name] for name in expected} == expected


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """ResNet-18's, for ImageNet."""
    with torch.device("meta"):
        shapes = {key: value.shape for key, value in build_network("resnet18", 1000).state_dict().items()}
    return random_state(shapes)


def test_weights_load(state: dict[str, torch.Tensor], tmp_path: Path, golden: dict[str, Any]) -> None:
    # As PyTorchVideo wraps them, and without the counters, as torchvision's older files are.
    kept = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    torch.save({"model_state": kept, "epoch": 3}, tmp_path / "weights.pyth")
    module = build_network("resnet18", 1000, checkpoint=tmp_path / "weights.pyth").eval()
    with torch.inference_mode():
        logits = module(random_input(*CASES["resnet18"].small))
    assert torch.allclose(logits, golden["resnet18/small"], atol=1e-4)


def test_other_classes_leave_the_head_random(
    state: dict[str, torch.Tensor], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save(state, tmp_path / "weights.pth")
    module = build_network("resnet18", 6)
    head = module.state_dict()["fc.weight"].clone()
    with caplog.at_level(logging.INFO, "motionveil"):
        load_weights(module, tmp_path / "weights.pth", get_network("resnet18"))
    assert caplog.messages == [
        f"{tmp_path / 'weights.pth'} was trained for other classes: the last layer starts from random weights"
    ]
    loaded = module.state_dict()
    assert torch.equal(loaded["fc.weight"], head)
    assert all(torch.equal(loaded[key], value) for key, value in state.items() if not key.startswith("fc."))


def test_weights_of_another_network_are_refused(state: dict[str, torch.Tensor], tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(state, path)
    with pytest.raises(WeightsError, match=r"another network \(it lacks .* and \d+ more; .*such as https://"):
        build_network("resnet50", 1000, checkpoint=path)

    def refusal() -> str:
        torch.save(changed, path)
        module = build_network("resnet18", 1000)
        before = module.state_dict()["bn1.weight"].clone()
        with pytest.raises(WeightsError, match="another network") as caught:
            load_weights(module, path, get_network("resnet18"))
        assert torch.equal(module.state_dict()["bn1.weight"], before)
        return str(caught.value)

    changed = {key: value for key, value in state.items() if key != "conv1.weight"}
    assert "(it lacks conv1.weight)" in refusal()
    changed = state | {"fc.scale": torch.ones(1)}
    assert "(it has fc.scale)" in refusal()
    changed = state | {"conv1.weight": torch.ones(64, 1, 7, 7)}
    assert "(other shapes have conv1.weight (64x1x7x7 for 64x3x7x7))" in refusal()
    changed = {key: value for key, value in state.items() if not key.startswith("fc.")}
    assert "(it lacks fc.bias, fc.weight)" in refusal()
    changed = state | {"fc.weight": torch.ones(1000, 2048)}
    assert "other shapes have fc.weight" in refusal()
