"""Small networks that learn from a few hundred clips, on a processor, in minutes, with no pretrained weights.

They follow published designs at a fraction of their width: residual 3D convolutions (Hara et al., 2018), (2+1)D
factorised convolutions (Tran et al., CVPR 2018), two streams of appearance and motion (Simonyan and Zisserman, 2014;
fused as in Ilic et al., ECCV 2022), a residual image network (He et al., CVPR 2016), and a bag of local features
(Brendel and Bethge, ICLR 2019).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

Convolution = Callable[[int, int, int], nn.Module]
"""(input channels, output channels, stride) -> a layer that keeps the size, but for the stride."""

_CLIP_WIDTHS = (32, 64, 128)
_STREAM_WIDTHS = (24, 48, 96)
_FRAME_WIDTHS = (32, 64, 128, 256)
_MOMENTUM = 0.3
"""Of the running statistics: with few steps in an epoch those of 0.1 lag behind the weights, and tests go wrong."""


def _norm2d(width: int) -> nn.Module:
    return nn.BatchNorm2d(width, momentum=_MOMENTUM)


def _norm3d(width: int) -> nn.Module:
    return nn.BatchNorm3d(width, momentum=_MOMENTUM)


class _Residual(nn.Module):
    """Two convolutions, and the input added to what they give; `dimensions` is 2 for images and 3 for clips."""

    def __init__(self, convolution: Convolution, dimensions: Literal[2, 3], channels: int, width: int) -> None:
        super().__init__()
        pointwise, norm = (nn.Conv2d, _norm2d) if dimensions == 2 else (nn.Conv3d, _norm3d)
        stride = 1 if channels == width else 2
        self.branch = nn.Sequential(
            convolution(channels, width, stride),
            norm(width),
            nn.ReLU(inplace=True),
            convolution(width, width, 1),
            norm(width),
        )
        self.shortcut = (
            nn.Identity()
            if stride == 1
            else nn.Sequential(pointwise(channels, width, 1, stride, bias=False), norm(width))
        )

    def forward(self, inputs: Tensor) -> Tensor:
        return functional.relu(self.shortcut(inputs) + self.branch(inputs))


def _conv2d(channels: int, width: int, stride: int) -> nn.Module:
    return nn.Conv2d(channels, width, 3, stride, 1, bias=False)


def conv3d(channels: int, width: int, stride: int) -> nn.Module:
    """Dense."""
    return nn.Conv3d(channels, width, 3, stride, 1, bias=False)


def conv2plus1d(channels: int, width: int, stride: int) -> nn.Module:
    """In space, then in time."""
    return nn.Sequential(
        nn.Conv3d(channels, width, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False),
        _norm3d(width),
        nn.ReLU(inplace=True),
        nn.Conv3d(width, width, (3, 1, 1), (stride, 1, 1), (1, 0, 0), bias=False),
    )


def _blocks(
    convolution: Convolution, dimensions: Literal[2, 3], channels: int, widths: tuple[int, ...]
) -> list[nn.Module]:
    """One residual block per width, each of half the size of the one before."""
    return [
        _Residual(convolution, dimensions, before, width)
        for before, width in zip((channels, *widths), widths, strict=False)
    ]


class SmallClipNetwork(nn.Module):
    """A residual network for clips (N, 3, T, H, W); T a multiple of 8, H and W of 16. Logits (N, num_classes).

    convolution: `conv3d`, dense, or `conv2plus1d`, in space and in time in turns.
    """

    def __init__(self, num_classes: int, convolution: Convolution, dropout: float = 0.3) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv3d(3, 16, (3, 5, 5), (1, 2, 2), (1, 2, 2), bias=False), _norm3d(16), nn.ReLU(inplace=True)
        )
        self.blocks = nn.Sequential(*_blocks(convolution, 3, 16, _CLIP_WIDTHS))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(_CLIP_WIDTHS[-1], num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        features = self.blocks(self.stem(clips.contiguous(memory_format=torch.channels_last_3d)))
        return self.head(self.dropout(features.mean((2, 3, 4))))


class _Stream(nn.Module):
    """Clips (N, 3, T, H, W) -> features (N, D): every frame on its own, then two convolutions over time."""

    def __init__(self) -> None:
        super().__init__()
        width = _STREAM_WIDTHS[-1]
        self.frames = nn.Sequential(
            nn.Conv2d(3, _STREAM_WIDTHS[0] // 2, 7, 4, 3, bias=False),
            _norm2d(_STREAM_WIDTHS[0] // 2),
            nn.ReLU(inplace=True),
            *_blocks(_conv2d, 2, _STREAM_WIDTHS[0] // 2, _STREAM_WIDTHS),
        )
        self.time = nn.Sequential(
            *(
                layer
                for _ in range(2)
                for layer in (
                    nn.Conv3d(width, width, (3, 1, 1), (2, 1, 1), (1, 0, 0), bias=False),
                    _norm3d(width),
                    nn.ReLU(inplace=True),
                )
            )
        )

    def forward(self, clips: Tensor) -> Tensor:
        frames = clips.transpose(1, 2).flatten(0, 1).contiguous(memory_format=torch.channels_last)
        features = self.frames(frames).unflatten(0, (len(clips), -1)).transpose(1, 2)
        return self.time(features).mean((2, 3, 4))


class SmallTwoStream(nn.Module):
    """Clips (N, 6, T, H, W), RGB and then flow in Middlebury colours. Logits (N, num_classes).

    Each stream gives logits of its own, and a linear layer makes the answer of both.
    """

    def __init__(self, num_classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.streams = nn.ModuleList([_Stream(), _Stream()])
        self.dropout = nn.Dropout(dropout)
        self.heads = nn.ModuleList([nn.Linear(_STREAM_WIDTHS[-1], num_classes) for _ in range(2)])
        self.fuse = nn.Linear(2 * num_classes, num_classes)

    def forward(self, clips: Tensor) -> Tensor:
        logits = [
            head(self.dropout(stream(part)))
            for stream, head, part in zip(self.streams, self.heads, clips.split(3, 1), strict=True)
        ]
        return self.fuse(torch.cat(logits, 1))


class SmallResNet(nn.Module):
    """A residual network of four blocks for images (N, 3, H, W), about 96 pixels wide. Logits (N, num_classes)."""

    def __init__(self, num_classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 5, 2, 2, bias=False), _norm2d(16), nn.ReLU(inplace=True))
        self.blocks = nn.Sequential(*_blocks(_conv2d, 2, 16, _FRAME_WIDTHS))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(_FRAME_WIDTHS[-1], num_classes)

    def forward(self, frames: Tensor) -> Tensor:
        features = self.blocks(self.stem(frames.contiguous(memory_format=torch.channels_last)))
        return self.head(self.dropout(features.mean((2, 3))))


class SmallBagNet(nn.Module):
    """The mean of what patches of 27x27 pixels say each for itself, blind to where they lie: an attack on texture.

    Images (N, 3, H, W) of at least 27 pixels a side; logits (N, num_classes). Convolutions are not padded, as the
    frame's border would tell them where they are.
    """

    def __init__(self, num_classes: int, dropout: float = 0.3) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        # (input, output, kernel, stride): the receptive field grows 3, 7, 11, 19, 27.
        for channels, width, kernel, stride in (
            (3, 16, 3, 2),
            (16, 24, 3, 1),
            (24, 48, 3, 2),
            (48, 48, 3, 1),
            (48, 96, 3, 1),
            (96, 128, 1, 1),
        ):
            layers += [nn.Conv2d(channels, width, kernel, stride, bias=False), _norm2d(width), nn.ReLU(inplace=True)]
        self.features = nn.Sequential(*layers)
        self.dropout = nn.Dropout2d(dropout)
        self.head = nn.Conv2d(128, num_classes, 1)

    def forward(self, frames: Tensor) -> Tensor:
        features = self.features(frames.contiguous(memory_format=torch.channels_last))
        return self.head(self.dropout(features)).mean((2, 3))
