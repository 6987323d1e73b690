"""The option --filler, and those that set single options of the filler, such as --grain."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._core.errors import OptionError
from ..obfuscation.factory import check_filler_options
from ..obfuscation.presets import Preset


def with_filler(
    preset: Preset, filler: tuple[str, Mapping[str, Any]] | None, single: Mapping[str, Any] | None = None
) -> Preset:
    """The preset with this filler.

    Args:
        preset: The preset to start from.
        filler: Name and options of the filler. Default: the preset's.
        single: Options that were given by themselves, such as --grain.

    Raises:
        OptionError: If an option is given twice, or if the filler does not accept it.
    """
    name, settings = filler or (preset.filler, {})
    single = single or {}
    if both := sorted(set(settings) & set(single)):
        raise OptionError(f"{both[0]} is given both in --filler and as --{both[0]}; omit one of them")
    given = {**single, **settings}
    check_filler_options(name, given)
    return preset.with_filler(name, **given)
