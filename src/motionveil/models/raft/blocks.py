"""The encoders and the update block of RAFT."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from .architecture import LEVELS, STRIDE, Architecture

Norm = Callable[[int], nn.Module]


def convolution(inputs: int, outputs: int, kernel: int | tuple[int, int], stride: int = 1) -> nn.Conv2d:
    """A convolution that preserves the size, except for its stride."""
    padding = kernel // 2 if isinstance(kernel, int) else (kernel[0] // 2, kernel[1] // 2)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding)


class ResidualBlock(nn.Module):
    """A residual block: two 3x3 convolutions, or a bottleneck (1x1, 3x3 on a quarter of the channels, 1x1)."""

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
            self.add_module(f"norm{self.count + 1}", shortcut)  # stored under both names in the authors' checkpoints

    def forward(self, x: Tensor) -> Tensor:
        y = x
        for number in range(1, self.count + 1):
            y = functional.relu(self.get_submodule(f"norm{number}")(self.get_submodule(f"conv{number}")(y)))
        return functional.relu(self.downsample(x) + y)


class ImageEncoder(nn.Module):
    """Images (N, 3, H, W) in [-1, 1] to features (N, outputs, H/8, W/8)."""

    def __init__(self, architecture: Architecture, outputs: int, norm: Norm) -> None:
        super().__init__()
        first, second, third = architecture.stages

        def stage(inputs: int, width: int, stride: int) -> nn.Sequential:
            shapes = ((inputs, width, stride), (width, width, 1))
            return nn.Sequential(*(ResidualBlock(*shape, norm, bottleneck=architecture.bottleneck) for shape in shapes))

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
    """Encodes correlation and the current flow as motion features (Appendix A)."""

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
    """Convolutional gated recurrent units in sequence (Eq. 3–6); kernels by the suffix of their names.

    The context is constant over all steps, so its contribution to the gates is computed once (`terms`), and each step
    adds those of the hidden state and the motion.
    """

    def __init__(self, hidden: int, context: int, motion: int, kernels: Mapping[str, tuple[int, int]]) -> None:
        super().__init__()
        self.hidden, self.context = hidden, context
        self.suffixes = tuple(kernels)
        for suffix, kernel in kernels.items():
            for gate in "zrq":
                self.add_module(f"conv{gate}{suffix}", convolution(hidden + context + motion, hidden, kernel))

    def _gate(self, name: str) -> nn.Conv2d:
        gate = self.get_submodule(f"conv{name}")
        assert isinstance(gate, nn.Conv2d)
        return gate

    def terms(self, context: Tensor) -> Tensor:
        """The contribution of the context to each gate: update, reset and proposal of each unit, concatenated."""
        first, last = self.hidden, self.hidden + self.context
        found = []
        for suffix in self.suffixes:
            for name in "zrq":
                gate = self._gate(name + suffix)
                found.append(functional.conv2d(context, gate.weight[:, first:last], gate.bias, padding=_same(gate)))
        return torch.cat(found, 1)

    def forward(self, hidden: Tensor, motion: Tensor, terms: Tensor) -> Tensor:
        first, last = self.hidden, self.hidden + self.context
        for suffix, own in zip(self.suffixes, terms.chunk(len(self.suffixes), 1), strict=True):
            weights = [
                torch.cat([gate.weight[:, :first], gate.weight[:, last:]], 1)
                for gate in (self._gate(name + suffix) for name in "zrq")
            ]
            padding = _same(self._gate("z" + suffix))
            # Update and reset gate share their input: one convolution for both.
            both = functional.conv2d(torch.cat([hidden, motion], 1), torch.cat(weights[:2]), padding=padding)
            update, reset = torch.sigmoid(both + own[:, : 2 * first]).chunk(2, 1)
            proposed = functional.conv2d(torch.cat([reset * hidden, motion], 1), weights[2], padding=padding)
            hidden = (1 - update) * hidden + update * torch.tanh(proposed + own[:, 2 * first :])
        return hidden


def _same(layer: nn.Conv2d) -> tuple[int, int]:
    """The padding that preserves the size."""
    return layer.kernel_size[0] // 2, layer.kernel_size[1] // 2


class FlowHead(nn.Module):
    """Predicts the flow update from the hidden state."""

    def __init__(self, hidden: int, inner: int) -> None:
        super().__init__()
        self.conv1 = convolution(hidden, inner, 3)
        self.conv2 = convolution(inner, 2, 3)

    def forward(self, hidden: Tensor) -> Tensor:
        return self.conv2(functional.relu(self.conv1(hidden)))


class UpdateBlock(nn.Module):
    """One refinement step (Sec. 3.3)."""

    def __init__(self, architecture: Architecture) -> None:
        super().__init__()
        hidden = architecture.hidden
        self.encoder = MotionEncoder(architecture)
        self.gru = RecurrentUnit(hidden, architecture.context, architecture.motion, architecture.kernels)
        self.flow_head = FlowHead(hidden, architecture.flow_head)
        if architecture.learned_upsampling:
            self.mask = nn.Sequential(convolution(hidden, 256, 3), nn.ReLU(), convolution(256, 9 * STRIDE**2, 1))

    def forward(self, hidden: Tensor, terms: Tensor, similarities: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        """The next hidden state and the flow update. terms: see `RecurrentUnit.terms`."""
        hidden = self.gru(hidden, self.encoder(flow, similarities), terms)
        return hidden, self.flow_head(hidden)
