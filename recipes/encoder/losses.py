"""What training minimises: arithmetic on cosines and labels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from .data import CLASSES, DOUBTFUL, HEAD, IGNORE, MEMBERS, PERSON

SCALE = 16.0
"""Inverse temperature of the cosine classifier."""
THRESHOLD = 0.5
"""Cosine that background competes with, so that 0.5 is where an attribute begins (Eq. 1 uses the raw cosine)."""
WEIGHTS = {
    **dict(enumerate((1.0, 1.5, 3.0, 3.0, 3.0, 4.0, 2.5, 1.5, 1.0, 1.0, 1.5))),
    HEAD: 2.5,
    PERSON: 1.0,
    DOUBTFUL: 1.0,
}
"""How much a pixel of each label counts in the cross entropy."""


def memberships() -> Tensor:
    """(labels, classes) float: 1 where a label may be a class, see `data.MEMBERS`."""
    table = torch.zeros(len(MEMBERS), len(CLASSES))
    for label, classes in MEMBERS.items():
        table[label, list(classes)] = 1
    return table


def loss_terms(cosines: Tensor, labels: Tensor, *, doubtful_background: float) -> dict[str, Tensor]:
    """Cross entropy against a background of constant cosine, overlap losses, and a hinge on the raw cosines.

    cosines (N, K, h, w), labels (N, 2h, 2w) as in `data`. The probabilities of what a label may be are summed before
    the logarithm, so that a head whose parts are unknown asks for a head, and for no part of it. Overlap is that of
    attributes over the batch, and that of heads and of persons in every crop by itself, so that one small head counts
    as much as a large one; misses weigh more than false alarms. Background where the network is sure of a person
    weighs only `doubtful_background` where somebody may have been overlooked.
    """
    cosines = functional.interpolate(cosines, size=labels.shape[-2:], mode="bilinear", align_corners=False)
    valid = labels != IGNORE
    target = torch.where(valid, labels, 0).long()
    table = memberships()
    weight = torch.tensor([WEIGHTS[label] for label in sorted(WEIGHTS)])[target] * valid
    strongest = cosines.detach().amax(dim=1)
    doubt = torch.where((target == DOUBTFUL) & (strongest > 0.7), doubtful_background, 1.0) * valid
    weight = weight * doubt

    background = torch.full_like(cosines[:, :1], THRESHOLD)
    log_probability = functional.log_softmax(SCALE * torch.cat([background, cosines], dim=1), dim=1)
    allowed = table[target].permute(0, 3, 1, 2)
    likelihood = (log_probability + torch.log(allowed + 1e-12)).logsumexp(dim=1)
    cross_entropy = -(likelihood * weight).sum() / weight.sum().clamp_min(1)

    probability = log_probability.exp()
    truth = functional.one_hot(target, len(MEMBERS)).permute(0, 3, 1, 2).float()
    # An attribute can only be judged where labels tell whether it is there.
    heads, anybody = truth[:, [HEAD, PERSON]].sum(1, keepdim=True), truth[:, [PERSON]]
    in_head = torch.tensor([label in MEMBERS[HEAD] for label in range(1, len(CLASSES))]).view(1, -1, 1, 1)
    known = doubt[:, None] * (1 - torch.where(in_head, heads, anybody))
    attributes = overlap_loss(probability[:, 1:], truth[:, 1 : len(CLASSES)], known, over=(0, 2, 3), misses=0.5)
    is_head = truth[:, [*MEMBERS[HEAD], HEAD]].sum(1, keepdim=True)
    is_person = truth[:, 1 : PERSON + 1].sum(1, keepdim=True)
    head = overlap_loss(
        probability[:, list(MEMBERS[HEAD])].sum(1, keepdim=True), is_head, doubt[:, None] * (1 - anybody), over=(2, 3),
        misses=0.65,
    )  # fmt: skip
    person = overlap_loss(1 - probability[:, :1], is_person, doubt[:, None], over=(2, 3), misses=0.6)

    ours = allowed[:, 1:]
    best = torch.where(ours > 0, cosines, -1.0).amax(dim=1)
    somebody = is_person[:, 0] * weight
    own = (functional.relu(0.9 - best) * somebody).sum() / somebody.sum().clamp_min(1)
    others = (functional.relu(cosines) * (1 - ours) * doubt[:, None]).sum() / doubt.sum().clamp_min(1)
    return {
        "cross_entropy": cross_entropy,
        "attributes": attributes,
        "head": 0.5 * head,
        "person": 0.5 * person,
        "own": 0.3 * own,
        "others": 0.3 * others,
    }


def overlap_loss(probability: Tensor, truth: Tensor, seen: Tensor, *, over: tuple[int, ...], misses: float) -> Tensor:
    """1 - Tversky index (Salehi et al., 2017) summed over some axes, mean over the others where there is anything."""
    hit = (probability * truth * seen).sum(dim=over)
    missed = ((1 - probability) * truth * seen).sum(dim=over)
    alarmed = (probability * (1 - truth) * seen).sum(dim=over)
    present = (truth * (seen > 0)).sum(dim=over) >= 4
    index = (hit + 1) / (hit + misses * missed + (1 - misses) * alarmed + 1)
    return (1 - index)[present].mean() if present.any() else hit.sum() * 0
