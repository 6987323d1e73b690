"""A small network that learns to invert a method from pairs of output and original."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..._core.types import UInt8Array
from ..footage import BoolArray
from .trained import AttackerTraining

INPUTS = 10
"""Channels: a frame and its two neighbours in RGB, and the mask of altered areas."""


@dataclass(frozen=True)
class Example:
    """A training example. triple: (3, h, w, 3), the frame between its neighbours. target: (h, w, 3)."""

    triple: UInt8Array
    touched: BoolArray
    target: UInt8Array


class _ConvolutionBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.second(F.leaky_relu(self.first(x), 0.1)), 0.1)


class InversionUNet(nn.Module):
    """A small U-Net (Ronneberger et al., MICCAI 2015): (n, 10, h, w) in [-1, 1] to images (n, 3, h, w).

    For speed, it works on blocks of 2x2 pixels. Its last channel blends input and prediction, so that blur is corrected
    and noise replaced.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        widths = [width, 2 * width, 3 * width, 4 * width]
        self.down = nn.ModuleList([_ConvolutionBlock(a, b) for a, b in pairwise([4 * INPUTS, *widths])])
        self.up = nn.ModuleList([_ConvolutionBlock(a + b, a) for a, b in pairwise(widths)])
        self.last = nn.Conv2d(width, 16, 1)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        x = seen = F.pad(x, (0, width % 2, 0, height % 2), mode="replicate")
        x = F.pixel_unshuffle(x, 2)
        passed: list[Tensor] = []
        for block in self.down:
            x = block(F.avg_pool2d(x, 2) if passed else x)
            passed.append(x)
        for block, skip in zip(reversed(self.up), reversed(passed[:-1]), strict=True):
            x = block(torch.cat([skip, F.interpolate(x, skip.shape[2:], mode="bilinear")], 1))
        out = F.pixel_shuffle(self.last(x), 2)
        picture = out[:, :3] + torch.sigmoid(out[:, 3:]) * seen[:, 3:6]
        return picture[:, :, :height, :width]


def as_input(triple: UInt8Array, touched: BoolArray) -> UInt8Array:
    """Pack (3, h, w, 3) and (h, w) into the network's input, (10, h, w) uint8."""
    channels = np.moveaxis(triple, 3, 1).reshape(9, *touched.shape)
    return np.concatenate([channels, touched[None].astype(np.uint8) * 255])


def _scaled(values: UInt8Array) -> Tensor:
    return torch.from_numpy(values).float() / 127.5 - 1


def train(
    examples: Sequence[Example], training: AttackerTraining, on_progress: Callable[[float], None]
) -> tuple[InversionUNet, int]:
    """Train a network on examples of one size each. Returns it with the number of steps.

    Reproducible for the same settings and examples, if `seconds` is None or was not reached.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(training.seed)
        network = InversionUNet(training.width)
    generator = np.random.default_rng(training.seed)
    optimiser = torch.optim.AdamW(network.parameters(), training.learning_rate)
    begin, step, share = time.monotonic(), 0, 0.0
    while share < 1:
        for group in optimiser.param_groups:
            group["lr"] = training.learning_rate * min(1.0, (step + 1) / 20) * (0.5 + 0.5 * np.cos(np.pi * share))
        picked = generator.integers(len(examples), size=training.batch)
        batch = [_crop(examples[int(index)], training.crop, generator) for index in picked]
        inputs, targets = (_scaled(np.stack(parts)) for parts in zip(*batch, strict=True))
        # Unaltered areas count a little too, since the image continues beyond an outline.
        weights = 0.05 + 0.95 * (inputs[:, 9:] > 0).float()
        loss = (weights * (network(inputs) - targets) ** 2).sum() / weights.sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        step += 1
        share = step / training.steps
        if training.seconds is not None:
            share = max(share, (time.monotonic() - begin) / training.seconds)
        on_progress(min(1.0, share))
    return network.eval(), step


def _crop(example: Example, size: int, generator: np.random.Generator) -> tuple[UInt8Array, UInt8Array]:
    """A random crop with altered pixels if possible, mirrored half of the time."""
    height, width = example.touched.shape
    rows, columns = np.nonzero(example.touched)
    pick = generator.integers(max(1, len(rows)))
    centre = (rows[pick], columns[pick]) if len(rows) else (height // 2, width // 2)
    shift = generator.integers(-size // 4, size // 4 + 1, 2)
    top, left = (
        int(np.clip(c + s - size // 2, 0, max(0, length - size)))
        for c, s, length in zip(centre, shift, (height, width), strict=True)
    )
    part = (slice(top, top + size), slice(left, left + size))
    seen = as_input(example.triple[(slice(None), *part)], example.touched[part])
    target = np.moveaxis(example.target[part], 2, 0)
    missing = [(0, 0), (0, max(0, size - height)), (0, max(0, size - width))]
    step = -1 if generator.random() < 0.5 else 1
    return np.pad(seen, missing)[..., ::step], np.pad(target, missing, mode="edge")[..., ::step]


def restore(network: InversionUNet, triple: UInt8Array, touched: BoolArray) -> UInt8Array:
    """Apply the network to one frame. Returns (h, w, 3) uint8."""
    with torch.inference_mode():
        picture = network(_scaled(as_input(triple, touched))[None])[0]
    values = ((picture + 1) * 127.5 + 0.5).clamp(0, 255).numpy()
    return np.ascontiguousarray(np.moveaxis(values, 0, 2)).astype(np.uint8)
