"""X3D: networks grown step by step along every axis (Feichtenhofer, CVPR 2020).

Names and shapes of the parameters are those of PyTorchVideo's model zoo, so that its published weights load.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import torch
from torch import Tensor, nn
from torch.nn import functional

from .resnet3d import Blocks, Bottleneck, Residual, Size, channelwise, convolution

_WIDTHS = (24, 48, 96, 192)
_INNER = (54, 108, 216, 432)
"""Output and inner channels of the four stages."""
_DEPTHS = (1, 2, 5, 3)
_FEATURES = 2048
_SQUEEZED = 0.0625


class SpaceThenTime(nn.Module):
    """A convolution over 3x3 pixels, which halves the size, then one of every channel over five frames.

    The names are PyTorchVideo's, where the convolution over pixels is called `conv_t` and that over frames `conv_xy`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv_t = convolution(3, width, (1, 3, 3), (1, 2, 2))
        self.conv_xy = convolution(width, width, (5, 1, 1), groups=width)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.conv_xy(self.conv_t(inputs))


class X3DStem(nn.Module):
    """Clips (N, 3, T, H, W) to features (N, width, T, H / 2, W / 2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = SpaceThenTime(width)
        self.norm = nn.BatchNorm3d(width)

    def forward(self, clips: Tensor) -> Tensor:
        return functional.relu(self.norm(self.conv(clips)))


class SqueezeExcitation(nn.Module):
    """Every channel times a weight that follows from the means of all (Hu et al., CVPR 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        inner = _rounded(channels * _SQUEEZED)
        self.block = nn.Sequential(
            nn.Conv3d(channels, inner, 1), nn.ReLU(), nn.Conv3d(inner, channels, 1), nn.Sigmoid()
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs * self.block(inputs.mean((2, 3, 4), keepdim=True))


class X3DBottleneck(Bottleneck):
    """More channels, each convolved by itself, then fewer; every second block of a stage weighs them (`excited`)."""

    def __init__(self, channels: int, inner: int, width: int, stride: Size, *, excited: bool) -> None:
        super().__init__(channels, inner, width, 1, channelwise(inner, stride))
        self.norm_b = nn.Sequential(nn.BatchNorm3d(inner), SqueezeExcitation(inner) if excited else nn.Identity())

    def forward(self, inputs: Tensor) -> Tensor:
        found = functional.relu(self.norm_a(self.conv_a(inputs)))
        found = functional.silu(self.norm_b(self.conv_b(found)))
        return self.norm_c(self.conv_c(found))


class X3DStage(nn.Module):
    """Blocks at one resolution, `depth` of them; the first halves it."""

    def __init__(self, depth: int, channels: int, inner: int, width: int) -> None:
        super().__init__()
        blocks = []
        for index in range(depth):
            stride = (1, 2, 2) if index == 0 else (1, 1, 1)
            branch = X3DBottleneck(channels, inner, width, stride, excited=index % 2 == 0)
            block = Residual(channels, width, stride, branch)
            if channels == width:
                block.branch1_norm = nn.Identity()
            blocks.append(block)
            channels = width
        self.res_blocks = nn.Sequential(*blocks)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.res_blocks(inputs)


class ProjectedPool(nn.Module):
    """A convolution, the mean over a window in time and space, and a convolution to many features.

    window: frames and pixels of the published input; a larger one is pooled in all windows that it has, a smaller one
    whole.
    """

    def __init__(self, channels: int, inner: int, width: int, window: Size) -> None:
        super().__init__()
        self.window = window
        self.pre_conv = convolution(channels, inner, (1, 1, 1))
        self.pre_norm = nn.BatchNorm3d(inner)
        self.post_conv = convolution(inner, width, (1, 1, 1))

    def forward(self, inputs: Tensor) -> Tensor:
        found = functional.relu(self.pre_norm(self.pre_conv(inputs)))
        window = [min(pair) for pair in zip(self.window, found.shape[2:], strict=True)]
        return functional.relu(self.post_conv(functional.avg_pool3d(found, window, 1)))


class X3DHead(nn.Module):
    """Logits (N, num_classes), the mean over the windows of the pool."""

    def __init__(self, num_classes: int, window: Size, dropout: float) -> None:
        super().__init__()
        self.pool = ProjectedPool(_WIDTHS[-1], _INNER[-1], _FEATURES, window)
        self.dropout = nn.Dropout(dropout)
        self.proj = nn.Linear(_FEATURES, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        windows = self.dropout(self.pool(inputs)).flatten(2).transpose(1, 2)
        return self.proj(windows).mean(1)


def _rounded(width: float) -> int:
    """To the next multiple of 8 that does not take away more than a tenth, at least 8."""
    multiple = max(8, int(width + 4) // 8 * 8)
    return multiple + 8 if multiple < 0.9 * width else multiple


def x3d(num_classes: int, *, num_frames: int, size: int, depth: float) -> nn.Module:
    """The network for clips of `num_frames` frames of `size` pixels; `depth` multiplies the number of its blocks.

    X3D-S is trained on 160 pixels and published with results on 182.
    """
    blocks: list[nn.Module] = [X3DStem(_WIDTHS[0])]
    channels = _WIDTHS[0]
    for count, inner, width in zip(_DEPTHS, _INNER, _WIDTHS, strict=True):
        blocks.append(X3DStage(ceil(count * depth), channels, inner, width))
        channels = width
    pixels = ceil(size / 32)
    return Blocks(*blocks, X3DHead(num_classes, (num_frames, pixels, pixels), dropout=0.5))


class E2S(nn.Module):
    """Appearance and motion in two streams (Ilic et al., ECCV 2022), with the names of the published code.

    Clips (N, 6, T, H, W), RGB and then optical flow in Middlebury colours. Logits (N, num_classes).

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
