"""MobileNet-v1 for frames (Howard et al., 2017), as `mobilenet_v1` of TF-slim has it."""

from __future__ import annotations

from torch import Tensor, nn

# Of the pointwise convolutions: channels at full width, and the stride of the depthwise convolution before.
_LAYERS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
_NARROWEST = 8
"""No layer has fewer channels, however small the network."""


def _layer(channels: int, width: int, size: int, stride: int = 1, groups: int = 1) -> nn.Module:
    """A convolution that keeps the size but for the stride, batch normalisation, and a rectifier that ends at 6."""
    return nn.Sequential(
        nn.Conv2d(channels, width, size, stride, size // 2, groups=groups, bias=False),
        nn.BatchNorm2d(width, eps=0.001),
        nn.ReLU6(inplace=True),
    )


class MobileNetV1(nn.Module):
    """Frames (N, 3, H, W) of any size; logits (N, num_classes).

    width: the share of its channels that every layer has, rounded down.
    """

    def __init__(self, num_classes: int, width: float = 1.0, dropout: float = 0.001) -> None:
        super().__init__()
        channels = max(int(32 * width), _NARROWEST)
        self.stem = _layer(3, channels, 3, 2)
        blocks = []
        for full, stride in _LAYERS:
            wider = max(int(full * width), _NARROWEST)
            # In space, each channel for itself, then between channels.
            blocks.append(
                nn.Sequential(_layer(channels, channels, 3, stride, groups=channels), _layer(channels, wider, 1))
            )
            channels = wider
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                # By what comes in: by what goes out, torch would count all channels of a depthwise convolution, and its
                # weights would be so small that the epsilon of the normalisation swallows what it finds.
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")

    def forward(self, frames: Tensor) -> Tensor:
        return self.fc(self.dropout(self.blocks(self.stem(frames)).mean((2, 3))))
