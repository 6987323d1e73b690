"""Small networks that tests run in no time."""

from __future__ import annotations

from typing import Any

import torch

from motionveil.learned import Degradation, build_degradation

SMALL: dict[str, dict[str, Any]] = {
    "transformation": {"width": 4, "blocks": 1},
    "unet": {"width": 4, "depth": 2},
    "blur_difference_quantise": {"levels": 6},
    "low_resolution": {"size": 5, "num_transforms": 3},
}
"""Every degradation of the table, with settings other than its defaults."""


def small(name: str, seed: int = 0, **settings: Any) -> Degradation:
    """An untrained one, always the same."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_degradation(name, **{**SMALL[name], **settings})
