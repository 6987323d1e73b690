"""Reconstruction attacks. Their results are compared with those on a single colour."""

from .attack import Attack
from .reconstruct import ATTACKS, Moments, Recovery, reconstruct
from .trained import Training, training_excerpts

__all__ = [
    "ATTACKS",
    "Attack",
    "Moments",
    "Recovery",
    "Training",
    "reconstruct",
    "training_excerpts",
]
