"""Residual networks for clips, and what they are made of.

Names and shapes of the parameters are those of PyTorchVideo's model zoo, so that its published weights load. One design
serves them all, bottlenecks of three convolutions a, b, c (He et al., CVPR 2016); they differ in where they look along
time: nowhere but in a pool (C2D), in `a` (Slow, I3D), or in `b`, per channel (CSN) or after space (R(2+1)D).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn
from torch.nn import functional

Size = tuple[int, int, int]
"""Along time, height and width."""

Convolution = Callable[[int, Size], nn.Module]
"""(channels, stride) -> the convolution `b` of a bottleneck."""

DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
STRIDES: tuple[Size, ...] = ((1, 1, 1), (1, 2, 2), (1, 2, 2), (1, 2, 2))
"""Of the four stages; time is kept."""


def convolution(channels: int, width: int, kernel: Size, stride: Size = (1, 1, 1), groups: int = 1) -> nn.Conv3d:
    """A 3D convolution without bias, padded so that stride 1 keeps the size."""
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Conv3d(channels, width, kernel, stride, padding, groups=groups, bias=False)


def spatial(channels: int, stride: Size) -> nn.Module:
    """A convolution over 3x3 pixels of one frame."""
    return convolution(channels, channels, (1, 3, 3), stride)


def channelwise(channels: int, stride: Size) -> nn.Module:
    """A convolution over 3x3 pixels of three frames, of every channel by itself."""
    return convolution(channels, channels, (3, 3, 3), stride, groups=channels)


class TimeThenSpace(nn.Module):
    """A convolution over three frames, then one over 3x3 pixels."""

    def __init__(self, channels: int, stride: Size) -> None:
        super().__init__()
        self.conv_t = convolution(channels, channels, (3, 1, 1), (stride[0], 1, 1))
        self.norm = nn.BatchNorm3d(channels)
        self.conv_xy = convolution(channels, channels, (1, 3, 3), (1, stride[1], stride[2]))

    def forward(self, inputs: Tensor) -> Tensor:
        return self.conv_xy(functional.relu(self.norm(self.conv_t(inputs))))


class Stem(nn.Module):
    """The first convolution, 7x7 pixels of `frames` frames, which halves the size, and `pool`, which halves it again.

    inputs: (N, 3, T, H, W); gives (N, width, T, H / 4, W / 4), rounded up, or twice as large without the pool.
    """

    def __init__(self, width: int, frames: int, *, pool: bool = True) -> None:
        super().__init__()
        self.conv = convolution(3, width, (frames, 7, 7), (1, 2, 2))
        self.norm = nn.BatchNorm3d(width)
        self.pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)) if pool else nn.Identity()

    def forward(self, inputs: Tensor) -> Tensor:
        return self.pool(functional.relu(self.norm(self.conv(inputs))))


class Bottleneck(nn.Module):
    """Fewer channels, `frames` frames at a time; convolution `b`; then more channels."""

    def __init__(self, channels: int, inner: int, width: int, frames: int, conv_b: nn.Module) -> None:
        super().__init__()
        self.conv_a = convolution(channels, inner, (frames, 1, 1))
        self.norm_a = nn.BatchNorm3d(inner)
        self.conv_b = conv_b
        self.norm_b: nn.Module = nn.BatchNorm3d(inner)
        self.conv_c = convolution(inner, width, (1, 1, 1))
        self.norm_c = nn.BatchNorm3d(width)

    def forward(self, inputs: Tensor) -> Tensor:
        inner = functional.relu(self.norm_a(self.conv_a(inputs)))
        inner = functional.relu(self.norm_b(self.conv_b(inner)))
        return self.norm_c(self.conv_c(inner))


class Residual(nn.Module):
    """What a branch makes of the input, added to the input, which a convolution brings to the same shape."""

    def __init__(self, channels: int, width: int, stride: Size, branch: nn.Module) -> None:
        super().__init__()
        self.branch1_conv: nn.Module | None = None
        if channels != width or stride != (1, 1, 1):
            self.branch1_conv = convolution(channels, width, (1, 1, 1), stride)
            self.branch1_norm: nn.Module = nn.BatchNorm3d(width)
        self.branch2 = branch

    def forward(self, inputs: Tensor) -> Tensor:
        shortcut = inputs if self.branch1_conv is None else self.branch1_norm(self.branch1_conv(inputs))
        return functional.relu(shortcut + self.branch2(inputs))


class Stage(nn.Module):
    """Blocks at one resolution, `depth` of them; the first has the stride.

    frames: how many frames the convolutions `a` see, block by block, from the start again where it ends.
    """

    def __init__(
        self,
        depth: int,
        channels: int,
        width: int,
        stride: Size,
        *,
        frames: Sequence[int] = (1,),
        conv_b: Convolution = spatial,
    ) -> None:
        super().__init__()
        blocks = []
        for index in range(depth):
            branch = Bottleneck(channels, width // 4, width, frames[index % len(frames)], conv_b(width // 4, stride))
            blocks.append(Residual(channels, width, stride, branch))
            channels, stride = width, (1, 1, 1)
        self.res_blocks = nn.Sequential(*blocks)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.res_blocks(inputs)


class Head(nn.Module):
    """Logits (N, num_classes) from the mean over time and space.

    PyTorchVideo takes the mean over the published number of frames and pixels; here it is over all there are, which is
    the same at the published size.
    """

    def __init__(self, channels: int, num_classes: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.proj = nn.Linear(channels, num_classes)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.proj(self.dropout(inputs.mean((2, 3, 4))))


class Blocks(nn.Module):
    """Modules one after the other, with weights to start training from (He et al., ICCV 2015)."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        for module in self.modules():
            match module:
                case nn.Conv3d():
                    nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
                case nn.Linear():
                    nn.init.normal_(module.weight, std=0.01)
                    nn.init.zeros_(module.bias)
                case Bottleneck():
                    # Every block starts as the identity.
                    nn.init.zeros_(module.norm_c.weight)

    def forward(self, clips: Tensor) -> Tensor:
        return self.blocks(clips)


def resnet3d(
    num_classes: int,
    stem: Stem,
    *,
    depth: int = 50,
    frames: Sequence[Sequence[int]] = ((1,), (1,), (1,), (1,)),
    strides: Sequence[Size] = STRIDES,
    conv_b: Convolution = spatial,
    halve_time: bool = False,
    dropout: float = 0.5,
) -> nn.Module:
    """A stem, four stages and a head; `halve_time` puts a pool over two frames after the first stage."""
    blocks: list[nn.Module] = [stem]
    channels, width = 64, 256
    for count, seen, stride in zip(DEPTHS[depth], frames, strides, strict=True):
        blocks.append(Stage(count, channels, width, stride, frames=seen, conv_b=conv_b))
        channels, width = width, 2 * width
        if halve_time and len(blocks) == 2:
            blocks.append(nn.MaxPool3d((2, 1, 1)))
    return Blocks(*blocks, Head(channels, num_classes, dropout))
