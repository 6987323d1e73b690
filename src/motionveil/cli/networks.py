"""Options that choose the networks: what describes a frame, and what estimates its motion."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..building import Frames, Networks
from ..engine import ENGINES, PRECISIONS
from ..features import FEATURE_EXTRACTORS, FeatureExtractor
from ..flow import FLOW_ESTIMATORS
from ..presets import get_preset
from .numbers import Number, Whole

Command = TypeVar("Command", bound=Callable[..., Any])

_FEATURES = {
    "detail": click.option(
        "--detail",
        type=Whole(16, 2160),
        help="Short side at which keyframes are looked at. See --smallest-person for what it is to find.",
    ),
    "smallest_person": click.option(
        "--smallest-person",
        type=Number(4, 4320),
        metavar="PIXELS",
        help="Height in the frame of the smallest people to be found. Default: 40, in frames of 1080 rows at most.",
    ),
    "weights": click.option("--weights", metavar="FILE", help="Weights of the features, when not in their folder."),
    "layer": click.option("--layer", type=Whole(0, 1000), help="Layer of the features, from 0. Default: the last."),
    "facet": click.option("--facet", type=click.Choice(["key", "query", "value", "token"]), help="Default: key."),
    "stride": click.option("--stride", type=Whole(1, 1000), help="Pixels between the patches of the features."),
    "bins": click.option("--bins", is_flag=True, default=None, help="Descriptors that include their surroundings."),
    "placement": click.option(
        "--placement", type=click.Choice(["frame", "patches"]), help="Where cells lie; frame: as published."
    ),
    "engine": click.option("--engine", type=click.Choice(["auto", *ENGINES]), help="What runs the network."),
    "precision": click.option(
        "--precision", type=click.Choice(PRECISIONS), help="int8 is measured on the first frames of the first input."
    ),
}
_NAMES = {"detail": "short_side"}
"""What an option is called by the extractors, where that is not its own name."""
_FLOW = {
    "flow_weights": click.option(
        "--flow-weights", metavar="NAME|FILE", help="Weights of the flow. Default: raft_sintel."
    ),
    "flow_iterations": click.option("--flow-iterations", type=Whole(1, 1000), help="Default: 12."),
    "flow_scale": click.option("--flow-scale", type=Number(0.05, 8), help="Resize frames by this first. Default: 1."),
}

_FULL = get_preset("secure").with_features("parts", short_side=768, levels=3)


def feature_options(command: Command) -> Command:
    """--features and what belongs to it."""
    for option in reversed(_FEATURES.values()):
        command = option(command)
    return click.option(
        "--features",
        type=click.Choice(list(FEATURE_EXTRACTORS)),
        help="What describes the frames. Default: the preset's.",
    )(command)


def flow_options(command: Command) -> Command:
    """--flow and what belongs to it."""
    for option in reversed(_FLOW.values()):
        command = option(command)
    return click.option(
        "--flow", type=click.Choice(list(FLOW_ESTIMATORS)), help="What estimates motion. Default: the preset's."
    )(command)


def take_features(options: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Take the options of `feature_options` out of a dictionary: the name, and what else was given."""
    given = {_NAMES.get(key, key): options.pop(key) for key in _FEATURES}
    return options.pop("features"), {key: value for key, value in given.items() if value is not None}


def take_flow(options: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The same for the flow."""
    given = {key.removeprefix("flow_"): options.pop(key) for key in _FLOW}
    return options.pop("flow"), {key: value for key, value in given.items() if value is not None}


def extractor_of(options: dict[str, Any], frames: Frames) -> FeatureExtractor:
    """The extractor that the options ask for, in full detail where they say nothing. frames: for --precision int8."""
    name, given = take_features(options)
    preset = _FULL.with_features(name or "parts", **given)
    return Networks(preset).extractor(still=True, frames=frames)
