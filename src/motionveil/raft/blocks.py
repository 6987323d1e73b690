"""The encoder of images and the update of the flow."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from .architecture import LEVELS, STRIDE, Architecture

Norm = Callable[[int], nn.Module]


def convolution(inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1) -> nn.Conv2d:
    """A convolution that keeps the size, but for its stride."""
    padding = kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding)


class Block(nn.Module):
    """A residual block: two 3x3 convolutions, or one on a quarter of the channels between two 1x1 (a bottleneck)."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Norm, *, bottleneck: bool) -> None:
        super().__init__()
        inner = outputs // 4
        shapes = [(inputs, outputs, 3, stride), (outputs, outputs, 3, 1)]
        if bottleneck:
            shapes = [(inputs, inner, 1, 1), (inner, inner, 3, stride), (inner, outputs, 1, 1)]
        for number, (before, after, kernel, step) in enumerate(shapes, 1):
            self.add_module(f"conv{number}", convolution(before, after, kernel, step))
            self.add_module(f"norm{number}", norm(after))
        self.count = len(shapes)
        self.downsample: nn.Module = nn.Identity()
        if stride > 1:
            shortcut = norm(outputs)
            self.downsample = nn.Sequential(convolution(inputs, outputs, 1, stride), shortcut)
            self.add_module(f"norm{self.count + 1}", shortcut)  # the authors' checkpoints hold it under both names

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = functional.relu(self.get_submodule(f"norm{number}")(self.get_submodule(f"conv{number}")(y)))
        return functional.relu(self.downsample(x) + y)


class Encoder(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to features (N, outputs, H/8, W/8)."""

    def __init__(self, architecture: Architecture, outputs: int, norm: Norm) -> None:
        super().__init__()
        first, second, third = architecture.stages

        def stage(inputs: int, width: int, stride: int) -> nn.Sequential:
            shapes = ((inputs, width, stride), (width, width, 1))
            return nn.Sequential(*(Block(*shape, norm, bottleneck=architecture.bottleneck) for shape in shapes))

        self.conv1 = convolution(3, first, 7, 2)
        self.norm1 = norm(first)
        self.layer1 = stage(first, first, 1)
        self.layer2 = stage(first, second, 2)
        self.layer3 = stage(second, third, 2)
        self.conv2 = convolution(third, outputs, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = functional.relu(self.norm1(self.conv1(images)))
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class MotionEncoder(nn.Module):
    """Similarities and the flow so far as features of the motion (Appendix A)."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        widths, flow = architecture.similarities, architecture.flow
        self.convc1 = convolution(LEVELS * (2 * architecture.radius + 1) ** 2, widths[0], 1)
        self.convc2: nn.Module = convolution(widths[0], widths[1], 3) if len(widths) > 1 else nn.Identity()
        self.convf1 = convolution(2, flow[0], 7)
        self.convf2 = convolution(*flow, 3)
        self.conv = convolution(widths[-1] + flow[-1], architecture.motion - 2, 3)

    def forward(self, flow: Tensor, similarities: Tensor) -> Tensor:
        alike = functional.relu(self.convc2(functional.relu(self.convc1(similarities))))
        moved = functional.relu(self.convf2(functional.relu(self.convf1(flow))))
        return torch.cat([functional.relu(self.conv(torch.cat([alike, moved], 1))), flow], 1)


class RecurrentUnit(nn.Module):
    """Convolutional gated recurrent units, one after another (Eq. 3–6); kernels by the suffix of their names."""

    def __init__(self, hidden: int, inputs: int, kernels: Mapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.suffixes = tuple(kernels)
        for suffix, kernel in kernels.items():
            for gate in "zrq":
                self.add_module(f"conv{gate}{suffix}", convolution(hidden + inputs, hidden, kernel))

    def forward(self, hidden: Tensor, inputs: Tensor) -> Tensor:
        for suffix in self.suffixes:
            both = torch.cat([hidden, inputs], 1)
            update = torch.sigmoid(self.get_submodule(f"convz{suffix}")(both))
            reset = torch.sigmoid(self.get_submodule(f"convr{suffix}")(both))
            proposed = torch.tanh(self.get_submodule(f"convq{suffix}")(torch.cat([reset * hidden, inputs], 1)))
            hidden = (1 - update) * hidden + update * proposed
        return hidden


class FlowHead(nn.Module):
    """The change of the flow that a hidden state stands for."""

    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.conv1 = convolution(hidden, inner, 3)
        self.conv2 = convolution(inner, 2, 3)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.conv2(functional.relu(self.conv1(hidden)))


class UpdateBlock(nn.Module):
    """One step of the refinement (Sec. 3.3)."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        hidden = architecture.hidden
        self.encoder = MotionEncoder(architecture)
        self.gru = RecurrentUnit(hidden, architecture.context + architecture.motion, architecture.kernels)
        self.flow_head = FlowHead(hidden, architecture.flow_head)
        if architecture.learned_upsampling:
            self.mask = nn.Sequential(convolution(hidden, 256, 3), nn.ReLU(), convolution(256, 9 * STRIDE**2, 1))

    def forward(self, hidden: Tensor, context: Tensor, similarities: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The next hidden state, and what to add to the flow."""
        motion = self.encoder(flow, similarities)
        hidden = self.gru(hidden, torch.cat([context, motion], 1))
        return hidden, self.flow_head(hidden)
