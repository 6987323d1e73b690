"""The range of noise in every channel, and its colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._core.errors import OptionError
from .._core.types import UInt8Array

Palette = Literal["calm", "grey", "rainbow"]


@dataclass(frozen=True)
class NoiseStatistics:
    """Mean and standard deviation per channel, in [0, 1], of the pictures that the noise should resemble."""

    mean: tuple[float, float, float] = (0.45, 0.45, 0.45)
    std: tuple[float, float, float] = (0.35, 0.35, 0.35)
    measured: bool = False
    """Whether they are those of somebody's video: then records do not show them."""

    def __repr__(self) -> str:
        return f"NoiseStatistics({'measured' if self.measured else f'mean={self.mean}, std={self.std}'})"


WIDE = NoiseStatistics()
"""High contrast, so that motion is easy to see; tells nothing about any picture."""
KINETICS = NoiseStatistics((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
"""The statistics that networks pretrained on Kinetics-400 normalise by."""
IMAGENET = NoiseStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
UNIFORM = NoiseStatistics((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""All of [0, 1], as the published code draws it."""

STATISTICS = {"wide": WIDE, "kinetics": KINETICS, "imagenet": IMAGENET, "uniform": UNIFORM}
"""Statistics by name; a new one is one line here."""


def statistics_of(value: NoiseStatistics | str) -> NoiseStatistics:
    """Statistics as they are, or those of this name. Raises OptionError where there are none."""
    if isinstance(value, NoiseStatistics):
        return value
    if value not in STATISTICS:
        raise OptionError(f"no statistics {value!r}; choose from {', '.join(STATISTICS)}")
    return STATISTICS[value]


def measure_statistics(frames: UInt8Array) -> NoiseStatistics:
    """The statistics of some frames (T, H, W, 3) uint8: what Eq. 3 asks for, of a data set of one's own."""
    values = [frame.reshape(-1, 3) / 255 for frame in frames]
    mean = np.mean([value.mean(0) for value in values], axis=0)
    std = np.sqrt(np.mean([(value**2).mean(0) for value in values], axis=0) - mean**2)
    return NoiseStatistics((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), measured=True)


PALETTES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "calm": ((1.0, 1.0, 1.0), (0.32, 0.0, -0.32), (0.12, -0.16, 0.12)),
    "grey": ((1.0, 1.0, 1.0),),
    "rainbow": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}
"""Of independent fields, what each gives to red, green and blue; a new palette is one line here.

calm: one for the brightness, which carries the motion, and faint ones from warm to cold and from green to purple.
"""
