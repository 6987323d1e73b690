"""What the published networks do beyond the published input: other sizes, and two streams at once."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional

from motionveil._core.errors import WeightsError
from motionveil_bench.models import build_network, get_network, load_weights
from motionveil_bench.models.mvit import MultiscaleTransformer
from motionveil_bench.models.vit2d import VisionTransformer
from motionveil_bench.models.x3d import E2S, ProjectedPool, X3DHead, x3d

from ...golden.random_networks import random_input, random_state

X3D_S = partial(x3d, num_frames=13, size=160, depth=2.2)
pytestmark = pytest.mark.usefixtures("one_torch_thread")


def with_random_weights(module: nn.Module) -> nn.Module:
    module.load_state_dict(random_state({key: value.shape for key, value in module.state_dict().items()}))
    return module.eval()


def test_the_flow_comes_last_in_the_clip_and_first_in_the_head() -> None:
    module = E2S(3, X3D_S)
    with_random_weights(module)
    clip = torch.cat([random_input(1, 3, 4, 64, 64), random_input(1, 3, 4, 64, 64).flip(4)], 1)
    with torch.inference_mode():
        module.head.bias.zero_()
        module.head.weight.copy_(torch.cat([torch.eye(3), torch.zeros(3, 3)], 1))
        assert torch.allclose(module(clip), module.flowstream(clip[:, 3:]))
        module.head.weight.copy_(torch.cat([torch.zeros(3, 3), torch.eye(3)], 1))
        assert torch.allclose(module(clip), module.rgbstream(clip[:, :3]))
        assert not torch.allclose(module.rgbstream(clip[:, :3]), module.flowstream(clip[:, 3:]))


@pytest.mark.parametrize("num_classes", [5, 7])
def test_weights_of_one_stream_fill_both(num_classes: int, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    single = with_random_weights(X3D_S(5)).state_dict()
    torch.save({"model_state": single}, tmp_path / "x3d.pyth")
    line = get_network("e2s_x3d_s")
    module = line.build(num_classes)
    head = module.state_dict()["head.weight"].clone()
    with caplog.at_level("INFO", "motionveil"):
        load_weights(module, tmp_path / "x3d.pyth", line)
    assert caplog.messages[0].endswith("was trained for one stream: the last layer starts from random weights")
    loaded = module.state_dict()
    for stream in line.streams:
        assert all(torch.equal(loaded[stream + k], v) for k, v in single.items() if not k.startswith("blocks.5.proj."))
    assert torch.equal(loaded["head.weight"], head)


def test_weights_of_two_streams_load_whole_and_of_another_network_not(tmp_path: Path) -> None:
    line = get_network("e2s_x3d_s")
    both = with_random_weights(line.build(5)).state_dict()
    torch.save({"state_dict": both}, tmp_path / "e2s.pt")
    module = build_network("e2s_x3d_s", 5, checkpoint=tmp_path / "e2s.pt")
    assert all(torch.equal(value, both[key]) for key, value in module.state_dict().items())
    torch.save(with_random_weights(get_network("resnet18").build(5)).state_dict(), tmp_path / "resnet.pt")
    with pytest.raises(WeightsError, match="another network"):
        build_network("e2s_x3d_s", 5, checkpoint=tmp_path / "resnet.pt")


def test_x3d_judges_every_window_of_a_larger_clip() -> None:
    """At 182 pixels X3D-S has features of 6x6, and pools them in windows of 5x5, those that it was trained on."""
    head = X3DHead(3, (13, 5, 5), dropout=0.5)
    with_random_weights(head)
    features = torch.randn(1, 192, 13, 6, 6)
    with torch.inference_mode():
        windows = [head(features[..., y : y + 5, x : x + 5]) for y in (0, 1) for x in (0, 1)]
        torch.testing.assert_close(head(features), torch.stack(windows).mean(0))


def test_x3d_pools_a_smaller_clip_whole() -> None:
    pool = ProjectedPool(4, 6, 8, (13, 5, 5)).eval()
    assert pool(torch.randn(2, 4, 5, 2, 3)).shape == (2, 8, 1, 1, 1)


def test_vit_interpolates_its_positions() -> None:
    module = VisionTransformer(3, 16, size=64, channels=32, heads=2, depth=1)
    with_random_weights(module)
    frames = random_input(1, 3, 64, 96)
    with torch.inference_mode():
        wide = module(frames)
        # The same positions, interpolated beforehand, fit without interpolation.
        square = module.encoder.pos_embedding[:, 1:].transpose(1, 2).unflatten(2, (4, 4))
        resized = functional.interpolate(square, (4, 6), mode="bicubic", align_corners=False)
        positions = torch.cat([module.encoder.pos_embedding[:, :1], resized.flatten(2).transpose(1, 2)], 1)
        tokens = torch.cat([module.class_token, module.conv_proj(frames).flatten(2).transpose(1, 2)], 1)
        expected = module.heads(module.encoder.ln(module.encoder.layers(tokens + positions))[:, 0])
    torch.testing.assert_close(wide, expected)


@pytest.mark.parametrize("shape", [(8, 64, 64), (6, 64, 64), (8, 96, 64), (7, 50, 70)])
def test_mvit_takes_other_sizes(shape: tuple[int, int, int]) -> None:
    module = with_random_weights(MultiscaleTransformer(3, num_frames=8, size=64))
    with torch.inference_mode():
        assert torch.isfinite(module(random_input(1, 3, *shape))).all()
