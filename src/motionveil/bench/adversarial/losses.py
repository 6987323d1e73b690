"""What the phases of a training minimise."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from ..sampling import TestClips
from . import objectives
from .batches import Draws
from .parts import Parts
from .phases import Phase, Term
from .settings import Learning


class Data(NamedTuple):
    """Clips of both tasks: those to learn from, and those that say how far it is.

    apart: whether attributes come from another dataset than actions. Then what needs no labels is fought on the clips
    of the actions, as published; otherwise on the training clips of the attribute, since attackers may be tested on
    those of the actions.
    """

    actions: Draws
    attributes: Draws
    action_validation: TestClips
    attribute_validation: TestClips
    apart: bool = False


class Losses(NamedTuple):
    """Of one batch: what is minimised, the part of it beside the utility loss, and an accuracy of what learned."""

    total: Tensor
    privacy: float
    accuracy: float


def losses_of(phase: Phase, parts: Parts, data: Data, settings: Learning) -> Losses:
    """What a phase minimises, on the next batches of the clips that it needs."""
    learns, device = "degradation" in phase.learns, next(parts.utility.parameters()).device
    total: Tensor = torch.zeros((), device=device)
    privacy, accuracy = 0.0, 0.0
    shown: Tensor | None = None
    if phase.utility:
        batch = data.actions().to(device)
        shown = parts.hidden(batch, learns=learns)
        logits = parts.utility(shown)
        total = objectives.recognition_loss(logits, batch.targets)
        accuracy = objectives.accuracy(logits.detach(), batch.targets)
    if phase.term:
        term, found = _term(phase, shown, parts, data, settings)
        weighted = learns and phase.term not in ("identity", "reversal")
        total = total + (settings.gamma if weighted else 1.0) * term
        privacy, accuracy = float(term.detach()), found if found is not None else accuracy
    return Losses(total, privacy, accuracy)


def _term(
    phase: Phase, of_actions: Tensor | None, parts: Parts, data: Data, settings: Learning
) -> tuple[Tensor, float | None]:
    """The loss beside the utility loss, and the accuracy of the weakest f_b where f_b alone learns.

    of_actions: what f_d made of the clips of the actions in this step.
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
        shown = objectives.reverse_gradient(shown, settings.gamma)
    if not settings.needs_labels:
        pairs = [budget.halves(shown) for budget in parts.budgets]
        losses = [objectives.contrastive_loss(*pair) for pair in pairs]
        accuracies = [objectives.retrieval_accuracy(*pair) for pair in pairs]
    else:
        answers = [budget(shown) for budget in parts.budgets]
        losses = [objectives.recognition_loss(answer, batch.targets) for answer in answers]
        accuracies = [objectives.accuracy(answer.detach(), batch.targets) for answer in answers]
    if phase.term in ("strongest", "contrastive"):
        loss = losses[objectives.strongest(losses)]
        if phase.term == "strongest" and settings.up_to_chance:
            loss = loss.clamp(max=objectives.loss_of_guessing(parts.num_classes, multilabel=batch.targets.ndim > 1))
        return -loss, None
    return torch.stack(losses).mean(), None if phase.utility else min(accuracies)


def _unsure(term: Term, shown: Tensor, parts: Parts, data: Data) -> Tensor:
    """How sure the surest f_b is of each clip, in the mean."""
    measure = objectives.negative_entropy if term == "entropy" else objectives.uniform_cross_entropy
    multilabel = data.attribute_validation.task.multilabel
    return objectives.worst_of([measure(budget(shown), multilabel=multilabel) for budget in parts.budgets])
