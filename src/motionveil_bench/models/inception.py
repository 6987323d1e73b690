"""Inception networks for frames, with batch normalisation.

v1 is GoogLeNet (Szegedy et al., CVPR 2015), without its auxiliary heads. Names and shapes of the parameters are those
of torchvision's `googlenet`, so that its published weights load. v2 is BN-Inception (Ioffe and Szegedy, ICML 2015), as
`inception_v2` of TF-slim has it. Both end in the mean over all places, and take any size from 32 pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

_EPSILON = 0.001
"""Of batch normalisation, in both collections; torch's own is a hundredth of it."""

# By name, channels -> 1x1; 1x1 and 3x3; 1x1 and "5x5"; 1x1 of the pool.
_V1_BLOCKS: dict[str, tuple[int, ...]] = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}

# channels -> 1x1; 1x1 and 3x3; 1x1 and twice 3x3; 1x1 of the pool. 0 for both ends: of half the size.
_V2_BLOCKS: tuple[tuple[int, int, tuple[int, int], tuple[int, int], int], ...] = (
    (192, 64, (64, 64), (64, 96), 32),
    (256, 64, (64, 96), (64, 96), 64),
    (320, 0, (128, 160), (64, 96), 0),
    (576, 224, (64, 96), (96, 128), 128),
    (576, 192, (96, 128), (96, 128), 128),
    (576, 160, (128, 160), (128, 160), 96),
    (576, 96, (128, 192), (160, 192), 96),
    (576, 0, (128, 192), (192, 256), 0),
    (1024, 352, (192, 320), (160, 224), 128),
    (1024, 352, (192, 320), (192, 224), 128),
)


class Convolution(nn.Module):
    """A convolution that keeps the size but for the stride, batch normalisation, and a rectifier."""

    def __init__(self, channels: int, width: int, size: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, width, size, stride, size // 2, bias=False)
        self.bn = nn.BatchNorm2d(width, eps=_EPSILON)

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.relu(self.bn(self.conv(inputs)))


class BlockV1(nn.Module):
    """Four branches side by side, 1x1, 3x3, the paper's 5x5, and a pool: (N, C, H, W) -> (N, widths, H, W)."""

    def __init__(
        self, channels: int, single: int, reduced3: int, width3: int, reduced5: int, width5: int, pooled: int
    ) -> None:
        super().__init__()
        self.branch1 = Convolution(channels, single, 1)
        self.branch2 = nn.Sequential(Convolution(channels, reduced3, 1), Convolution(reduced3, width3, 3))
        # The published weights, of TF-slim and so of torchvision, have 3x3 in the place of 5x5.
        self.branch3 = nn.Sequential(Convolution(channels, reduced5, 1), Convolution(reduced5, width5, 3))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1), Convolution(channels, pooled, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([branch(inputs) for branch in (self.branch1, self.branch2, self.branch3, self.branch4)], 1)


class InceptionV1(nn.Module):
    """Frames (N, 3, H, W); logits (N, num_classes)."""

    def __init__(self, num_classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        self.conv1 = Convolution(3, 64, 7, 2)
        self.conv2 = Convolution(64, 64, 1)
        self.conv3 = Convolution(64, 192, 3)
        for name, widths in _V1_BLOCKS.items():
            self.add_module(f"inception{name}", BlockV1(*widths))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        _initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        # Rounded up, halves keep what lies at the lower and right border.
        found = functional.max_pool2d(self.conv1(frames), 3, 2, ceil_mode=True)
        found = functional.max_pool2d(self.conv3(self.conv2(found)), 3, 2, ceil_mode=True)
        for name in _V1_BLOCKS:
            if name in ("4a", "5a"):
                found = functional.max_pool2d(found, 3 if name == "4a" else 2, 2, ceil_mode=True)
            found = self.get_submodule(f"inception{name}")(found)
        return self.fc(self.dropout(found.mean((2, 3))))


class BlockV2(nn.Module):
    """Branches side by side, (N, C, H, W) -> (N, widths, H, W).

    single, pooled: widths of the branches of 1x1 and of the pool. With both 0 there is no branch of 1x1, the pool's
    maxima come as they are, and all branches give every second place.
    """

    def __init__(
        self, channels: int, single: int, triple: tuple[int, int], double: tuple[int, int], pooled: int, pool: nn.Module
    ) -> None:
        super().__init__()
        stride = 1 if single else 2
        branches: list[nn.Module] = [Convolution(channels, single, 1)] if single else []
        branches += [
            nn.Sequential(Convolution(channels, triple[0], 1), Convolution(*triple, 3, stride)),
            nn.Sequential(
                Convolution(channels, double[0], 1),
                Convolution(*double, 3),
                Convolution(double[1], double[1], 3, stride),
            ),
            nn.Sequential(pool, Convolution(channels, pooled, 1)) if pooled else pool,
        ]
        self.branches = nn.ModuleList(branches)

    def forward(self, inputs: Tensor) -> Tensor:
        return torch.cat([branch(inputs) for branch in self.branches], 1)


def _pool(index: int) -> nn.Module:
    """Of a block of v2: means, but maxima in the last block and where the size halves."""
    if not _V2_BLOCKS[index][1]:
        return nn.MaxPool2d(3, 2, 1)
    if index == len(_V2_BLOCKS) - 1:
        return nn.MaxPool2d(3, 1, 1)
    # As in TF-slim, what lies beyond the border is no part of the mean.
    return nn.AvgPool2d(3, 1, 1, count_include_pad=False)


class InceptionV2(nn.Module):
    """Frames (N, 3, H, W); logits (N, num_classes)."""

    def __init__(self, num_classes: int, dropout: float = 0.2) -> None:
        super().__init__()
        # Eight filters of 7x7 for each colour, mixed by 1x1. TF-slim normalises neither.
        self.stem = nn.Sequential(
            nn.Conv2d(3, 24, 7, 2, 3, groups=3, bias=False), nn.Conv2d(24, 64, 1), nn.ReLU(inplace=True)
        )
        self.conv2 = Convolution(64, 64, 1)
        self.conv3 = Convolution(64, 192, 3)
        self.blocks = nn.Sequential(*(BlockV2(*widths, _pool(index)) for index, widths in enumerate(_V2_BLOCKS)))
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        _initialise(self)

    def forward(self, frames: Tensor) -> Tensor:
        found = functional.max_pool2d(self.stem(frames), 3, 2, 1)
        found = functional.max_pool2d(self.conv3(self.conv2(found)), 3, 2, 1)
        return self.fc(self.dropout(self.blocks(found).mean((2, 3))))


def _initialise(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.Conv2d):
            nn.init.kaiming_normal_(part.weight, nonlinearity="relu")
