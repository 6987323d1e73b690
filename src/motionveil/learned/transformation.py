"""The image transformation network of Johnson et al. (Perceptual Losses for Real-Time Style Transfer, ECCV 2016).

Used by Wu et al. (Towards Privacy-Preserving Visual Recognition via Adversarial Training, ECCV 2018) and by most
learned obfuscators since.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn

from .degradation import PictureDegradation, one_channelled, padded, whole_number, yes_or_no


class Transformation(PictureDegradation):
    """Two downsampling layers, residual blocks, and two upsampling layers; the output is a tanh scaled to [0, 1].

    Args:
        width: Channels of the first layer; doubled by each downsampling layer.
        blocks: Number of residual blocks.
        one_channel: Produce grey images.
    """

    name: ClassVar[str] = "transformation"

    def __init__(self, *, width: int = 32, blocks: int = 5, one_channel: bool = False) -> None:
        super().__init__(
            width=whole_number("width", width, 1, 1024),
            blocks=whole_number("blocks", blocks, 0, 64),
            one_channel=yes_or_no("one_channel", one_channel),
        )
        self.one_channel = one_channel
        self.network = nn.Sequential(
            _convolution(3, width, 9),
            _convolution(width, 2 * width, 3, stride=2),
            _convolution(2 * width, 4 * width, 3, stride=2),
            *(_ResidualBlock(4 * width) for _ in range(blocks)),
            _doubling(4 * width, 2 * width),
            _doubling(2 * width, width),
            nn.Conv2d(width, 3, 9, padding=4, padding_mode="replicate"),
        )

    def degraded(self, pictures: Tensor) -> Tensor:
        """Transform images (N, 3, H, W) in [0, 1] of any size; they are padded internally to multiples of four."""
        height, width = pictures.shape[-2:]
        made = torch.tanh(self.network(padded(pictures, 4)))[..., :height, :width] * 0.5 + 0.5
        return one_channelled(made) if self.one_channel else made


def _convolution(given: int, made: int, size: int, *, stride: int = 1) -> nn.Sequential:
    # Zero padding would be a black frame, which instance norm spreads over the whole image. Reflection requires maps
    # larger than half the kernel; replication works at any size. A bias would be cancelled by the norm.
    return nn.Sequential(
        nn.Conv2d(given, made, size, stride, size // 2, padding_mode="replicate", bias=False),
        nn.InstanceNorm2d(made, affine=True),
        nn.ReLU(),
    )


def _doubling(given: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        nn.ConvTranspose2d(given, made, 3, 2, 1, output_padding=1, bias=False),
        nn.InstanceNorm2d(made, affine=True),
        nn.ReLU(),
    )


class _ResidualBlock(nn.Module):
    """Two convolutions with a skip connection, without activation after the sum."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _convolution(width, width, 3)
        self.second = _convolution(width, width, 3)[:2]

    def forward(self, maps: Tensor) -> Tensor:
        return maps + self.second(self.first(maps))
