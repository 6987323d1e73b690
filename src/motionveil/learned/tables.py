"""The table of networks."""

from __future__ import annotations

import inspect
from typing import Any

from .._core.errors import OptionError
from .blur_difference_quantise import BlurDifferenceQuantise
from .degradation import Degradation
from .low_resolution import LowResolution
from .transformation import Transformation
from .unet import UNet

DEGRADATIONS: dict[str, type[Degradation]] = {
    made.name: made for made in (Transformation, UNet, BlurDifferenceQuantise, LowResolution)
}
"""Networks by name. To add one, write a module and add a line here."""


def build_degradation(name: str, /, **settings: Any) -> Degradation:
    """Create an untrained network. Raises OptionError for an unknown name, option or value."""
    if name not in DEGRADATIONS:
        raise OptionError(f"no degradation {name!r}; choose from {', '.join(DEGRADATIONS)}")
    known = inspect.signature(DEGRADATIONS[name]).parameters
    unknown = [option for option in settings if option not in known]
    if unknown:
        raise OptionError(f"the degradation {name} has no option {unknown[0]}; choose from {', '.join(known)}")
    return DEGRADATIONS[name](**settings)
