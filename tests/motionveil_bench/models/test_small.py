from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from motionveil_bench.models import NETWORKS
from motionveil_bench.models.network import Network
from motionveil_bench.models.small import SmallBagNet

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL = [name for name in NETWORKS if name.startswith("small_")]


def _inputs(network: Network, count: int, size: int) -> torch.Tensor:
    channels = 6 if network.flow else 3
    shape = (network.num_frames, size, size) if network.level == "clip" else (size, size)
    return torch.randn(count, channels, *shape)


@pytest.mark.parametrize("name", SMALL)
def test_it_learns_eight_samples(name: str) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]
    module = network.build(4)
    inputs, labels = _inputs(network, 8, 32), torch.arange(8) % 4
    optimizer = torch.optim.AdamW(module.parameters(), 2e-3)
    for _ in range(10):
        optimizer.zero_grad()
        functional.cross_entropy(module(inputs), labels).backward()
        optimizer.step()
    assert (module(inputs).argmax(1) == labels).all()


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("size", [64, 80, 112])
def test_it_takes_other_sizes(name: str, size: int) -> None:
    network = NETWORKS[name]
    module = network.build(3).eval()
    with torch.no_grad():
        logits = module(_inputs(network, 2, size))
    assert logits.shape == (2, 3)
    assert logits.std() > 0


def test_a_bag_of_features_does_not_see_the_layout() -> None:
    """Moving a whole number of its strides leaves the logits as they were, but for what enters at the border."""
    module = NETWORKS["small_bag"].build(5).eval()
    frame = torch.zeros(1, 3, 99, 99)
    frame[..., 40:52, 40:52] = torch.randn(12, 12)
    with torch.no_grad():
        torch.testing.assert_close(module(frame), module(frame.roll((8, -12), (2, 3))))


def test_a_bag_of_features_sees_patches_of_27_pixels() -> None:
    module = SmallBagNet(2).eval()
    assert module.features(torch.randn(1, 3, 27, 27)).shape[2:] == (1, 1)
    with pytest.raises(RuntimeError):
        module.features(torch.randn(1, 3, 26, 26))


def test_two_streams_see_colour_and_flow() -> None:
    module = NETWORKS["small_two_stream"].build(3).eval()
    clip = torch.randn(1, 6, 16, 48, 48)
    with torch.no_grad():
        whole = module(clip)
        for part in (slice(0, 3), slice(3, 6)):
            other = clip.clone()
            other[:, part] = torch.randn(1, 3, 16, 48, 48)
            assert not torch.allclose(module(other), whole)
