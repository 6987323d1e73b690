"""The numbers that tell one RAFT from another (Appendix A of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STRIDE = 8
"""Pixels of an image to one cell of its features."""
LEVELS = 4
"""Scales at which images are compared."""


@dataclass(frozen=True)
class Architecture:
    """Channels, unless said otherwise."""

    bottleneck: bool
    """Whether the encoders' blocks are bottlenecks."""
    stages: tuple[int, int, int]
    """Of the encoders at strides 2, 4 and 8."""
    matching: int
    hidden: int
    context: int
    context_norm: bool
    """Whether the context encoder has batch norm."""
    radius: int
    """Reach of a look-up of similarities, in cells of each level."""
    similarities: tuple[int, ...]
    """Of the convolutions of the similarities, one after another."""
    flow: tuple[int, int]
    """Of the convolutions of the flow so far, one after another."""
    motion: int
    """Of what the motion encoder makes of both."""
    kernels: Mapping[str, tuple[int, int]]
    """Kernel (height, width) of every recurrent unit, by the suffix of its name."""
    flow_head: int
    learned_upsampling: bool


ARCHITECTURES = {
    "small": Architecture(
        bottleneck=True,
        stages=(32, 64, 96),
        matching=128,
        hidden=96,
        context=64,
        context_norm=False,
        radius=3,
        similarities=(96,),
        flow=(64, 32),
        motion=82,
        kernels={"": (3, 3)},
        flow_head=128,
        learned_upsampling=False,
    ),
    "large": Architecture(
        bottleneck=False,
        stages=(64, 96, 128),
        matching=256,
        hidden=128,
        context=128,
        context_norm=True,
        radius=4,
        similarities=(256, 192),
        flow=(128, 64),
        motion=128,
        kernels={"1": (1, 5), "2": (5, 1)},
        flow_head=256,
        learned_upsampling=True,
    ),
}
