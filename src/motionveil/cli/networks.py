"""Options that select the networks: feature extractor and optical flow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from ..detection.features import FEATURE_EXTRACTORS, FeatureExtractor
from ..flow import FLOW_ESTIMATORS
from ..models.engine import ENGINES, PRECISIONS
from ..obfuscation.factory import Frames, Networks
from ..obfuscation.presets import get_preset
from .numbers import Number, Whole

Command = TypeVar("Command", bound=Callable[..., Any])

_FEATURES = {
    "short_side": click.option(
        "--short-side",
        type=Whole(16, 2160),
        help="Short side in pixels to which keyframes are resized for detection. --smallest-person is usually the "
        "better choice.",
    ),
    "smallest_person": click.option(
        "--smallest-person",
        type=Number(4, 4320),
        metavar="PIXELS",
        help="Height of the smallest people to find; less is slower. Default: 40, in frames of at most 1080 rows.",
    ),
    "weights": click.option(
        "--weights", metavar="FILE", help="Weights of the feature network, if not in the weights folder."
    ),
    "layer": click.option(
        "--layer", type=Whole(0, 1000), help="Layer to take features from, counted from 0. Default: the last."
    ),
    "facet": click.option(
        "--facet", type=click.Choice(["key", "query", "value", "token"]), help="Output of that layer. Default: key."
    ),
    "stride": click.option("--stride", type=Whole(1, 1000), help="Stride between patches, in pixels."),
    "bins": click.option(
        "--bins", is_flag=True, default=None, help="Use log-binned descriptors, which include their surroundings."
    ),
    "placement": click.option(
        "--placement",
        type=click.Choice(["frame", "patches"]),
        help="How patches map to the frame; frame: as published.",
    ),
    "engine": click.option("--engine", type=click.Choice(["auto", *ENGINES]), help="Inference engine. Default: auto."),
    "precision": click.option(
        "--precision",
        type=click.Choice(PRECISIONS),
        help="Numerical precision; int8 is calibrated on the first frames of the first input.",
    ),
}
FEATURE_PANEL = {
    "Feature network": (
        "--features", "--weights", "--layer", "--facet", "--stride", "--bins", "--placement", "--engine", "--precision",
    )
}  # fmt: skip
FLOW_PANEL = {"Optical flow": ("--flow", "--flow-weights", "--flow-iterations", "--flow-scale")}
_FLOW = {
    "flow_weights": click.option("--flow-weights", metavar="NAME|FILE", help="Weights of RAFT. Default: raft_sintel."),
    "flow_iterations": click.option("--flow-iterations", type=Whole(1, 1000), help="Iterations of RAFT. Default: 12."),
    "flow_scale": click.option(
        "--flow-scale", type=Number(0.05, 8), metavar="FACTOR", help="Scale frames by this factor first. Default: 1."
    ),
}

MATCH_FIRST = click.option(
    "--match-first", is_flag=True, default=None, help="Replace each template with its best match in the first frame."
)
_FULL = get_preset("secure").with_features("parts", short_side=768, levels=3)


def feature_options(command: Command) -> Command:
    """Add --features and related options."""
    for option in reversed(_FEATURES.values()):
        command = option(command)
    return click.option(
        "--features",
        type=click.Choice(list(FEATURE_EXTRACTORS)),
        metavar="NAME",
        help=f"Feature extractor: {', '.join(FEATURE_EXTRACTORS)}. Default: the preset's.",
    )(command)


def flow_options(command: Command) -> Command:
    """Add --flow and related options."""
    for option in reversed(_FLOW.values()):
        command = option(command)
    return click.option(
        "--flow", type=click.Choice(list(FLOW_ESTIMATORS)), help="Optical flow estimator. Default: the preset's."
    )(command)


def take_features(options: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Remove the options of `feature_options` from a dictionary. Returns the name, and the options that were given."""
    given = {key: options.pop(key) for key in _FEATURES}
    return options.pop("features"), {key: value for key, value in given.items() if value is not None}


def take_flow(options: dict[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """The same for `flow_options`."""
    given = {key.removeprefix("flow_"): options.pop(key) for key in _FLOW}
    return options.pop("flow"), {key: value for key, value in given.items() if value is not None}


def extractor_of(options: dict[str, Any], frames: Frames) -> FeatureExtractor:
    """Create the extractor selected by the options, at full resolution by default. frames: for --precision int8."""
    name, given = take_features(options)
    preset = _FULL.with_features(name or "parts", **given)
    return Networks(preset).extractor(still=True, frames=frames)
