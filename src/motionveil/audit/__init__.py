"""The audit: attacks an output and reports how much of the original was recovered."""

from .auditing import Attackers, Audit, audit_video
from .method import Method
from .reconstruction import Training

__all__ = ["Attackers", "Audit", "Method", "Training", "audit_video"]
