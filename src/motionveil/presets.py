"""Named settings: `secure`, the default, and `paper`, what Ilic et al. published."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .errors import OptionError
from .noise import KINETICS, WIDE, NoiseStatistics, Transport
from .regions import Coverage


@dataclass(frozen=True)
class Preset:
    """Everything that a preset decides; any field may be replaced.

    grain: see `fillers.MotionNoise`. short_side, levels: see `features.PartsEncoder`.
    """

    name: str
    coverage: Coverage
    transport: Transport
    grain: float | None
    statistics: NoiseStatistics
    short_side: int
    levels: int


PRESETS = {
    "secure": Preset(
        name="secure",
        coverage=Coverage(
            combine="max", begin=0.2, full=0.4, margin=0.01, hold=0.25, keyframe_every=5, keyframe_seconds=0.17
        ),
        transport="accumulated",
        grain=None,
        statistics=WIDE,
        short_side=288,
        levels=2,
    ),
    "paper": Preset(
        name="paper",
        coverage=Coverage(combine="mean"),
        transport="first_frame",
        grain=1.0,
        statistics=KINETICS,
        short_side=320,
        levels=2,
    ),
}


def get_preset(name: str) -> Preset:
    """The preset of this name. Raises OptionError where there is none."""
    if name not in PRESETS:
        raise OptionError(f"no preset {name!r}; choose from {', '.join(PRESETS)}")
    return PRESETS[name]


def for_still(preset: Preset) -> Preset:
    """The preset for a single picture: there is time to look at it in full detail."""
    return replace(preset, short_side=768, levels=3)
