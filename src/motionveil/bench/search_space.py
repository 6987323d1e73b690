"""What a search may change of a preset, as the parameters that it draws. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import OptionError
from ..detection.templates import ATTRIBUTES
from ..noise import STATISTICS
from ..obfuscation.presets import Preset

HIDEABLE = (*ATTRIBUTES, "other_person")
"""Templates, each of which is hidden or not."""
RANGES: Mapping[str, tuple[float, float, float]] = {
    "begin": (0.05, 0.5, 0.01),
    "width": (0.05, 0.4, 0.01),
    "margin": (0.0, 0.05, 0.005),
    "hold": (0.0, 2.0, 0.25),
    "grain": (1.0, 12.0, 0.5),
}
"""Least, greatest, step. begin and width: the saliency at which opacity begins, and over which it rises to 1; grain in
pixels; the others as in `regions.Coverage`."""
_GRAIN = 6.0
"""Stands for a grain that the frame's size decides: that of a short side of 240."""


def start_parameters(preset: Preset) -> dict[str, Any]:
    """The parameters of a preset that hides people. Raises OptionError where it lies outside what is searched."""
    coverage, filling = preset.coverage, preset.filler_options
    found = {
        **{f"hide_{name}": True for name in HIDEABLE},
        "begin": coverage.begin,
        "width": round(coverage.full - coverage.begin, 6),
        "margin": coverage.margin,
        "hold": coverage.hold,
        "grain": filling.get("grain", _GRAIN),
        "statistics": filling.get("statistics", "wide"),
    }
    for name, (least, greatest, _) in RANGES.items():
        if not least <= found[name] <= greatest:
            raise OptionError(
                f"start of [search] is {preset.name}, whose {name} of {found[name]:g} lies outside what is searched, "
                f"{least:g} to {greatest:g}; choose secure"
            )
    if found["statistics"] not in STATISTICS:
        raise OptionError(f"start of [search] is {preset.name}, whose noise has other statistics; choose secure")
    return found


def table_of(parameters: Mapping[str, Any], preset: str) -> dict[str, Any] | None:
    """The table of `selective.read_selective` that some parameters mean; None where they hide nothing."""
    hide = [name for name in HIDEABLE if parameters[f"hide_{name}"]]
    if not hide:
        return None
    # Steps add up to 0.22999999999999998: what is written is what is meant.
    value = {name: round(float(parameters[name]), 6) for name in RANGES}
    return {
        "preset": preset,
        "hide": hide,
        "opacity": [value["begin"], round(value["begin"] + value["width"], 6)],
        **{name: value[name] for name in ("margin", "hold", "grain")},
        "statistics": parameters["statistics"],
    }
