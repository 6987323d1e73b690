"""A network and clips so small that a training takes a moment."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from motionveil_bench.training import Training, random_numbers

SETTINGS = Training(epochs=6, learning_rate=0.02, batch_size=4)


class Tiny(nn.Module):
    """Convolution, batch norm, dropout, linear: (N, 3, 6, 6) to logits; its weights come from a seed."""

    def __init__(self, num_classes: int = 2, *, norm: bool = True, dropout: float = 0.2, seed: int = 0) -> None:
        super().__init__()
        with random_numbers(seed):
            self.conv = nn.Conv2d(3, 4, 3)
            self.norm = nn.BatchNorm2d(4) if norm else nn.Identity()
            self.dropout = nn.Dropout(dropout)
            self.linear = nn.Linear(4, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(self.dropout(torch.relu(self.norm(self.conv(x))).mean((2, 3))))


class Clips:
    """Noise that is brighter in one channel: the class is the channel. Augmented by noise of (seed, epoch, number)."""

    def __init__(self, num: int, *, num_classes: int = 2, multilabel: bool = False, noise: float = 0.5) -> None:
        self.num, self.classes, self.multilabel, self.noise, self.epoch = num, num_classes, multilabel, noise, 0

    def __len__(self) -> int:
        return self.num

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
        held = [index % self.classes] if not self.multilabel else [c for c in range(self.classes) if index >> c & 1]
        generator = np.random.default_rng([1, self.epoch, index])
        picture = generator.normal(0, self.noise, (3, 6, 6))
        picture[held] += 1
        target = torch.zeros(self.classes)
        target[held] = 1
        return torch.tensor(picture, dtype=torch.float32), target if self.multilabel else held[0]


class Views(Clips):
    """The same clips in some views each."""

    views = 3

    def __getitem__(self, index: int) -> tuple[Tensor, int | Tensor]:
        picture, target = super().__getitem__(index + 1000 * self.classes)
        return picture + torch.arange(self.views).view(-1, 1, 1, 1) / 10, target


def same(one: nn.Module, other: nn.Module) -> bool:
    """Whether all weights are equal to the last bit."""
    pairs = zip(one.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


def names(folder: Path) -> set[str]:
    """The files of a folder."""
    return {path.name for path in folder.iterdir() if path.is_file()}
