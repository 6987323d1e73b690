"""A U-Net (Ronneberger et al., MICCAI 2015) from frames to frames, as used by SPAct (Dave et al., CVPR 2022)."""

from __future__ import annotations

from math import gcd
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from .degradation import PictureDegradation, one_channelled, padded, whole_number, yes_or_no


class UNet(PictureDegradation):
    """Downsamples `depth` times, and upsamples (bilinear) as often, with skip connections at each scale; sigmoid
    output.

    Args:
        width: Channels at the first scale; doubled at each further scale but the last.
        depth: Number of downsampling steps.
        one_channel: Produce grey images.
    """

    name: ClassVar[str] = "unet"

    def __init__(self, *, width: int = 32, depth: int = 4, one_channel: bool = False) -> None:
        super().__init__(
            width=whole_number("width", width, 1, 512),
            depth=whole_number("depth", depth, 1, 6),
            one_channel=yes_or_no("one_channel", one_channel),
        )
        self.one_channel = one_channel
        channels = [width * 2 ** min(level, depth - 1) for level in range(depth + 1)]
        self.first = _pair(3, width)
        self.down = nn.ModuleList(_pair(channels[level], channels[level + 1]) for level in range(depth))
        self.up = nn.ModuleList(_pair(2 * channels[level], channels[max(level - 1, 0)]) for level in range(depth))
        self.last = nn.Conv2d(width, 3, 1)

    def degraded(self, pictures: Tensor) -> Tensor:
        """Transform images (N, 3, H, W) in [0, 1] of any size; they are padded internally to multiples of 2^depth."""
        height, width = pictures.shape[-2:]
        scales = [self.first(padded(pictures, 2 ** len(self.down)))]
        for pair in self.down:
            scales.append(pair(functional.max_pool2d(scales[-1], 2)))
        maps = scales.pop()
        for pair, beside in zip(reversed(self.up), reversed(scales), strict=True):
            larger = functional.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
            maps = pair(torch.cat([beside, larger], 1))
        made = torch.sigmoid(self.last(maps))[..., :height, :width]
        return one_channelled(made) if self.one_channel else made


def _pair(given: int, made: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(given, made, 3, padding=1, bias=False),
        _norm(made),
        nn.ReLU(),
        nn.Conv2d(made, made, 3, padding=1, bias=False),
        _norm(made),
        nn.ReLU(),
    )


def _norm(channels: int) -> nn.GroupNorm:
    # Published with batch norm, which makes a frame depend on the rest of its batch, and behaves differently in
    # training, which alternates between networks, than on a video: running statistics of one do not fit the other. A
    # group has at least two channels, since maps may be as small as one cell.
    return nn.GroupNorm(gcd(8, max(1, channels // 2)), channels)
