"""Translates messages of the library for the command line: parameters in backticks become options."""

from __future__ import annotations

import re

OPTIONS = {
    "areas": "--area",
    "audio": "--audio",
    "colours": "--colours",
    "detectors": "--detector",
    "embeddings": "--embedding",
    "end": "--end",
    "engine": "--engine",
    "features": "--features",
    "filler": "--filler",
    "flow": "--flow",
    "frame_rate": "--frame-rate",
    "hide": "--hide",
    "inverse": "--inverse",
    "masks": "--mask",
    "match_first": "--match-first",
    "metadata": "--metadata",
    "method": "--method",
    "name": "--name",
    "overwrite": "--overwrite",
    "persons": "--person",
    "precision": "--precision",
    "preset": "--preset",
    "preview": "--preview",
    "scale": "--flow-scale",
    "seed": "--seed",
    "size": "--size",
    "start": "--start",
    "statistics": "--statistics",
    "strict": "--strict",
    "train_on": "--train-on",
    "whole_frame": "--whole-frame",
}
"""Parameter → option."""

_PARAMETER = re.compile(r"`(\w+)(?:=([^`]*))?`")


def with_options(message: str) -> str:
    """The message with options instead of parameters: `overwrite=True` becomes --overwrite, `flow="dis"` --flow dis."""
    return _PARAMETER.sub(_option, message)


def _option(match: re.Match[str]) -> str:
    name, value = match.groups()
    if name not in OPTIONS:
        return match[0]
    return OPTIONS[name] if value in (None, "True") else " ".join([OPTIONS[name], value.strip('"')])
