"""Losses: the objectives of hiding, the losses of the phases, and the choice of transforms of inverse super-resolution.

Throughout, logits are (N, C) float; targets are (N,) int, or (N, C) 0 and 1 for several labels. Equations are those of
Wu et al., TPAMI 2020 (arXiv 1906.05675), unless a docstring names another paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from motionveil.learned import LowResolution, transformed

from ..clips.sampling import TestClips
from .parts import Draws, Parts
from .settings import Learning, Phase, Term


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: float) -> Tensor:
        context.weight = weight
        return inputs.view_as(inputs)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -context.weight * gradients[0], None


def reverse_gradient(inputs: Tensor, weight: float) -> Tensor:
    """The identity, whose gradient is reversed and weighted (Ganin and Lempitsky, ICML 2015)."""
    reversed_: Tensor = _Reversal.apply(inputs, weight)
    return reversed_


def recognition_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over the clips, L_b; for several labels, mean binary cross entropy over clips and labels."""
    if targets.ndim == 1:
        return functional.cross_entropy(logits, targets)
    return functional.binary_cross_entropy_with_logits(logits, targets.float())


def recognition_accuracy(logits: Tensor, targets: Tensor) -> float:
    """Fraction of correct clips; for several labels, of correct binary decisions."""
    right = logits.argmax(1) == targets if targets.ndim == 1 else (logits > 0) == (targets > 0.5)
    return float(right.float().mean())


def loss_of_guessing(num_classes: int, *, multilabel: bool = False) -> float:
    """The loss of a uniform prediction, in nats."""
    return math.log(2 if multilabel else num_classes)


def strongest(losses: Sequence[Tensor]) -> int:
    """The index of the budget network with the lowest loss; ties are won by the first (K-beam, Algorithm 1)."""
    values = [float(loss.detach()) for loss in losses]
    return values.index(min(values))


def negative_entropy(logits: Tensor, *, multilabel: bool = False) -> Tensor:
    """Negative entropy of each prediction, (N,), in nats; for several labels, the mean over the labels.

    The minimum, -log C (-log 2), is reached for uniform predictions.
    """
    if multilabel:
        yes = torch.sigmoid(logits)
        entropies = -(yes * functional.logsigmoid(logits) + (1 - yes) * functional.logsigmoid(-logits))
        return -entropies.mean(1)
    logs = functional.log_softmax(logits, 1)
    return (logs.exp() * logs).sum(1)


def uniform_cross_entropy(logits: Tensor, *, multilabel: bool = False) -> Tensor:
    """Cross entropy of the uniform distribution and each prediction, (N,), in nats.

    The minimum, log C (log 2), is reached for uniform predictions. Unlike that of the entropy, its gradient does not
    vanish for confident predictions, which is why the published code uses it.
    """
    if multilabel:
        return -(functional.logsigmoid(logits) + functional.logsigmoid(-logits)).mean(1) / 2
    return -functional.log_softmax(logits, 1).mean(1)


def worst_of(values: Sequence[Tensor]) -> Tensor:
    """The maximum over M networks for each clip, (N,) each; the mean over the clips (model ensemble)."""
    return torch.stack(list(values)).amax(0).mean()


def contrastive_loss(first: Tensor, second: Tensor, temperature: float = 0.1) -> Tensor:
    """NT-Xent (Chen et al., ICML 2020) of embeddings (N, D) of two views of the same N clips, as in SPAct.

    Low if the views of a clip are similar, and different from those of other clips, so that clips can be distinguished.
    """
    found = functional.normalize(torch.cat([first, second]), dim=1)
    similarities = found @ found.T / temperature
    itself = torch.eye(len(found), dtype=torch.bool, device=found.device)
    others = torch.arange(len(found), device=found.device).roll(len(first))
    return functional.cross_entropy(similarities.masked_fill(itself, float("-inf")), others)


def retrieval_accuracy(first: Tensor, second: Tensor) -> float:
    """Fraction of clips whose second view is more similar to their first view than that of any other clip."""
    similarities = functional.normalize(first, dim=1) @ functional.normalize(second, dim=1).T
    return float((similarities.argmax(1).cpu() == torch.arange(len(first))).float().mean())


class Data(NamedTuple):
    """Clips of both tasks, for training and for validation.

    apart: whether attributes come from another dataset than actions. If so, losses without labels use the clips of the
    actions, as published; otherwise the training clips of the attribute, since attackers may be tested on those of the
    actions.
    """

    actions: Draws
    attributes: Draws
    action_validation: TestClips
    attribute_validation: TestClips
    apart: bool = False


class Losses(NamedTuple):
    """Results of one batch: the loss, its part beside the utility loss, and the accuracy of the trained networks."""

    total: Tensor
    privacy: float
    accuracy: float


def losses_of(phase: Phase, parts: Parts, data: Data, settings: Learning) -> Losses:
    """The loss of a phase, on the next batches of the clips that it needs."""
    learns, device = "degradation" in phase.learns, next(parts.utility.parameters()).device
    total: Tensor = torch.zeros((), device=device)
    privacy, accuracy = 0.0, 0.0
    shown: Tensor | None = None
    if phase.utility:
        batch = data.actions().to(device)
        shown = parts.hidden(batch, learns=learns)
        logits = parts.utility(shown)
        total = recognition_loss(logits, batch.targets)
        accuracy = recognition_accuracy(logits.detach(), batch.targets)
    if phase.term:
        term, found = _term(phase, shown, parts, data, settings)
        weighted = learns and phase.term not in ("identity", "reversal")
        total = total + (settings.gamma if weighted else 1.0) * term
        privacy, accuracy = float(term.detach()), found if found is not None else accuracy
    return Losses(total, privacy, accuracy)


def _term(
    phase: Phase, of_actions: Tensor | None, parts: Parts, data: Data, settings: Learning
) -> tuple[Tensor, float | None]:
    """The loss beside the utility loss, and the accuracy of the weakest f_b if only f_b is trained.

    of_actions: the output of f_d for the clips of the actions in this step.
    """
    learns, device = "degradation" in phase.learns, next(parts.utility.parameters()).device
    if phase.term == "identity":
        batch = data.actions().to(device)
        return functional.mse_loss(parts.hidden(batch, learns=learns), batch.frames), None
    needs_labels = phase.term not in ("entropy", "uniform")
    if of_actions is not None and data.apart and not needs_labels:
        return _unsure(phase.term, of_actions, parts, data), None
    batch = data.attributes().to(device)
    shown = parts.hidden(batch, learns=learns)
    if not needs_labels:
        return _unsure(phase.term, shown, parts, data), None
    if phase.term == "reversal":
        shown = reverse_gradient(shown, settings.gamma)
    if not settings.needs_labels:
        pairs = [budget.halves(shown) for budget in parts.budgets]
        losses = [contrastive_loss(*pair) for pair in pairs]
        accuracies = [retrieval_accuracy(*pair) for pair in pairs]
    else:
        answers = [budget(shown) for budget in parts.budgets]
        losses = [recognition_loss(answer, batch.targets) for answer in answers]
        accuracies = [recognition_accuracy(answer.detach(), batch.targets) for answer in answers]
    if phase.term in ("strongest", "contrastive"):
        loss = losses[strongest(losses)]
        if phase.term == "strongest" and settings.up_to_chance:
            loss = loss.clamp(max=loss_of_guessing(parts.num_classes, multilabel=batch.targets.ndim > 1))
        return -loss, None
    return torch.stack(losses).mean(), None if phase.utility else min(accuracies)


def _unsure(term: Term, shown: Tensor, parts: Parts, data: Data) -> Tensor:
    """The mean over clips of the confidence of the most confident f_b."""
    measure = negative_entropy if term == "entropy" else uniform_cross_entropy
    multilabel = data.attribute_validation.task.multilabel
    return worst_of([measure(budget(shown), multilabel=multilabel) for budget in parts.budgets])


CANDIDATES = 32
"""Minimum number of transforms to choose from."""


def candidates(count: int, seeds: tuple[int, ...]) -> torch.Tensor:
    """Random transforms (count, 4): shift in cells of the low resolution, log of the scale, rotation in radians."""
    rng = np.random.default_rng(seeds)
    drawn = np.concatenate(
        [rng.uniform(-1, 1, (count, 2)), rng.uniform(-0.15, 0.15, (count, 1)), rng.uniform(-0.1, 0.1, (count, 1))], 1
    )
    return torch.from_numpy(drawn.astype(np.float32))


@torch.no_grad()
def choose_transforms(parts: Parts, clips: Draws, device: torch.device, seeds: tuple[int, ...]) -> None:
    """Set the transforms of f_d to those with the lowest confidence of f_T, always including the identity.

    This is the "maximum entropy" of the paper: the network learns most from what it cannot recognise yet.
    """
    degradation = cast(LowResolution, parts.degradation)
    wanted = len(degradation.transforms) - 1
    tried = candidates(max(CANDIDATES, wanted), seeds).to(device)
    batch = clips().to(device)
    with parts.evaluating():
        uncertain = []
        for each in tried:
            moved = transformed(batch.frames, each.expand(len(batch.frames), 4), degradation.size)
            uncertain.append(-negative_entropy(parts.utility(degradation(moved))).mean())
    best = torch.stack(uncertain).argsort(descending=True)[:wanted]
    degradation.transforms.copy_(torch.cat([torch.zeros(1, 4, device=device), tried[best]]))
