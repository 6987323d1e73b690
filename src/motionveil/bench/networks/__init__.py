"""Networks that recognise actions and people."""

from __future__ import annotations

from .network import IMAGENET, KINETICS, Network
from .small import SmallBagNet, SmallResNet, SmallTwoStream, small_r2plus1d, small_r3d

__all__ = ["IMAGENET", "KINETICS", "NETWORKS", "Network"]

NETWORKS: dict[str, Network] = {
    "small_r3d": Network(small_r3d, "clip", 80, 16, head=("head.",)),
    "small_r2plus1d": Network(small_r2plus1d, "clip", 80, 16, head=("head.",)),
    "small_two_stream": Network(SmallTwoStream, "clip", 80, 16, flow=True, head=("heads.", "fuse.")),
    "small_resnet": Network(SmallResNet, "frame", 96, views=16, head=("head.",)),
    "small_bag": Network(SmallBagNet, "frame", 96, views=16, head=("head.",)),
}
"""Name -> network."""
