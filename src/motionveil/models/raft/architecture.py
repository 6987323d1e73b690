"""The configurations of RAFT (Appendix A of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

STRIDE = 8
"""Stride of the features, in pixels."""
LEVELS = 4
"""Number of correlation levels."""


@dataclass(frozen=True)
class Architecture:
    """The configuration of one size; numbers are channels unless noted otherwise."""

    bottleneck: bool
    """Whether the encoders use bottleneck blocks."""
    stages: tuple[int, int, int]
    """Of the encoders at strides 2, 4 and 8."""
    matching: int
    hidden: int
    context: int
    context_norm: bool
    """Whether the context encoder uses batch normalisation."""
    radius: int
    """Radius of the correlation look-up, in cells of each level."""
    similarities: tuple[int, ...]
    """Of the convolutions on correlations, in order."""
    flow: tuple[int, int]
    """Of the convolutions on the current flow, in order."""
    motion: int
    """Output of the motion encoder."""
    kernels: Mapping[str, tuple[int, int]]
    """Kernel (height, width) of each recurrent unit, by the suffix of its name."""
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
