"""The arithmetic of hiding: what budget networks are told, and what they are fought with. All functions are pure.

Throughout: logits (N, C) float; targets (N,) int, or (N, C) 0 and 1 with several labels at once. Equations are those of
Wu et al., TPAMI 2020 (arXiv 1906.05675), unless a docstring names another paper.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, inputs: Tensor, weight: float) -> Tensor:
        context.weight = weight
        return inputs.view_as(inputs)

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -context.weight * gradients[0], None


def reverse_gradient(inputs: Tensor, weight: float) -> Tensor:
    """The inputs as they are; their gradient is turned round and weighted (Ganin and Lempitsky, ICML 2015)."""
    reversed_: Tensor = _Reversal.apply(inputs, weight)
    return reversed_


def recognition_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean cross entropy over the clips, L_b; with several labels at once the binary one, over all labels too."""
    if targets.ndim == 1:
        return functional.cross_entropy(logits, targets)
    return functional.binary_cross_entropy_with_logits(logits, targets.float())


def accuracy(logits: Tensor, targets: Tensor) -> float:
    """Share of clips that are right; with several labels at once share of right yes and no."""
    right = logits.argmax(1) == targets if targets.ndim == 1 else (logits > 0) == (targets > 0.5)
    return float(right.float().mean())


def loss_of_guessing(num_classes: int, *, multilabel: bool = False) -> float:
    """The recognition loss of whoever takes all classes for as likely, in nats."""
    return math.log(2 if multilabel else num_classes)


def strongest(losses: Sequence[Tensor]) -> int:
    """The number of the budget network with the lowest loss; of equal ones the first (K-beam, Algorithm 1)."""
    values = [float(loss.detach()) for loss in losses]
    return values.index(min(values))


def negative_entropy(logits: Tensor, *, multilabel: bool = False) -> Tensor:
    """Minus the entropy of every prediction, (N,), in nats; with several labels at once the mean over the labels.

    Lowest, -log C (-log 2), where the network cannot tell at all.
    """
    if multilabel:
        yes = torch.sigmoid(logits)
        entropies = -(yes * functional.logsigmoid(logits) + (1 - yes) * functional.logsigmoid(-logits))
        return -entropies.mean(1)
    logs = functional.log_softmax(logits, 1)
    return (logs.exp() * logs).sum(1)


def uniform_cross_entropy(logits: Tensor, *, multilabel: bool = False) -> Tensor:
    """Cross entropy between 'all classes are as likely' and every prediction, (N,), in nats.

    Lowest, log C (log 2), where the network cannot tell at all. Unlike the entropy its gradient does not vanish where
    the network is sure, and therefore the published code uses it.
    """
    if multilabel:
        return -(functional.logsigmoid(logits) + functional.logsigmoid(-logits)).mean(1) / 2
    return -functional.log_softmax(logits, 1).mean(1)


def worst_of(values: Sequence[Tensor]) -> Tensor:
    """Of each clip the highest of what M networks say, (N,) each; the mean over the clips (model ensemble)."""
    return torch.stack(list(values)).amax(0).mean()


def contrastive_loss(first: Tensor, second: Tensor, temperature: float = 0.1) -> Tensor:
    """NT-Xent (Chen et al., ICML 2020) of embeddings (N, D) of two looks at the same N clips, as in SPAct.

    Low where both looks at a clip are alike and other clips are not: where clips can be told apart.
    """
    found = functional.normalize(torch.cat([first, second]), dim=1)
    similarities = found @ found.T / temperature
    itself = torch.eye(len(found), dtype=torch.bool, device=found.device)
    others = torch.arange(len(found), device=found.device).roll(len(first))
    return functional.cross_entropy(similarities.masked_fill(itself, float("-inf")), others)


def retrieval_accuracy(first: Tensor, second: Tensor) -> float:
    """Share of clips whose second look is more alike to their first look than that of every other clip."""
    similarities = functional.normalize(first, dim=1) @ functional.normalize(second, dim=1).T
    return float((similarities.argmax(1).cpu() == torch.arange(len(first))).float().mean())
