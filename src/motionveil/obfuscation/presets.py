"""Named presets: `secure` (default), `figure_ground` (hides the place too, keeps outlines), `paper` (as published),
`paper_fast` (similar, much faster).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .._core.errors import OptionError
from ..fillers import draws_ground
from ..regions import Coverage

_OPTIONS = ("feature_options", "still_options", "flow_options", "filler_options")


@dataclass(frozen=True)
class Preset:
    """All settings of the selective method; any field may be replaced.

    Attributes:
        name: The name in messages and manifests.
        features: A name in `features.FEATURE_EXTRACTORS`.
        feature_options: Its options.
        still_options: Options that differ for single images.
        coverage: How opacity is computed, see `Coverage`.
        flow: A name in `flow.FLOW_ESTIMATORS`.
        flow_options: Its options.
        filler: A name in `FILLERS`.
        filler_options: Its options; ``statistics="video"`` measures those of the video.
        strict: For protection: everything requested must be hidden, and noise must reveal nothing but motion.
        on_ground: Whether whole frames are replaced, and what is found is the figure in them, see
            `regions.FigureOnGround`.

    Raises:
        OptionError: If `strict` conflicts with other settings.
    """

    name: str
    coverage: Coverage
    features: str = "parts"
    feature_options: Mapping[str, Any] = field(default_factory=dict)
    still_options: Mapping[str, Any] = field(default_factory=dict)
    flow: str = "dis"
    flow_options: Mapping[str, Any] = field(default_factory=dict)
    filler: str = "motion_noise"
    filler_options: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    on_ground: bool = False

    def __post_init__(self) -> None:
        if self.strict and self.coverage.match_first:
            raise OptionError(
                f"the preset {self.name} does not match templates to the first frame, which may show other people or "
                "nobody; omit `match_first`, or choose the `preset` paper for research"
            )
        if self.strict and self.filler_options.get("statistics") == "video":
            raise OptionError(
                f"the preset {self.name} does not use the colours of the video for noise, as that reveals them; "
                "choose other `statistics`, or the `preset` paper for research"
            )

    def with_features(self, name: str, **options: Any) -> Preset:
        """A copy with other features; for the same ones, options that are not given are kept.

        Options for single images are reset if any of them is overridden.
        """
        if name != self.features:
            return replace(self, features=name, feature_options=options, still_options={})
        still = {} if options.keys() & self.still_options.keys() else self.still_options
        return replace(self, feature_options={**self.feature_options, **options}, still_options=still)

    @property
    def covers_all(self) -> bool:
        """Whether whole frames are replaced: it says so, or its filler draws figures on a ground."""
        return self.on_ground or draws_ground(self.filler)

    def as_record(self) -> dict[str, Any]:
        """The settings as JSON-serialisable data: files without their folders, without measured statistics."""

        def told(options: Mapping[str, Any]) -> dict[str, Any]:
            shown = {key: Path(value).name if key == "weights" else value for key, value in options.items()}
            return {key: value for key, value in shown.items() if isinstance(value, str | int | float | None)}

        return {
            **{key: getattr(self, key) for key in ("name", "features", "flow", "filler", "strict")},
            **({"on_ground": True} if self.on_ground else {}),
            "coverage": self.coverage.as_record(),
            **{key: told(getattr(self, key)) for key in _OPTIONS},
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Preset:
        """The inverse of `as_record`. Raises OptionError if the record is invalid."""
        try:
            return cls(**{**record, "coverage": Coverage.from_record(record["coverage"])})
        except (TypeError, KeyError) as error:
            raise OptionError(f"invalid settings for this version of motionveil ({error})") from error

    def for_still(self) -> Preset:
        """The preset for a single image, which the embedded encoder can process at full resolution."""
        return replace(self, feature_options={**self.feature_options, **self.still_options})

    def with_filler(self, name: str, **options: Any) -> Preset:
        """A copy with another filler, as `with_features`."""
        kept = self.filler_options if name == self.filler else {}
        return replace(self, filler=name, filler_options={**kept, **options})

    def with_flow(self, name: str, **options: Any) -> Preset:
        """A copy with another flow estimator, as `with_features`."""
        kept = self.flow_options if name == self.flow else {}
        return replace(self, flow=name, flow_options={**kept, **options})


_PAPER = Preset(
    name="paper",
    coverage=Coverage(combine="mean"),
    features="dino_vits8",
    flow="raft",
    filler_options={"transport": "first_frame", "grain": 1.0, "statistics": "kinetics"},
)

_SECURE = Preset(
    name="secure",
    coverage=Coverage(
        combine="max",
        thresholds=(0.15, 0.23),
        sure=0.66,
        head_gain=1.7,
        margin=0.01,
        head_margin=0.22,
        hold=1.0,
        look_back=0.5,
        keyframe_every=6,
        keyframe_seconds=0.2,
        surprise=0.001,
    ),
    feature_options={"short_side": 448, "levels": 2},
    still_options={"mirrored": True},
    strict=True,
)

PRESETS = {
    "secure": _SECURE,
    "figure_ground": replace(
        _SECURE,
        name="figure_ground",
        # Everything is replaced: no margin protects anybody, and who is missed is not seen. Outlines are to be exact.
        coverage=Coverage(
            combine="max",
            thresholds=(0.2, 0.4),
            sure=0.64,
            head_gain=1.6,
            keyframe_every=2,
            keyframe_seconds=0.2,
            between="mixed",
            surprise=0.001,
        ),
        filler="figure_and_ground",
        on_ground=True,
    ),
    "paper": _PAPER,
    "paper_fast": replace(
        _PAPER,
        name="paper_fast",
        coverage=Coverage(combine="mean", keyframe_every=8, keyframe_seconds=1.0, between="mixed", recheck=0.15),
        flow_options={"scale": 0.5},
    ),
}


def get_preset(name: str) -> Preset:
    """The preset with this name. Raises OptionError if there is none."""
    if name not in PRESETS:
        raise OptionError(f"unknown preset {name!r}; choose from {', '.join(PRESETS)}")
    return PRESETS[name]
