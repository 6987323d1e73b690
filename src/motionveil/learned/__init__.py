"""Learned obfuscators: networks that transform whole frames, trained to preserve actions and hide people. Requires
torch.

`DEGRADATIONS` are the networks, `LEARNED_METHODS` the methods of training them, and `load_learned` loads a trained one.
They select no region and give no guarantee: they hide what the attackers in their training looked for. Everything but
`LEARNED_METHODS` is imported on first use, so that the methods can be listed without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .methods import LEARNED_METHODS

if TYPE_CHECKING:
    from .blur_difference_quantise import BlurDifferenceQuantise
    from .checkpoint import load_learned, save_learned
    from .degradation import Degradation
    from .low_resolution import LowResolution, transformed
    from .obfuscator import Fit, LearnedObfuscator
    from .tables import DEGRADATIONS, build_degradation
    from .transformation import Transformation
    from .unet import UNet

_HOME = {
    "BlurDifferenceQuantise": "blur_difference_quantise",
    "load_learned": "checkpoint",
    "save_learned": "checkpoint",
    "Degradation": "degradation",
    "LowResolution": "low_resolution",
    "transformed": "low_resolution",
    "Fit": "obfuscator",
    "LearnedObfuscator": "obfuscator",
    "DEGRADATIONS": "tables",
    "build_degradation": "tables",
    "Transformation": "transformation",
    "UNet": "unet",
}

__all__ = [
    "DEGRADATIONS",
    "LEARNED_METHODS",
    "BlurDifferenceQuantise",
    "Degradation",
    "Fit",
    "LearnedObfuscator",
    "LowResolution",
    "Transformation",
    "UNet",
    "build_degradation",
    "load_learned",
    "save_learned",
    "transformed",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ..models.engine import require_torch

    require_torch()
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value
