"""Selective obfuscations that an experiment describes by itself, in tables of its file."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from .._core.errors import MotionveilError, OptionError
from ..detection.saliency import opacity_curve
from ..detection.templates import built_in_library
from ..obfuscation.factory import make_filler
from ..obfuscation.presets import get_preset
from ..regions import Where
from .obfuscations import OBFUSCATIONS, ORIGINAL, TEMPLATE, Obfuscation

FIELDS = ("preset", "hide", "opacity", "margin", "hold", "grain", "statistics")
"""What a table may say; what it leaves out is as in its preset."""


def read_selective(told: Mapping[str, Any], where: str) -> Obfuscation:
    """The obfuscation that a table describes. where: how the table is called in errors.

    preset: a name, default `secure`. hide: names of templates and groups, default `person`. opacity: where it begins
    and where it is full, `margin`, `hold`: see `regions.Coverage`. grain, in pixels, and statistics, by name: of noise.
    Raises OptionError, which names the table, for a setting that does not exist or a value that makes no sense.
    """
    if unknown := set(told) - set(FIELDS):
        raise OptionError(f"{where} has a setting {min(unknown)!r} that does not exist; there are {', '.join(FIELDS)}")
    _check_kinds(told, where)
    try:
        preset = get_preset(told.get("preset", "secure"))
        given = {name: float(told[name]) for name in ("margin", "hold") if name in told}
        coverage = replace(preset.coverage, **cast(Any, given))
        if "opacity" in told:
            coverage = coverage.with_opacity(*map(float, told["opacity"]))
        filling: dict[str, Any] = {name: told[name] for name in ("grain", "statistics") if name in told}
        if "grain" in filling and not filling["grain"] >= 1:  # the noise would say so when the first frame comes
            raise OptionError(f"the grain of the noise must be at least 1 pixel, not {filling['grain']:g}")
        changed = replace(preset, coverage=coverage)
        changed = changed.with_filler(preset.filler, **filling)
        opacity_curve(np.zeros(1, np.float32), changed.coverage.begin, changed.coverage.full)
        if filling.get("statistics") != "video":  # which are measured where there are frames
            make_filler(changed.filler, **changed.filler_options)
        hide = tuple(told.get("hide", ("person",)))
        chosen = Where(hide=hide)
        built_in_library().names(hide)
    except MotionveilError as error:
        raise OptionError(f"{where}: {error}") from error
    # Another name than the preset's only where it is no longer that preset.
    return Obfuscation(preset if changed == preset else replace(changed, name=f"{preset.name}, changed"), chosen)


def _check_kinds(told: Mapping[str, Any], where: str) -> None:
    def is_number(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)

    for name, value in told.items():
        if name in ("margin", "hold", "grain") and not is_number(value):
            raise OptionError(f"{name} of {where} must be a number, not {value!r}")
        if name in ("preset", "statistics") and not isinstance(value, str):
            raise OptionError(f"{name} of {where} must be a name, not {value!r}")
        if name == "opacity" and not (
            isinstance(value, list | tuple) and len(value) == 2 and all(map(is_number, value))
        ):
            raise OptionError(f"opacity of {where} must be two numbers, where it begins and is full, not {value!r}")
        if name == "hide" and not (isinstance(value, list | tuple) and all(isinstance(each, str) for each in value)):
            raise OptionError(f"hide of {where} must be a list of names, not {value!r}")


def check_names(**tables: Collection[str]) -> None:
    """Raise OptionError for a name that cannot name a folder, or that another obfuscation has. tables: the names of an
    experiment's own obfuscations, by what their tables are called."""
    seen: set[str] = set()
    for table, names in tables.items():
        for name in names:
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", name):
                raise OptionError(f"[{table}.{name}] cannot be named so; use letters, digits, - and _")
            if name in (ORIGINAL, *OBFUSCATIONS, *seen) or name.startswith(TEMPLATE):
                raise OptionError(f"[{table}.{name}] has the name of another obfuscation; choose another name")
            seen.add(name)


def selective_table(name: str, told: Mapping[str, Any]) -> str:
    """A table as an experiment file has it, with its heading; `read_selective` reads the same."""
    # Texts, numbers and lists of them are written alike in JSON and TOML.
    lines = [f"{key} = {json.dumps(told[key])}" for key in FIELDS if key in told]
    return "\n".join([f"[selective.{name}]", *lines, ""])
