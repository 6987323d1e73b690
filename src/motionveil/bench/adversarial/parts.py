"""f_d, f_T and the f_b of one training, with their optimisers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn

from ...learned import Degradation
from ..networks import build_network, get_network
from ..training.randomness import random_numbers
from .batches import Batch
from .phases import Part
from .settings import Learning

EMBEDDING = 128
"""Dimensions in which a contrastive f_b tells clips apart (SPAct)."""


class Seeing(nn.Module):
    """A network behind f_d: pictures (N, 3, T, H, W) in [0, 1] to logits (N, C).

    It sees a part of `size` pixels, any in training, the middle otherwise, as f_d works on whole frames, normalised as
    the network wants it; one for frames has its logits averaged over the T frames.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, num_classes: int, size: int, checkpoint: str | None = None) -> None:
        super().__init__()
        self.size = size
        told = get_network(name)
        self.network = build_network(name, num_classes, checkpoint=checkpoint)
        self.by_frame = told.level == "frame"
        # Not part of the state: what is saved is the network alone.
        self.register_buffer("mean", torch.tensor(told.mean).view(3, 1, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(told.deviation).view(3, 1, 1, 1), persistent=False)

    def forward(self, frames: Tensor) -> Tensor:
        spare = [length - self.size for length in frames.shape[-2:]]
        # By torch's generator on the CPU, so that a training repeats.
        top, left = (int(torch.randint(each + 1, ())) if self.training else each // 2 for each in spare)
        part = frames[..., top : top + self.size, left : left + self.size]
        clips = (part - self.mean) / self.deviation
        if not self.by_frame:
            return cast(Tensor, self.network(clips))
        logits: Tensor = self.network(clips.transpose(1, 2).flatten(0, 1))
        return logits.unflatten(0, (len(frames), -1)).mean(1)

    def halves(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Of the earlier and of the later half of the frames, in training each in a part and mirroring of its own."""
        half = max(1, frames.shape[2] // 2)
        later = frames[:, :, -half:]
        if self.training and torch.rand(()) < 0.5:
            later = later.flip(-1)
        return self(frames[:, :, :half]), self(later)


class Parts:
    """The networks that are trained with and against each other.

    num_classes: of the attribute; 0 where f_b tells clips apart. size: of the part of a frame that f_b sees. weights:
    files of pretrained weights by network. f_b start from these, or from what the seed and `generation` alone decide.
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
        """All f_b start afresh, each from weights of its own."""
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
        """f_d of a batch; learns: whether f_d is trained by what follows."""
        with torch.set_grad_enabled(learns and torch.is_grad_enabled()):
            shown: Tensor = self.degradation(batch.frames, batch.previous)
        return shown

    @contextmanager
    def training(self, learns: frozenset[Part]) -> Iterator[None]:
        """Within, these parts learn; the others are frozen, in evaluation mode."""
        # f_d keeps to training mode, in which extreme low resolution varies what it makes.
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
    def judging(self) -> Iterator[None]:
        """Within, all parts are in evaluation mode; afterwards each is in the mode that it was in."""
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
        """Change the weights of these parts by the gradients that were gathered, and forget those of all."""
        for name, optimiser in self._optimisers.items():
            if name.rstrip("0123456789") in learns:
                optimiser.step()
            optimiser.zero_grad()

    def state(self) -> dict[str, Any]:
        """All that changes, for a file."""
        return {
            "generation": self.generation,
            "degradation": self.degradation.state_dict(),
            "utility": self.utility.state_dict(),
            "budgets": [budget.state_dict() for budget in self.budgets],
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self._optimisers.items()},
        }

    def load(self, state: dict[str, Any]) -> None:
        """What `state` gave."""
        self.generation = state["generation"]
        self.degradation.load_state_dict(state["degradation"])
        self.utility.load_state_dict(state["utility"])
        for budget, saved in zip(self.budgets, state["budgets"], strict=True):
            budget.load_state_dict(saved)
        for name, saved in state["optimisers"].items():
            self._optimisers[name].load_state_dict(saved)
