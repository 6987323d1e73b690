"""E2S-X3D: appearance and motion in two streams of X3D (Ilic et al., ECCV 2022).

Names and shapes of the parameters are those of the published code, so that its checkpoints load.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .x3d import x3d_l, x3d_m, x3d_s


class E2S(nn.Module):
    """Clips (N, 6, T, H, W), RGB and then optical flow in Middlebury colours. Logits (N, num_classes).

    stream: makes the network of one stream, with weights of its own. The logits of both, those of the flow first, go
    through a linear layer.
    """

    def __init__(self, num_classes: int, stream: Callable[[int], nn.Module]) -> None:
        super().__init__()
        self.rgbstream = stream(num_classes)
        self.flowstream = stream(num_classes)
        self.head = nn.Linear(2 * num_classes, num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        frames, flow = clips.split(3, 1)
        return self.head(torch.cat([self.flowstream(flow), self.rgbstream(frames)], 1))


def e2s_x3d_s(num_classes: int) -> nn.Module:
    """Two streams of X3D-S."""
    return E2S(num_classes, x3d_s)


def e2s_x3d_m(num_classes: int) -> nn.Module:
    """Two streams of X3D-M."""
    return E2S(num_classes, x3d_m)


def e2s_x3d_l(num_classes: int) -> nn.Module:
    """Two streams of X3D-L."""
    return E2S(num_classes, x3d_l)
