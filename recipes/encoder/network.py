"""The embedded encoder: a small residual network with top-down fusion to stride 4 (torch; used for training only)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

STRIDE = 4
MULTIPLE = 32
"""Height and width of the input must be multiples of this (the deepest stride)."""


def convolution(inputs: int, outputs: int, *, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., 2016)."""

    def __init__(self, inputs: int, outputs: int, *, stride: int = 1) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, stride, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.second(self.first(x)) + self.shortcut(x))


class Encoder(nn.Module):
    """Dense unit-norm descriptors of the parts of people.

    Input (N, 3, H, W) float RGB in [0, 255], H and W multiples of 32.
    Output (N, dimension, H/4, W/4) float32, L2 norm 1 along axis 1.
    Dense 3x3 convolutions with batch norm were chosen over depthwise ones because they train several times
    faster per step on a CPU, and batch norm folds away at inference.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self,
        channels: tuple[int, ...] = (32, 64, 128, 256),
        blocks: tuple[int, ...] = (2, 2, 2, 2),
        fusion: int = 64,
        dimension: int = 64,
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor([123.675, 116.28, 103.53]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor([58.395, 57.12, 57.375]).view(1, 3, 1, 1), persistent=False)
        self.stem = nn.Sequential(convolution(3, 24, stride=2), convolution(24, channels[0], stride=2))
        stages: list[nn.Module] = []
        inputs = channels[0]
        for level, (outputs, count) in enumerate(zip(channels, blocks, strict=True)):
            stage = [ResidualBlock(inputs, outputs, stride=2 if level else 1)]
            stage += [ResidualBlock(outputs, outputs) for _ in range(count - 1)]
            stages.append(nn.Sequential(*stage))
            inputs = outputs
        self.stages = nn.ModuleList(stages)
        self.lateral = nn.ModuleList([nn.Conv2d(width, fusion, 1) for width in channels])
        self.context = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels[-1], fusion, 1))
        self.fuse = nn.ModuleList([convolution(fusion, fusion) for _ in channels[:-1]])
        self.head = nn.Conv2d(fusion, dimension, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem((x - self.mean) / self.std)
        features = []
        for stage in self.stages:
            x = stage(x)
            features.append(x)
        # The average over the frame tells a face close-up from a street scene.
        x = self.lateral[-1](features[-1]) + self.context(features[-1])
        for level in range(len(self.fuse) - 1, -1, -1):
            x = functional.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = self.fuse[level](self.lateral[level](features[level]) + x)
        return functional.normalize(self.head(x).float(), dim=1)


class Prototypes(nn.Module):
    """One learned unit vector per attribute: the templates that ship with the encoder."""

    def __init__(self, count: int, dimension: int = 64) -> None:
        super().__init__()
        start = torch.empty(count, dimension)
        nn.init.orthogonal_(start)
        self.weight = nn.Parameter(start)

    def unit(self) -> Tensor:
        """(count, dimension) float32, L2 norm 1 per row."""
        return functional.normalize(self.weight.float(), dim=1)

    def forward(self, descriptors: Tensor) -> Tensor:
        """Cosines (N, count, h, w) of (N, dimension, h, w) unit descriptors."""
        return torch.einsum("ndhw,kd->nkhw", descriptors, self.unit())
