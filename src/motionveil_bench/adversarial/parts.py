"""The networks of one training, f_d, f_T and the f_b, with their optimisers, and batches of clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from motionveil.learned import Degradation

from ..clips.sampling import TestClips, TrainingClips
from ..models import build_network, get_network
from ..models.network import Network
from ..training.loading import plan
from ..training.settings import random_numbers
from .settings import Learning, Part


class Batch(NamedTuple):
    """A batch.

    Attributes:
        frames: (N, 3, T, H, W) float32 in [0, 1].
        previous: The previous video frames, if f_d needs them.
        targets: As networks expect them.
    """

    frames: Tensor
    previous: Tensor | None
    targets: Tensor

    def to(self, device: torch.device) -> Batch:
        """The batch on a device."""
        previous = None if self.previous is None else self.previous.to(device)
        return Batch(self.frames.to(device), previous, self.targets.to(device))


def as_pictures(network: Network, num_frames: int, size: int) -> Network:
    """The sampling for a network that processes the output of f_d: its own, but for unnormalised images."""
    mean, deviation = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)
    return replace(network, level="clip", num_frames=num_frames, size=size, flow=False, mean=mean, deviation=deviation)


class Draws:
    """An endless sequence of training batches. The n-th depends on the seed and n alone, so that training can be
    resumed. num_drawn: number of batches so far.
    """

    def __init__(self, clips: TrainingClips, batch_size: int, seed: int) -> None:
        self.num_drawn = 0
        self._clips = clips
        self._batch_size = min(batch_size, len(clips))
        self._seed = seed
        self._epoch = -1
        self._order: list[list[int]] = []
        self._per_epoch = len(self._plan(0))

    def _plan(self, epoch: int) -> list[list[int]]:
        steps = plan(len(self._clips), self._batch_size, 1, 1, self._seed, epoch)
        return [batch for step in steps for batch in step]

    def __call__(self) -> Batch:
        """The next batch."""
        epoch, number = divmod(self.num_drawn, self._per_epoch)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._plan(epoch)
        self._clips.set_epoch(epoch)
        self.num_drawn += 1
        return _batch([self._clips[index] for index in self._order[number]])


def evaluation_batches(clips: TestClips, batch_size: int) -> Iterator[Batch]:
    """All clips, each with its single view, in order."""
    for start in range(0, len(clips), batch_size):
        items = [clips[index] for index in range(start, min(start + batch_size, len(clips)))]
        yield _batch([(views[0], target) for views, target in items])


def _batch(items: list[tuple[Tensor, Tensor]]) -> Batch:
    frames = torch.stack([frames for frames, _ in items])
    targets = torch.stack([torch.as_tensor(target) for _, target in items])
    previous = frames[:, 3:] if frames.shape[1] == 6 else None
    return Batch(frames[:, :3], previous, targets)


EMBEDDING = 128
"""Embedding dimension of a contrastive f_b (SPAct)."""


class Seeing(nn.Module):
    """A network behind f_d: images (N, 3, T, H, W) in [0, 1] to logits (N, C).

    It crops `size` pixels, at random in training, from the centre otherwise, since f_d processes whole frames, and
    normalises them. For frame networks, logits are averaged over the T frames.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, num_classes: int, size: int, checkpoint: str | None = None) -> None:
        super().__init__()
        self.size = size
        told = get_network(name)
        self.network = build_network(name, num_classes, checkpoint=checkpoint)
        self.by_frame = told.level == "frame"
        # Not persistent: only the network is saved.
        self.register_buffer("mean", torch.tensor(told.mean).view(3, 1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(told.deviation).view(3, 1, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        spare = [length - self.size for length in frames.shape[-2:]]
        # From torch's generator on the CPU, for reproducibility.
        top, left = (int(torch.randint(each + 1, ())) if self.training else each // 2 for each in spare)
        part = frames[..., top : top + self.size, left : left + self.size]
        clips = (part - self.mean) / self.deviation
        if not self.by_frame:
            return cast(Tensor, self.network(clips))
        logits: Tensor = self.network(clips.transpose(1, 2).flatten(0, 1))
        return logits.unflatten(0, (len(frames), -1)).mean(1)

    def halves(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings of both halves of the frames, in training each with its own crop and mirroring."""
        half = max(1, frames.shape[2] // 2)
        later = frames[:, :, -half:]
        if self.training and torch.rand(()) < 0.5:
            later = later.flip(-1)
        return self(frames[:, :, :half]), self(later)


class Parts:
    """The networks that are trained with and against each other.

    Args:
        num_classes: Number of classes of the attribute; 0 if f_b is contrastive.
        size: Size of the crop for f_b.
        weights: Files of pretrained weights by network. f_b start from these, or from an initialisation that depends on
            the seed and `generation` alone.
    """

    def __init__(
        self,
        degradation: Degradation,
        utility: Seeing,
        settings: Learning,
        num_classes: int,
        seed: int,
        device: torch.device,
        size: int,
        weights: Mapping[str, str] | None = None,
    ) -> None:
        self.degradation = degradation.to(device)
        self.utility = utility.to(device)
        self.generation = -1
        self._settings = settings
        self.num_classes = num_classes or EMBEDDING
        self._seed = seed
        self._device = device
        self._size = size
        self._weights = weights or {}
        self.budgets: list[Seeing] = []
        self._optimisers: dict[str, torch.optim.Optimizer] = {}
        for name, module, rate in (
            ("degradation", self.degradation, settings.degradation_learning_rate),
            ("utility", self.utility, settings.utility_learning_rate),
        ):
            if learned := [parameter for parameter in module.parameters() if parameter.requires_grad]:
                self._optimisers[name] = torch.optim.Adam(learned, lr=rate)
        self.restart()

    def restart(self) -> None:
        """Reinitialise all f_b, each with its own weights."""
        self.generation += 1
        self.budgets = []
        for number in range(self._settings.num_budgets if self._settings.fights else 0):
            with random_numbers(self._seed, self.generation, number):
                name = self._settings.budget_name(number)
                budget = Seeing(name, self.num_classes, self._size, self._weights.get(name))
            self.budgets.append(budget.to(self._device))
            self._optimisers[f"budget{number}"] = torch.optim.Adam(
                budget.parameters(), lr=self._settings.budget_learning_rate
            )

    def hidden(self, batch: Batch, *, learns: bool) -> Tensor:
        """The output of f_d for a batch. learns: whether gradients for f_d are needed."""
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            shown: Tensor = self.degradation(batch.frames, batch.previous)
        return shown

    @contextmanager
    def training(self, learns: frozenset[Part]) -> Iterator[None]:
        """Within the block, these parts are trained; the others are frozen, in evaluation mode."""
        # f_d stays in training mode, in which extreme low resolution varies its output.
        self.degradation.train()
        for module, part in self._modules():
            if part != "degradation":
                module.train(part in learns)
            module.requires_grad_(part in learns)
        try:
            yield
        finally:
            for module, _ in self._modules():
                module.requires_grad_(True)
                module.eval()

    @contextmanager
    def evaluating(self) -> Iterator[None]:
        """Within the block, all parts are in evaluation mode; afterwards, modes are restored."""
        modes = [(module, module.training) for module, _ in self._modules()]
        for module, _ in modes:
            module.eval()
        try:
            yield
        finally:
            for module, mode in modes:
                module.train(mode)

    def _modules(self) -> Iterator[tuple[nn.Module, Part]]:
        yield self.degradation, "degradation"
        yield self.utility, "utility"
        for budget in self.budgets:
            yield budget, "budget"

    def step(self, learns: frozenset[Part]) -> None:
        """Update the weights of these parts, and reset all gradients."""
        for name, optimiser in self._optimisers.items():
            if name.rstrip("0123456789") in learns:
                optimiser.step()
            optimiser.zero_grad()

    def state(self) -> dict[str, Any]:
        """The complete state, for a file."""
        return {
            "generation": self.generation,
            "degradation": self.degradation.state_dict(),
            "utility": self.utility.state_dict(),
            "budgets": [budget.state_dict() for budget in self.budgets],
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """Restore a state from `state`."""
        self.generation = state["generation"]
        self.degradation.load_state_dict(state["degradation"])
        self.utility.load_state_dict(state["utility"])
        for budget, saved in zip(self.budgets, state["budgets"], strict=True):
            budget.load_state_dict(saved)
        for name, saved in state["optimisers"].items():
            self._optimisers[name].load_state_dict(saved)
