"""SlowFast networks (Feichtenhofer et al., ICCV 2019): a wide pathway on few frames, a narrow one on all of them.

Names and shapes of the parameters are those of PyTorchVideo's model zoo.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from .resnet3d import DEPTHS, STRIDES, Blocks, Head, Stage, Stem, convolution

ALPHA = 4
"""The fast pathway sees this many times as many frames as the slow one."""
BETA = 8
"""It has this many times fewer channels."""

Pathways = tuple[Tensor, Tensor]
"""Slow (N, C, T, H, W) and fast (N, C / BETA, ALPHA T, H, W); the slow one may have channels of the fast one too."""


class Fusion(nn.Module):
    """Brings what the fast pathway has found to the slow one, as further channels, twice as many."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_fast_to_slow = convolution(channels, 2 * channels, (7, 1, 1), (ALPHA, 1, 1))
        self.norm = nn.BatchNorm3d(2 * channels)

    def forward(self, pathways: Pathways) -> Pathways:
        slow, fast = pathways
        return torch.cat([slow, functional.relu(self.norm(self.conv_fast_to_slow(fast)))], 1), fast


class TwoPathways(nn.Module):
    """One block for each pathway, and the fusion of what they give."""

    def __init__(self, slow: nn.Module, fast: nn.Module, fusion: nn.Module) -> None:
        super().__init__()
        self.multipathway_blocks = nn.ModuleList([slow, fast])
        self.multipathway_fusion = fusion

    def forward(self, pathways: Pathways) -> Pathways:
        slow, fast = (block(x) for block, x in zip(self.multipathway_blocks, pathways, strict=True))
        return self.multipathway_fusion((slow, fast))


class Pooled(nn.Module):
    """The means of both pathways over time and space, side by side, (N, C, 1, 1, 1)."""

    def forward(self, pathways: Pathways) -> Tensor:
        return torch.cat([functional.adaptive_avg_pool3d(x, 1) for x in pathways], 1)


class SlowFast(Blocks):
    """Clips (N, 3, T, H, W) as the fast pathway sees them; the slow one's frames are picked from them."""

    def forward(self, clips: Tensor) -> Tensor:
        # Evenly from the first frame to the last, as the published weights were trained; as many as Fusion leaves.
        frames = clips.shape[2]
        picked = torch.linspace(0, frames - 1, -(-frames // ALPHA)).long().to(clips.device)
        return self.blocks((clips.index_select(2, picked), clips))


def slowfast_r50(num_classes: int) -> nn.Module:
    """SlowFast with two ResNet-50, 32 frames for the fast pathway, 8 for the slow one."""
    width = 64
    blocks: list[nn.Module] = [TwoPathways(Stem(width, 1), Stem(width // BETA, 5), Fusion(width // BETA))]
    for index, (depth, slow_frames, stride) in enumerate(zip(DEPTHS[50], (1, 1, 3, 3), STRIDES, strict=True)):
        channels, width = width, 256 * 2**index
        fused = channels + 2 * channels // BETA
        blocks.append(
            TwoPathways(
                Stage(depth, fused, width, stride, frames=(slow_frames,)),
                Stage(depth, channels // BETA, width // BETA, stride, frames=(3,)),
                Fusion(width // BETA) if index < 3 else nn.Identity(),
            )
        )
    return SlowFast(*blocks, Pooled(), Head(width + width // BETA, num_classes, dropout=0.5))
