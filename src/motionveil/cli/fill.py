"""What --fill and the options beside it mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import OptionError
from ..obfuscation.factory import check_filler_options
from ..obfuscation.presets import Preset


def with_fill(
    preset: Preset, fill: tuple[str, Mapping[str, Any]] | None, beside: Mapping[str, Any] | None = None
) -> Preset:
    """The preset with this filler. fill: its name and options, None for the preset's own. beside: options that were
    given by themselves, for instance --grain.

    Raises OptionError for an option that is given twice, or that the filler does not have or cannot use.
    """
    name, settings = fill or (preset.filler, {})
    beside = beside or {}
    if both := sorted(set(settings) & set(beside)):
        raise OptionError(f"{both[0]} is given in --fill and by --{both[0]}; leave one of them out")
    given = {**beside, **settings}
    check_filler_options(name, given)
    return preset.with_filler(name, **given)
