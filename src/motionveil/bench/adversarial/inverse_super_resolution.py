"""Which transforms a network for very few pixels learns from (Ryoo et al., AAAI 2017, inverse super-resolution)."""

from __future__ import annotations

from typing import cast

import numpy as np
import torch

from ...learned import LowResolution, transformed
from .batches import Draws
from .objectives import negative_entropy
from .parts import Parts

CANDIDATES = 32
"""Transforms that are tried for every choice, at least."""


def candidates(count: int, seeds: tuple[int, ...]) -> torch.Tensor:
    """Random transforms (count, 4): shift in cells of the low resolution, log of the scale, rotation in radians."""
    rng = np.random.default_rng(seeds)
    drawn = np.concatenate(
        [rng.uniform(-1, 1, (count, 2)), rng.uniform(-0.15, 0.15, (count, 1)), rng.uniform(-0.1, 0.1, (count, 1))], 1
    )
    return torch.from_numpy(drawn.astype(np.float32))


@torch.no_grad()
def choose_transforms(parts: Parts, clips: Draws, device: torch.device, seeds: tuple[int, ...]) -> None:
    """Put into f_d the transforms under which f_T is least sure of its answer, the identity always among them.

    "Maximum entropy" of the paper: what the network cannot tell yet is what it learns most from.
    """
    degradation = cast(LowResolution, parts.degradation)
    wanted = len(degradation.transforms) - 1
    tried = candidates(max(CANDIDATES, wanted), seeds).to(device)
    batch = clips().to(device)
    with parts.judging():
        uncertain = []
        for each in tried:
            moved = transformed(batch.frames, each.expand(len(batch.frames), 4), degradation.size)
            uncertain.append(-negative_entropy(parts.utility(degradation(moved))).mean())
    best = torch.stack(uncertain).argsort(descending=True)[:wanted]
    degradation.transforms.copy_(torch.cat([torch.zeros(1, 4, device=device), tried[best]]))
