"""Warnings about weak settings, with alternatives."""

from __future__ import annotations

from collections.abc import Sequence

from ..detection.templates import GROUPS
from ..fillers import GaussianBlur, MeanFill, MotionNoise, Pixelation, Resampling
from ..video import Encoding
from .factory import make_filler
from .presets import Preset

_SAFE = "choose --filler motion_noise, or --filler solid where motion does not matter"
_FILLERS: dict[type, str] = {
    GaussianBlur: f"blur can be partly reversed, and networks still recognise faces behind it; {_SAFE}",
    Pixelation: f"pixelation can be partly reversed, more so where people move; {_SAFE}",
    Resampling: f"networks trained on downsampled images still recognise people in them; {_SAFE}",
    MeanFill: f"the mean colour reveals the colour of hair, skin and clothes; {_SAFE}",
}
_FINE_GRAIN = 4.0
_LOSSLESS = ("ffv1", "png")
_PARTS = frozenset(GROUPS["all"])
_HEAD = frozenset(GROUPS["head"]) - {"other_person"}


def weaknesses(
    preset: Preset,
    *,
    hide: Sequence[str],
    encoding: Encoding | None = None,
    seed: int | None = None,
    strength: float = 1.0,
) -> tuple[str, ...]:
    """One sentence for each known weakness of these settings; none for the unmodified `secure`.

    hide: names of templates, without groups. strength: see `regions.Strength`.
    """
    encoding = encoding or Encoding()
    coverage, found = preset.coverage, []
    high = coverage.thresholds[1]
    partial = (high >= 1 and not preset.covers_all) or strength < 1
    if (not preset.strict and not preset.covers_all) or partial:
        cause = f"the preset {preset.name} leaves" if strength == 1 else f"a strength of {strength:g} leaves"
        found.append(
            f"{cause} part of the original visible and protects nobody; choose --preset secure at full strength"
        )
        if encoding.codec in _LOSSLESS or encoding.quality == 0:
            found.append(
                "with lossless encoding, whoever determines the noise can recover the original; choose h264 and "
                "--preset secure"
            )  # fmt: skip
    elif high > 0.6 and not preset.covers_all:
        found.append(
            f"only saliency of {high:g} and above is hidden completely; choose lower --thresholds, such as 0.2,0.4"
        )
    options = {key: value for key, value in preset.filler_options.items() if value != "video"}
    filler = make_filler(preset.filler, **options)
    if len(options) < len(preset.filler_options):
        found.append("noise in the colours of the video reveals them; choose other --statistics")
    if not filler.independent:
        plain = f"the filling reveals something about what it replaces; {_SAFE}"
        found.append(next((text for kind, text in _FILLERS.items() if isinstance(filler, kind)), plain))
    if isinstance(filler, MotionNoise) and filler.grain is not None and filler.grain < _FINE_GRAIN and preset.strict:
        found.append(
            f"a grain of {filler.grain:g} pixels preserves hardly any motion after encoding; omit --grain, or "
            f"choose {_FINE_GRAIN:g} or more"
        )
    chosen = set() if preset.covers_all else set(hide)
    if chosen and chosen <= _PARTS and (missing := sorted(_HEAD - chosen)):
        visible = ", ".join(missing)
        verb = "stays" if len(missing) == 1 else "stay"
        found.append(f"{visible} {verb} visible, and faces identify people; choose --hide head or person")
    if preset.strict and not coverage.hold and not preset.covers_all:
        found.append("people are visible in frames in which the network misses them; choose --hold 1")
    if preset.strict and preset.features != "parts":
        found.append(
            f"the preset {preset.name} was evaluated with the embedded encoder only; with other features, check "
            "--preview and adjust --thresholds"
        )
    if seed is not None:
        found.append("whoever knows the seed can recover what is not hidden completely; omit --seed")
    return (*found, *_kept(encoding))


def learned_weaknesses(encoding: Encoding) -> tuple[str, ...]:
    """The same for learned methods, which never come with a guarantee."""
    return (
        "a learned method hides only what its training covered: a network transforms whole frames, without "
        "guarantees about what it leaves visible; check the result, or attack it with --audit",
        *_kept(encoding),
    )


def _kept(encoding: Encoding) -> tuple[str, ...]:
    found = []
    if encoding.audio == "keep":
        found.append("voices identify speakers; omit --audio keep")
    if encoding.keeps_tags:
        found.append("tags may reveal place, time and device; omit --metadata keep")
    return tuple(found)
