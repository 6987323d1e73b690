"""How a network says what it wants to see."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import nn

KINETICS = ((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
"""Mean and standard deviation of what pretrained networks were shown, RGB in [0, 1]."""


@dataclass(frozen=True)
class Network:
    """One line of the table of networks.

    build: makes the module for a number of classes, with random weights. A clip network takes
    (N, C, num_frames, size, size), a frame network (N, C, size, size), both float32, normalised by `mean` and
    `deviation`; C is 3 (RGB), and with `flow` 6 (RGB, then the flow to the next frame in Middlebury colours). Both give
    logits (N, num_classes).
    num_frames x frame_stride, size: how it samples time and space, as published (f x r).
    views: how many samples of a test clip have their logits averaged.
    head: prefixes of the state dict that depend on the number of classes, left out where a checkpoint has others.
    streams: prefixes of the parts that each start from the same checkpoint, one of a single stream.
    ignored: prefixes of what a checkpoint may hold beside the network, such as heads that only training needed.
    pretrained: what the published weights are called and where they come from, for a person to fetch; empty if none.
    """

    build: Callable[[int], nn.Module]
    level: Literal["frame", "clip"]
    size: int
    num_frames: int = 1
    frame_stride: int = 1
    views: int = 1
    flow: bool = False
    mean: tuple[float, float, float] = KINETICS[0]
    deviation: tuple[float, float, float] = KINETICS[1]
    head: tuple[str, ...] = ()
    streams: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    pretrained: str = ""
