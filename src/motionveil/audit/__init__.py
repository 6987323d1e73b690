"""The audit: attacks an output and reports how much of the original was recovered."""

from .auditing import Attackers, Audit, audit_video
from .method import KnownMethod
from .reconstruction import AttackerTraining

__all__ = ["AttackerTraining", "Attackers", "Audit", "KnownMethod", "audit_video"]
