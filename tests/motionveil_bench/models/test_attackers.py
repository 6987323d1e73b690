"""The ten attackers of the two-fold evaluation against published counts, and what they have to be attackers."""

from __future__ import annotations

import logging
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import nn

from motionveil._core.errors import WeightsError
from motionveil_bench.models import ATTACKERS, IMAGENET, NETWORKS, build_network, get_network, load_weights
from motionveil_bench.models.inception import InceptionV1, InceptionV2
from motionveil_bench.models.mobilenet import MobileNetV1
from motionveil_bench.models.resnet2d import PreActivation

from ...golden.random_networks import random_input, random_state

pytestmark = pytest.mark.usefixtures("one_torch_thread")

ALL = (*ATTACKERS, "mobilenet_v1_060")
TOLERANCE = 1e-4
"""Of the standard deviation of the logits."""


def with_random_weights(module: nn.Module) -> nn.Module:
    module.load_state_dict(random_state({key: value.shape for key, value in module.state_dict().items()}))
    return module


@pytest.fixture(scope="module", params=ALL)
def module(request: pytest.FixtureRequest) -> nn.Module:
    """For five classes, in eval mode; each is built once, and gone before the next."""
    return with_random_weights(build_network(request.param, 5)).eval()


def shapes(name: str) -> nn.Module:
    """The network for ImageNet, without its weights."""
    with torch.device("meta"):
        return build_network(name, 1000)


def count(module: nn.Module) -> int:
    return sum(value.numel() for value in module.parameters())


def test_ten_different_networks_for_frames() -> None:
    assert ATTACKERS == (
        "inception_v1", "inception_v2", "resnet_v1_50", "resnet_v1_101", "resnet_v2_50", "resnet_v2_101",
        "mobilenet_v1_100", "mobilenet_v1_075", "mobilenet_v1_050", "mobilenet_v1_025",
    )  # fmt: skip
    for name in ALL:
        line = NETWORKS[name]
        assert (line.level, line.size, line.views, line.head) == ("frame", 224, 32, ("fc.",))
    signatures = {tuple((key, tuple(value.shape)) for key, value in shapes(name).state_dict().items()) for name in ALL}
    assert len(signatures) == len(ALL)


def mobilenet_parameters(width: float) -> int:
    """Per layer 3x3 for each channel, 1x1 between them, and a scale and a shift for each of either's outputs."""
    full = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]
    widths = [int(channels * width) for channels in full]
    stem = 27 * widths[0] + 2 * widths[0]
    layers = sum(9 * a + 2 * a + a * b + 2 * b for a, b in pairwise(widths))
    return stem + layers + 1000 * (widths[-1] + 1)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        # torchvision: googlenet without its auxiliary heads, resnet50, resnet101.
        ("inception_v1", 6_624_904),
        ("resnet_v1_50", 25_557_032),
        ("resnet_v1_101", 44_549_160),
        # What Keras calls the trainable ones of ResNet50V2, ResNet101V2.
        ("resnet_v2_50", 25_568_360),
        ("resnet_v2_101", 44_577_896),
        # Keras and Gluon, which agree.
        ("mobilenet_v1_100", 4_231_976),
        ("mobilenet_v1_075", 2_585_560),
        ("mobilenet_v1_050", 1_331_592),
        ("mobilenet_v1_025", 470_072),
        # Nobody publishes this width: by the arithmetic that gives the four above.
        ("mobilenet_v1_060", mobilenet_parameters(0.6)),
    ],
)
def test_as_many_parameters_as_published(name: str, expected: int) -> None:
    assert count(shapes(name)) == expected
    if name.startswith("mobilenet"):
        assert mobilenet_parameters(int(name[-3:]) / 100) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("inception_v1", 5_607_184), ("inception_v2", 10_173_112), ("mobilenet_v1_100", 3_217_920)],
)
def test_as_many_parameters_as_slim(name: str, expected: int) -> None:
    """Its own tests count all but the last layer; each normalised channel has a shift, a mean and a variance.

    We count a scale and a shift: a mean less.
    """
    module = shapes(name)
    means = sum(value.numel() for key, value in module.named_buffers() if key.endswith("running_mean"))
    assert count(module) - count(module.get_submodule("fc")) + means == expected


def test_features_have_the_published_sizes() -> None:
    """At 224 pixels, as TF-slim's tests have them."""
    found: list[tuple[int, ...]] = []

    def note(_: nn.Module, __: object, output: torch.Tensor) -> None:
        found.append(tuple(output.shape[1:]))

    with torch.device("meta"):
        first, second, mobile = InceptionV1(3), InceptionV2(3), MobileNetV1(3)
        for blocks in (
            [part for key, part in first.named_children() if key.startswith("inception")],
            list(second.blocks),
            [mobile.blocks],
        ):
            for block in blocks:
                block.register_forward_hook(note)
        for module in (first, second, mobile):
            module(torch.empty(1, 3, 224, 224))
    assert found == [
        *((256, 28, 28), (480, 28, 28), (512, 14, 14), (512, 14, 14), (512, 14, 14), (528, 14, 14), (832, 14, 14)),
        *((832, 7, 7), (1024, 7, 7)),
        *((256, 28, 28), (320, 28, 28), *[(576, 14, 14)] * 5, *[(1024, 7, 7)] * 3),
        (1024, 7, 7),
    ]


@pytest.mark.parametrize("size", [48, 96])
def test_it_takes_other_sizes(module: nn.Module, size: int) -> None:
    with torch.inference_mode():
        logits = module(random_input(2, 3, size, size))
    assert logits.shape == (2, 5)
    assert torch.isfinite(logits).all()
    assert not torch.allclose(logits[0], logits[1])


def test_what_else_is_in_the_batch_does_not_matter(module: nn.Module) -> None:
    frame, other = random_input(1, 3, 48, 48), 3 * random_input(1, 3, 48, 48).flip(3)
    before = {key: value.clone() for key, value in module.named_buffers()}
    with torch.inference_mode():
        alone, beside = module(frame), module(torch.cat([frame, other]))[:1]
    assert (alone - beside).abs().max() <= TOLERANCE * alone.std()
    assert all(torch.equal(value, before[key]) for key, value in module.named_buffers())


def test_the_gradient_reaches_the_input(module: nn.Module) -> None:
    """An obfuscation learns through its attacker."""
    frames = random_input(1, 3, 48, 48).requires_grad_()
    nn.functional.cross_entropy(module(frames), torch.tensor([2])).backward()
    module.zero_grad(set_to_none=True)
    assert frames.grad is not None
    assert torch.isfinite(frames.grad).all()
    # Every colour matters, in every corner.
    for corner in (frames.grad[..., :16, :16], frames.grad[..., -16:, -16:]):
        assert (corner.abs().amax((0, 2, 3)) > 0).all()


@pytest.mark.parametrize("name", ["inception_v1", "inception_v2", "resnet_v2_50", "mobilenet_v1_025"])
def test_every_parameter_learns(name: str) -> None:
    torch.manual_seed(0)
    module = build_network(name, 3).train()
    nn.functional.cross_entropy(module(random_input(2, 3, 48, 48)), torch.tensor([0, 2])).backward()
    assert [key for key, value in module.named_parameters() if value.grad is None] == []


def test_an_untrained_layer_of_mobilenet_keeps_the_scale() -> None:
    """Weights of a depthwise convolution that counted all channels would make it a hundredth."""
    torch.manual_seed(0)
    depthwise = MobileNetV1(3).get_submodule("blocks.12.0.0")
    with torch.inference_mode():
        assert 0.5 < depthwise(torch.randn(1, 1024, 8, 8).relu())[..., 1:-1, 1:-1].square().mean() < 2


def test_mobilenet_cuts_off_at_six() -> None:
    module = MobileNetV1(3, 0.25).eval()
    with torch.inference_mode():
        found = module.stem(1000 * random_input(1, 3, 48, 48))
    assert (found.amin(), found.amax()) == (0, 6)


def test_means_leave_out_what_lies_beyond_the_border() -> None:
    module = InceptionV2(3)
    pool = module.get_submodule("blocks.0.branches.3.0")
    assert torch.equal(pool(torch.ones(1, 1, 3, 3)), torch.ones(1, 1, 3, 3))
    # The last block has maxima, as TF-slim has it.
    assert isinstance(module.get_submodule("blocks.9.branches.3.0"), nn.MaxPool2d)


@pytest.mark.parametrize("stride", [1, 2])
def test_pre_activation_leaves_the_shortcut_as_it_is(stride: int) -> None:
    """A block whose branch gives nothing gives its input, negative numbers too, where v1 would cut them off."""
    block = PreActivation(16, 16, stride).eval()
    nn.init.zeros_(block.conv3.weight)
    assert block.conv3.bias is not None
    nn.init.zeros_(block.conv3.bias)
    inputs = torch.randn(2, 16, 9, 9)
    with torch.inference_mode():
        assert torch.equal(block(inputs), inputs[:, :, ::stride, ::stride])


@pytest.mark.parametrize("depth", [50, 101])
def test_v1_is_the_network_of_torchvision(depth: int) -> None:
    assert NETWORKS[f"resnet_v1_{depth}"] == NETWORKS[f"resnet{depth}"]


def test_pixels_of_inception_v1_are_shown_as_torchvision_shows_them() -> None:
    """Its `transform_input` takes pixels that were normalised for ImageNet, and makes them those of TensorFlow."""
    line = get_network("inception_v1")
    pixels = torch.rand(3, 4)
    theirs = []
    for channel, mean, deviation in zip(pixels, *IMAGENET, strict=True):
        theirs.append((channel - mean) / deviation * (deviation / 0.5) + (mean - 0.5) / 0.5)
    ours = (pixels - torch.tensor(line.mean)[:, None]) / torch.tensor(line.deviation)[:, None]
    torch.testing.assert_close(ours, torch.stack(theirs))


@pytest.mark.parametrize("num_classes", [5, 7])
def test_auxiliary_heads_in_a_file_are_ignored(
    num_classes: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As torchvision's published file has them."""
    state = with_random_weights(build_network("inception_v1", 5)).state_dict()
    heads = {
        f"{head}.{key}": value
        for head, channels in (("aux1", 512), ("aux2", 528))
        for key, value in random_state({"conv.conv.weight": (128, channels, 1, 1), "fc2.bias": (5,)}).items()
    }
    path = tmp_path / "googlenet.pth"
    torch.save(state | heads, path)
    with caplog.at_level(logging.INFO, "motionveil"):
        loaded = build_network("inception_v1", num_classes, checkpoint=path).state_dict()
    assert [message.split(": ")[1] for message in caplog.messages] == (
        [] if num_classes == 5 else ["the last layer starts from random weights"]
    )
    assert all(
        torch.equal(loaded[key], value) for key, value in state.items() if num_classes == 5 or not key.startswith("fc.")
    )
    line = replace(get_network("inception_v1"), ignored=("aux1.",))
    with pytest.raises(WeightsError, match=r"it has aux2\.conv\.conv\.weight, aux2\.fc2\.bias\)"):
        load_weights(line.build(5), path, line)
