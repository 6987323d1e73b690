"""Optical flow estimators."""

from collections.abc import Callable

from .dis import DISFlow
from .farneback import FarnebackFlow
from .motion import FlowEstimator, shows_another_scene, with_motion
from .raft import RAFTFlow

__all__ = [
    "FLOW_ESTIMATORS",
    "DISFlow",
    "FarnebackFlow",
    "FlowEstimator",
    "RAFTFlow",
    "shows_another_scene",
    "with_motion",
]

FLOW_ESTIMATORS: dict[str, Callable[..., FlowEstimator]] = {
    "dis": DISFlow,
    "farneback": FarnebackFlow,
    "raft": RAFTFlow,
}
"""Estimators by name. To add one, write a module and add a line here."""
