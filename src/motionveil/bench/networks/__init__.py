"""Networks that recognise actions and people."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from ...errors import OptionError
from .c3d import c3d
from .checkpoint import load_weights
from .network import IMAGENET, Network
from .resnet2d import resnet18, resnet50, resnet101
from .resnet3d import c2d_r50, csn_r101, i3d_r50, r2plus1d_r50, slow_r50
from .slowfast import slowfast_r50

__all__ = ["NETWORKS", "Network", "build_network", "get_network", "load_weights"]

_KINETICS = "https://dl.fbaipublicfiles.com/pytorchvideo/model_zoo/kinetics"
_TORCHVISION = "https://download.pytorch.org/models"
_SPORTS1M = "http://imagelab.ing.unimore.it/files/c3d_pytorch/c3d.pickle"
_SPORTS1M_RANGE = {"mean": (0.4, 0.384, 0.353), "deviation": (1 / 255, 1 / 255, 1 / 255)}
_FRAME = {"views": 32, "mean": IMAGENET[0], "deviation": IMAGENET[1]}

# fmt: off
NETWORKS: dict[str, Network] = {
    "c2d_r50": Network(c2d_r50, "clip", 224, 8, 8, head=("blocks.6.proj.",), pretrained=f"{_KINETICS}/C2D_8x8_R50.pyth"),
}
# fmt: on
"""Every network by name, sampled as published: frames x stride, crop (Ilic et al., CVPR 2024; C3D: Tran et al., ICCV 2015).

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
