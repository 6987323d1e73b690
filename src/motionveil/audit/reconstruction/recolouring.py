"""Recolouring: inverts mere colour changes, such as negatives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..._core.types import UInt8Array
from ..footage import BoolArray
from .attack import Attack, Candidate, Case, PreparedAttack
from .evidence import Evidence


@dataclass(frozen=True)
class Recolouring(Attack):
    """An affine colour map, fitted to the original by least squares: an upper bound for any attacker.

    On a single colour, the fit yields the mean colour of the core, which is the floor. answers: by identity of the
    evidence, the original and the core, which `trial` reveals here.
    """

    answers: Mapping[int, tuple[UInt8Array, BoolArray]] = field(default_factory=dict, repr=False)

    name = "recolouring"
    summary = "Inverts colour changes, such as negatives, with the best possible fit."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """The targets in the best-fitting colours."""
        frames = evidence.frames[list(evidence.targets)]
        original, core = self.answers[id(evidence)]
        if not core.any():
            yield "affine", frames
            return
        known = _with_one(frames[core])
        fitted, *_ = np.linalg.lstsq(known, original[core].astype(np.float64), rcond=1e-9)
        recoloured = _with_one(frames.reshape(-1, 3)) @ fitted
        yield "affine", np.clip(recoloured + 0.5, 0, 255).astype(np.uint8).reshape(frames.shape)

    def prepare(self, case: Case) -> PreparedAttack:
        """The attack with the answers."""
        scenes = case.scenes(self.short_side)
        answers = {id(e): (scene.original, scene.core) for scene in scenes for e in (scene.evidence, scene.floor)}
        attack = Recolouring(answers)
        return PreparedAttack(scenes, attack, attack)


def _with_one(pixels: UInt8Array) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """(N, 3) colours with a column of ones."""
    return np.column_stack([pixels.astype(np.float64), np.ones(len(pixels))])
