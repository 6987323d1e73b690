"""Networks that recognise actions and people."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from ...errors import OptionError
from .c3d import C3D_NETWORK
from .checkpoint import load_weights
from .network import IMAGENET, KINETICS, Network
from .resnet2d import resnet18, resnet50, resnet101
from .resnet3d import c2d_r50, csn_r101, i3d_r50, r2plus1d_r50, slow_r50
from .slowfast import slowfast_r50
from .small import SmallBagNet, SmallResNet, SmallTwoStream, small_r2plus1d, small_r3d

__all__ = ["IMAGENET", "KINETICS", "NETWORKS", "Network", "build_network", "get_network", "load_weights"]


def _kinetics(
    build: Callable[[int], nn.Module], num_frames: int, frame_stride: int, size: int, head: str, file: str = ""
) -> Network:
    """A network for clips with weights for Kinetics-400 in PyTorchVideo's model zoo."""
    source = f"https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/{file}" if file else ""
    return Network(build, "clip", size, num_frames, frame_stride, head=(head,), pretrained=source)


def _imagenet(build: Callable[[int], nn.Module], head: str, file: str) -> Network:
    """A network for frames with weights for ImageNet-1k in torchvision's collection."""
    mean, deviation = IMAGENET
    source = f"https://download.pytorch.org/models/{file}"
    return Network(build, "frame", 224, views=32, mean=mean, deviation=deviation, head=(head,), pretrained=source)


NETWORKS: dict[str, Network] = {
    "small_r3d": Network(small_r3d, "clip", 80, 16, head=("head.",)),
    "small_r2plus1d": Network(small_r2plus1d, "clip", 80, 16, head=("head.",)),
    "small_two_stream": Network(SmallTwoStream, "clip", 80, 16, flow=True, head=("heads.", "fuse.")),
    "small_resnet": Network(SmallResNet, "frame", 96, views=16, head=("head.",)),
    "small_bag": Network(SmallBagNet, "frame", 96, views=16, head=("head.",)),
    "c2d_r50": _kinetics(c2d_r50, 8, 8, 224, "blocks.6.proj.", "C2D_8x8_R50.pyth"),
    "i3d_r50": _kinetics(i3d_r50, 8, 8, 224, "blocks.6.proj.", "I3D_8x8_R50.pyth"),
    "slow_r50": _kinetics(slow_r50, 8, 8, 224, "blocks.5.proj.", "SLOW_8x8_R50.pyth"),
    "slowfast_r50": _kinetics(slowfast_r50, 32, 2, 224, "blocks.6.proj.", "SLOWFAST_8x8_R50.pyth"),
    "csn_r101": _kinetics(csn_r101, 32, 2, 224, "blocks.5.proj.", "CSN_32x2_R101.pyth"),
    "r2plus1d_r50": _kinetics(r2plus1d_r50, 16, 4, 224, "blocks.5.proj.", "R2PLUS1D_16x4_R50.pyth"),
    "c3d": C3D_NETWORK,
    "resnet18": _imagenet(resnet18, "fc.", "resnet18-f37072fd.pth"),
    "resnet50": _imagenet(resnet50, "fc.", "resnet50-0676ba61.pth"),
    "resnet101": _imagenet(resnet101, "fc.", "resnet101-63fe2227.pth"),
}
"""Every network by name. Published ones are sampled as in the benchmark of Ilic et al. (CVPR 2024).

A network for frames judges a clip by the mean of its logits over `views` frames.
"""


def get_network(name: str) -> Network:
    """The line of the table. Raises OptionError with the names there are."""
    try:
        return NETWORKS[name]
    except KeyError:
        raise OptionError(f"no network {name!r}; choose from {', '.join(NETWORKS)}") from None


def build_network(name: str, num_classes: int, *, checkpoint: str | Path | None = None) -> nn.Module:
    """A network by name, with random weights, or with those of a checkpoint (`load_weights`).

    Raises OptionError for a name that is not there, WeightsError for a checkpoint that does not fit.
    """
    network = get_network(name)
    module = network.build(num_classes)
    if checkpoint is not None:
        load_weights(module, checkpoint, network)
    return module
