"""Attackers that try to get the picture back. What they find is measured against what they find in one grey."""

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
