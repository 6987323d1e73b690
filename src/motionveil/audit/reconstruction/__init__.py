"""Reconstruction attacks. Their results are compared with those on a single colour."""

from .attack import Attack
from .reconstruct import ATTACKS, RecoveredFrames, Recovery, reconstruct
from .trained import AttackerTraining, training_excerpts

__all__ = [
    "ATTACKS",
    "Attack",
    "AttackerTraining",
    "RecoveredFrames",
    "Recovery",
    "reconstruct",
    "training_excerpts",
]
