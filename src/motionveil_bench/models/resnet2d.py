"""Residual networks for frames (He et al., CVPR 2016), and those with pre-activation (He et al., ECCV 2016).

Names and shapes of the parameters of the first are those of torchvision, so that its published weights load. Those with
pre-activation, "v2", are as `resnet_v2` of TF-slim and Keras have them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional


def _convolution(channels: int, width: int, size: int, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, width, size, stride, size // 2, bias=False)


def _shortcut(channels: int, width: int, stride: int) -> nn.Module | None:
    """What brings the input to the shape of the output, where they differ."""
    if channels == width and stride == 1:
        return None
    return nn.Sequential(_convolution(channels, width, 1, stride), nn.BatchNorm2d(width))


class BasicBlock(nn.Module):
    """Two convolutions of 3x3 beside the shortcut."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = _convolution(channels, width, 3, stride)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _convolution(width, width, 3)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(channels, width, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        found = functional.relu(self.bn1(self.conv1(inputs)))
        shortcut = inputs if self.downsample is None else self.downsample(inputs)
        return functional.relu(self.bn2(self.conv2(found)) + shortcut)


class Bottleneck(nn.Module):
    """Convolutions of 1x1, 3x3 and 1x1 beside the shortcut, the inner ones with a quarter of the channels."""

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        inner = width // 4
        self.conv1 = _convolution(channels, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner)
        self.conv2 = _convolution(inner, inner, 3, stride)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv3 = _convolution(inner, width, 1)
        self.bn3 = nn.BatchNorm2d(width)
        self.downsample = _shortcut(channels, width, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        found = functional.relu(self.bn1(self.conv1(inputs)))
        found = functional.relu(self.bn2(self.conv2(found)))
        shortcut = inputs if self.downsample is None else self.downsample(inputs)
        return functional.relu(self.bn3(self.conv3(found)) + shortcut)


class ResNet2D(nn.Module):
    """Frames (N, 3, H, W); logits (N, num_classes).

    block: makes a block from input channels, output channels and stride; bottlenecks have the stride on the convolution
    of 3x3. width: output channels of the first stage; every further one has twice as many.
    """

    def __init__(
        self, num_classes: int, block: Callable[[int, int, int], nn.Module], depths: Sequence[int], width: int
    ) -> None:
        super().__init__()
        self.conv1 = _convolution(3, 64, 7, 2)
        self.bn1 = nn.BatchNorm2d(64)
        channels, stages = 64, []
        for index, depth in enumerate(depths):
            blocks = []
            for stride in (1 if index == 0 else 2, *[1] * (depth - 1)):
                blocks.append(block(channels, width << index, stride))
                channels = width << index
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, frames: Tensor) -> Tensor:
        found = functional.relu(self.bn1(self.conv1(frames)))
        found = functional.max_pool2d(found, 3, 2, 1)
        found = self.layer4(self.layer3(self.layer2(self.layer1(found))))
        return self.fc(found.mean((2, 3)))


class PreActivation(nn.Module):
    """Convolutions of 1x1, 3x3 and 1x1, each after its normalisation, beside a shortcut that nothing changes after.

    Maps (N, channels, H, W) -> (N, width, H/stride, W/stride).
    """

    def __init__(self, channels: int, width: int, stride: int) -> None:
        super().__init__()
        inner = width // 4
        self.stride = stride
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv1 = _convolution(channels, inner, 1)
        self.bn2 = nn.BatchNorm2d(inner)
        self.conv2 = _convolution(inner, inner, 3, stride)
        self.bn3 = nn.BatchNorm2d(inner)
        # No normalisation follows that would take a bias away.
        self.conv3 = nn.Conv2d(inner, width, 1)
        self.downsample = None if channels == width else nn.Conv2d(channels, width, 1, stride)

    def forward(self, inputs: Tensor) -> Tensor:
        active = functional.relu(self.bn1(inputs))
        shortcut = inputs[..., :: self.stride, :: self.stride] if self.downsample is None else self.downsample(active)
        found = functional.relu(self.bn2(self.conv1(active)))
        return self.conv3(functional.relu(self.bn3(self.conv2(found)))) + shortcut


class ResNetV2(nn.Module):
    """Frames (N, 3, H, W); logits (N, num_classes). depths: blocks of the four stages."""

    def __init__(self, num_classes: int, depths: Sequence[int]) -> None:
        super().__init__()
        # The first block normalises what comes of it.
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        channels, stages = 64, []
        for index, depth in enumerate(depths):
            blocks = []
            # TF-slim halves the size in the last block of a stage, torchvision in the first of the next.
            for stride in (*[1] * (depth - 1), 2 if index < len(depths) - 1 else 1):
                blocks.append(PreActivation(channels, 256 << index, stride))
                channels = 256 << index
            stages.append(nn.Sequential(*blocks))
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.bn = nn.BatchNorm2d(channels)
        self.fc = nn.Linear(channels, num_classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, frames: Tensor) -> Tensor:
        found = functional.max_pool2d(self.conv1(frames), 3, 2, 1)
        found = self.layer4(self.layer3(self.layer2(self.layer1(found))))
        return self.fc(functional.relu(self.bn(found)).mean((2, 3)))
