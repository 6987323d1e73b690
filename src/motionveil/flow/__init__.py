"""Optical flow: where every point of one frame lies in another."""

from collections.abc import Callable

from .dis import DISFlow
from .farneback import FarnebackFlow
from .motion import FlowEstimator, with_motion
from .raft import RAFTFlow

__all__ = ["FLOW_ESTIMATORS", "DISFlow", "FarnebackFlow", "FlowEstimator", "RAFTFlow", "with_motion"]

FLOW_ESTIMATORS: dict[str, Callable[..., FlowEstimator]] = {
    "dis": DISFlow,
    "farneback": FarnebackFlow,
    "raft": RAFTFlow,
}
"""Estimators by name; a new one is one file and one line here."""
