"""Networks that recognise actions and people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch import nn

from motionveil._core.errors import OptionError
from motionveil.models.weights import WEIGHTS, find_weights

from .c3d import C3D
from .hub import HUB, hub_network
from .inception import InceptionV1, InceptionV2
from .mobilenet import MobileNetV1
from .mvit import MultiscaleTransformer
from .network import IMAGENET, KINETICS, Network, freeze_trunk, load_weights
from .resnet2d import BasicBlock, Bottleneck, ResNet2D, ResNetV2
from .resnet3d import Stem, TimeThenSpace, channelwise, resnet3d
from .slowfast import slowfast_r50
from .small import SmallBagNet, SmallClipNetwork, SmallResNet, SmallTwoStream, conv2plus1d, conv3d
from .vit2d import VisionTransformer
from .x3d import E2S, x3d

__all__ = [
    "ATTACKERS",
    "IMAGENET",
    "KINETICS",
    "NETWORKS",
    "Network",
    "build_network",
    "freeze_trunk",
    "get_network",
    "load_weights",
    "published_weights",
]


def _kinetics(
    build: Callable[[int], nn.Module], num_frames: int, frame_stride: int, size: int, head: str, file: str = ""
) -> Network:
    """A network for clips with weights for Kinetics-400 in PyTorchVideo's model zoo."""
    source = f"https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics/{file}" if file else ""
    return Network(build, "clip", size, num_frames, frame_stride, head=(head,), pretrained=source)


def _two_streams(
    build: Callable[[int], nn.Module], num_frames: int, frame_stride: int, size: int, file: str
) -> Network:
    """A network for RGB and flow, each of whose streams starts from the same weights for Kinetics-400."""
    one = _kinetics(partial(E2S, stream=build), num_frames, frame_stride, size, "blocks.5.proj.", file)
    streams = ("rgbstream.", "flowstream.")
    return replace(one, flow=True, streams=streams, head=("head.", *(stream + one.head[0] for stream in streams)))


def _imagenet(build: Callable[[int], nn.Module], head: str, file: str = "") -> Network:
    """A network for frames of ImageNet-1k's size; `file`: its weights in torchvision's collection, if there are any."""
    mean, deviation = IMAGENET
    source = f"https://download.pytorch.org/models/{file}" if file else ""
    return Network(build, "frame", 224, views=32, mean=mean, deviation=deviation, head=(head,), pretrained=source)


_resnet50 = partial(ResNet2D, block=Bottleneck, depths=(3, 4, 6, 3), width=256)
_resnet101 = partial(ResNet2D, block=Bottleneck, depths=(3, 4, 23, 3), width=256)
_x3d_s = partial(x3d, num_frames=13, size=160, depth=2.2)
_x3d_m = partial(x3d, num_frames=16, size=224, depth=2.2)
_x3d_l = partial(x3d, num_frames=16, size=312, depth=5.0)


def _c2d(num_classes: int) -> nn.Module:
    """C2D: an image network whose features are pooled along time (Wang et al., Non-local Networks, CVPR 2018)."""
    return resnet3d(num_classes, Stem(64, 1), halve_time=True)


def _i3d(num_classes: int) -> nn.Module:
    """I3D (Carreira and Zisserman, CVPR 2017) as a ResNet-50 (Wang et al., Non-local Networks, CVPR 2018)."""
    return resnet3d(num_classes, Stem(64, 5), frames=((3,), (3, 1), (3, 1), (1, 3)), halve_time=True)


def _slow(num_classes: int) -> nn.Module:
    """The slow pathway alone (Feichtenhofer et al., SlowFast Networks, ICCV 2019)."""
    return resnet3d(num_classes, Stem(64, 1), frames=((1,), (1,), (3,), (3,)))


def _csn(num_classes: int) -> nn.Module:
    """ir-CSN: channel-separated convolutions (Tran et al., ICCV 2019)."""
    strides = ((1, 1, 1), (2, 2, 2), (2, 2, 2), (2, 2, 2))
    return resnet3d(num_classes, Stem(64, 3), depth=101, strides=strides, conv_b=channelwise, dropout=0.0)


def _r2plus1d(num_classes: int) -> nn.Module:
    """R(2+1)D: convolutions along time and space apart (Tran et al., CVPR 2018), in bottlenecks."""
    strides = ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2))
    return resnet3d(num_classes, Stem(64, 1, pool=False), strides=strides, conv_b=TimeThenSpace)


NETWORKS: dict[str, Network] = {
    "small_r3d": Network(partial(SmallClipNetwork, convolution=conv3d), "clip", 80, 16, head=("head.",)),
    "small_r2plus1d": Network(partial(SmallClipNetwork, convolution=conv2plus1d), "clip", 80, 16, head=("head.",)),
    "small_two_stream": Network(SmallTwoStream, "clip", 80, 16, flow=True, head=("heads.", "fuse.")),
    "small_resnet": Network(SmallResNet, "frame", 96, views=16, head=("head.",)),
    "small_bag": Network(SmallBagNet, "frame", 96, views=16, head=("head.",)),
    "c2d_r50": _kinetics(_c2d, 8, 8, 224, "blocks.6.proj.", "C2D_8x8_R50.pyth"),
    "i3d_r50": _kinetics(_i3d, 8, 8, 224, "blocks.6.proj.", "I3D_8x8_R50.pyth"),
    "slow_r50": _kinetics(_slow, 8, 8, 224, "blocks.5.proj.", "SLOW_8x8_R50.pyth"),
    "slowfast_r50": _kinetics(slowfast_r50, 32, 2, 224, "blocks.6.proj.", "SLOWFAST_8x8_R50.pyth"),
    "csn_r101": _kinetics(_csn, 32, 2, 224, "blocks.5.proj.", "CSN_32x2_R101.pyth"),
    "r2plus1d_r50": _kinetics(_r2plus1d, 16, 4, 224, "blocks.5.proj.", "R2PLUS1D_16x4_R50.pyth"),
    "x3d_s": _kinetics(_x3d_s, 13, 6, 182, "blocks.5.proj.", "X3D_S.pyth"),
    "x3d_m": _kinetics(_x3d_m, 16, 5, 224, "blocks.5.proj.", "X3D_M.pyth"),
    "x3d_l": _kinetics(_x3d_l, 16, 5, 312, "blocks.5.proj.", "X3D_L.pyth"),
    "e2s_x3d_s": _two_streams(_x3d_s, 13, 6, 182, "X3D_S.pyth"),
    "e2s_x3d_m": _two_streams(_x3d_m, 16, 5, 224, "X3D_M.pyth"),
    "e2s_x3d_l": _two_streams(_x3d_l, 16, 5, 312, "X3D_L.pyth"),
    "mvit_base_16x4": _kinetics(
        partial(MultiscaleTransformer, num_frames=16, size=224), 16, 4, 224, "head.proj.", "MVIT_B_16x4.pyth"
    ),
    "c3d": Network(
        C3D,
        "clip",
        112,
        16,
        head=("fc8.",),
        pretrained="http://imagelab.ing.unimore.it/files/c3d_pytorch/c3d.pickle",
        # RGB in [0, 255] without the mean of Sports-1M's colours, rounded.
        mean=(102 / 255, 98 / 255, 90 / 255),
        deviation=(1 / 255, 1 / 255, 1 / 255),
    ),
    "resnet18": _imagenet(
        partial(ResNet2D, block=BasicBlock, depths=(2, 2, 2, 2), width=64), "fc.", "resnet18-f37072fd.pth"
    ),
    "resnet50": _imagenet(_resnet50, "fc.", "resnet50-0676ba61.pth"),
    "resnet101": _imagenet(_resnet101, "fc.", "resnet101-63fe2227.pth"),
    "vit_b_16": _imagenet(partial(VisionTransformer, patch=16), "heads.head.", "vit_b_16-c867db91.pth"),
    "vit_b_32": _imagenet(partial(VisionTransformer, patch=32), "heads.head.", "vit_b_32-d86f8d99.pth"),
    # Its weights come from TensorFlow, and were shown pixels in [-1, 1].
    "inception_v1": replace(
        _imagenet(InceptionV1, "fc.", "googlenet-1378be20.pth"),
        mean=(0.5, 0.5, 0.5),
        deviation=(0.5, 0.5, 0.5),
        ignored=("aux1.", "aux2."),
    ),
    "inception_v2": _imagenet(InceptionV2, "fc."),
    # The same as resnet50 and resnet101, under the names that go with v2.
    "resnet_v1_50": _imagenet(_resnet50, "fc.", "resnet50-0676ba61.pth"),
    "resnet_v1_101": _imagenet(_resnet101, "fc.", "resnet101-63fe2227.pth"),
    "resnet_v2_50": _imagenet(partial(ResNetV2, depths=(3, 4, 6, 3)), "fc."),
    "resnet_v2_101": _imagenet(partial(ResNetV2, depths=(3, 4, 23, 3)), "fc."),
    "mobilenet_v1_100": _imagenet(MobileNetV1, "fc."),
    "mobilenet_v1_075": _imagenet(partial(MobileNetV1, width=0.75), "fc."),
    "mobilenet_v1_060": _imagenet(partial(MobileNetV1, width=0.6), "fc."),
    "mobilenet_v1_050": _imagenet(partial(MobileNetV1, width=0.5), "fc."),
    "mobilenet_v1_025": _imagenet(partial(MobileNetV1, width=0.25), "fc."),
}
"""Every network by name. Published ones are sampled as in the benchmark of Ilic et al. (CVPR 2024).

A network for frames judges a clip by the mean of its logits over `views` frames.
"""

ATTACKERS = (
    "inception_v1",
    "inception_v2",
    "resnet_v1_50",
    "resnet_v1_101",
    "resnet_v2_50",
    "resnet_v2_101",
    "mobilenet_v1_100",
    "mobilenet_v1_075",
    "mobilenet_v1_050",
    "mobilenet_v1_025",
)
"""The ten networks for frames of the two-fold evaluation of Wu et al. (ECCV 2018; TPAMI 2020).

An obfuscation that was learnt against one network, there `mobilenet_v1_060`, is judged by the best of these, none of
which it has seen.
"""


def get_network(name: str) -> Network:
    """The line of the table, or what `hub_network` finds for a name that begins with 'hub:'.

    Raises OptionError with the names there are, WeightsError or DependencyError for a network of the hub.
    """
    if name.startswith(HUB):
        return hub_network(name)
    try:
        return NETWORKS[name]
    except KeyError:
        raise OptionError(f"no network {name!r}; choose from {', '.join(NETWORKS)}, or hub:FOLDER") from None


def published_weights(name: str) -> Path | None:
    """The file of published weights of a network in the weights folder, verified; None where none are published.

    Raises WeightsError where they are not there.
    """
    url = "" if name.startswith(HUB) else get_network(name).pretrained
    found = [weights.name for weights in WEIGHTS.values() if weights.url == url]
    return find_weights(found[0]) if found else None


def build_network(name: str, num_classes: int, *, checkpoint: str | Path | None = None) -> nn.Module:
    """A network by name, with random weights, or with those of a checkpoint (`load_weights`).

    Raises OptionError for a name that is not there, WeightsError for a checkpoint that does not fit.
    """
    network = get_network(name)
    module = network.build(num_classes)
    if checkpoint is not None:
        load_weights(module, checkpoint, network)
    return module
