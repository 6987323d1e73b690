"""The audit: attacks what was made, and says how much came back."""

from .auditing import Attackers, Audit, audit_video
from .method import Method
from .reconstruction import Training

__all__ = ["Attackers", "Audit", "Method", "Training", "audit_video"]
