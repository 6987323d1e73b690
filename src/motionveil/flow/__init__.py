"""Optical flow: where every point of one frame lies in another."""

from .dis import DISFlow
from .motion import FlowEstimator, with_motion

__all__ = ["FLOW_ESTIMATORS", "DISFlow", "FlowEstimator", "with_motion"]

FLOW_ESTIMATORS = {"dis": DISFlow}
"""Estimators by name; a new one is one file and one line here."""
