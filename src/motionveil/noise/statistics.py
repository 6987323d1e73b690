"""Colour statistics and palettes of noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from .._core.errors import OptionError
from .._core.types import UInt8Array

Palette = Literal["calm", "grey", "rainbow"]


@dataclass(frozen=True)
class NoiseStatistics:
    """Mean and standard deviation per channel, in [0, 1], of the images that noise should resemble."""

    mean: tuple[float, float, float] = (0.45, 0.45, 0.45)
    std: tuple[float, float, float] = (0.35, 0.35, 0.35)
    measured: bool = False
    """Whether they were measured on a video; if so, manifests do not contain them."""

    def as_text(self) -> str:
        """Mean and standard deviation as `statistics_of` reads them."""
        return " / ".join(" ".join(f"{number:.4f}" for number in part) for part in (self.mean, self.std))

    def __repr__(self) -> str:
        return f"NoiseStatistics({'measured' if self.measured else f'mean={self.mean}, std={self.std}'})"


WIDE = NoiseStatistics()
"""High contrast, so that motion is clearly visible; reveals nothing about any image."""
KINETICS = NoiseStatistics((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
"""The normalisation statistics of networks pretrained on Kinetics-400."""
IMAGENET = NoiseStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
UNIFORM = NoiseStatistics((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""All of [0, 1], as in the published code."""

STATISTICS = {"wide": WIDE, "kinetics": KINETICS, "imagenet": IMAGENET, "uniform": UNIFORM}
"""Statistics by name. To add some, add a line here."""


def statistics_of(value: NoiseStatistics | str) -> NoiseStatistics:
    """Statistics as they are, by name, or as `NoiseStatistics.as_text` has them. Raises OptionError for others."""
    if isinstance(value, NoiseStatistics):
        return value
    if value in STATISTICS:
        return STATISTICS[value]
    try:
        numbers = [[float(number) for number in part.split()] for part in value.split("/")]
    except ValueError:
        numbers = []
    if [len(part) for part in numbers] != [3, 3] or not all(0 <= number <= 1 for part in numbers for number in part):
        raise OptionError(
            f"unknown statistics {value!r}; choose from {', '.join(STATISTICS)}, or give mean and deviation of red, "
            'green and blue in [0, 1], such as "0.45 0.45 0.45 / 0.2 0.2 0.2"'
        )
    (red, green, blue), (of_red, of_green, of_blue) = numbers
    return NoiseStatistics((red, green, blue), (of_red, of_green, of_blue))


def measure_statistics(frames: UInt8Array) -> NoiseStatistics:
    """Measure frames (T, H, W, 3) uint8: the statistics of Eq. 3 for a custom dataset."""
    values = [frame.reshape(-1, 3) / 255 for frame in frames]
    mean = np.mean([value.mean(0) for value in values], axis=0)
    std = np.sqrt(np.mean([(value**2).mean(0) for value in values], axis=0) - mean**2)
    return NoiseStatistics((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), measured=True)


PALETTES: dict[str, tuple[tuple[float, float, float], ...]] = {
    "calm": ((1.0, 1.0, 1.0), (0.32, 0.0, -0.32), (0.12, -0.16, 0.12)),
    "grey": ((1.0, 1.0, 1.0),),
    "rainbow": ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
}
"""The contributions of independent fields to red, green and blue. To add a palette, add a line here.

calm: one field of brightness, which carries the motion, and faint ones from warm to cold and from green to purple.
"""
