"""What is weak about a choice of settings, and what to choose instead."""

from __future__ import annotations

from collections.abc import Sequence

from ..detection.templates import GROUPS
from ..fillers import GaussianBlur, MeanFill, MotionNoise, Pixelation, Resampling
from ..video import Encoding
from .factory import make_filler
from .presets import Preset

_SAFE = "choose --fill motion_noise, or --fill solid where motion does not matter"
_FILLERS: dict[type, str] = {
    GaussianBlur: f"blur can be undone in part, and networks still know faces behind it; {_SAFE}",
    Pixelation: f"large pixels can be undone in part, the more so where people move; {_SAFE}",
    Resampling: f"a small copy still shows who it is to networks that were trained on small copies; {_SAFE}",
    MeanFill: f"the mean colour tells the colour of hair, skin and clothes; {_SAFE}",
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
    """One sentence for everything about these settings that is known to be weak; empty for `secure` as it stands.

    hide: names of templates, without groups. strength: see `regions.Strength`.
    """
    encoding = encoding or Encoding()
    coverage, found = preset.coverage, []
    partial = coverage.full >= 1 or strength < 1
    if not preset.strict or partial:
        cause = f"the preset {preset.name} leaves" if strength == 1 else f"a strength of {strength:g} leaves"
        found.append(
            f"{cause} part of the picture visible; it protects nobody: choose --preset secure at full strength"
        )
        if encoding.codec in _LOSSLESS or encoding.quality == 0:
            found.append(
                "without loss in the encoding, whoever finds out the noise has the picture back; choose h264 and "
                "--preset secure"
            )  # fmt: skip
    elif coverage.full > 0.6:
        found.append(
            f"only a saliency of {coverage.full:g} is hidden completely; choose a lower --opacity, like 0.2,0.4"
        )
    options = {key: value for key, value in preset.filler_options.items() if value != "video"}
    filler = make_filler(preset.filler, **options)
    if len(options) < len(preset.filler_options):
        found.append("noise in the colours of the video tells them; choose other --statistics")
    if not filler.independent:
        plain = f"the filling tells something of what it replaces; {_SAFE}"
        found.append(next((text for kind, text in _FILLERS.items() if isinstance(filler, kind)), plain))
    if isinstance(filler, MotionNoise) and filler.grain is not None and filler.grain < _FINE_GRAIN and preset.strict:
        found.append(
            f"a grain of {filler.grain:g} pixels keeps hardly any motion once it is encoded; leave --grain out, or "
            f"choose {_FINE_GRAIN:g} or more"
        )
    chosen = set(hide)
    if chosen and chosen <= _PARTS and (missing := sorted(_HEAD - chosen)):
        visible = ", ".join(missing)
        verb = "stays" if len(missing) == 1 else "stay"
        found.append(f"{visible} {verb} visible, and faces tell who it is; choose --hide head, or person")
    if preset.strict and not coverage.hold:
        found.append("a frame in which the network misses somebody shows them; choose --hold 1")
    if preset.strict and preset.features != "parts":
        found.append(
            f"the preset {preset.name} was measured with the embedded encoder only; with other features look at "
            "--preview, and choose --opacity by it"
        )
    if seed is not None:
        found.append("whoever knows the seed can undo what is not hidden completely; leave --seed out")
    return (*found, *_kept(encoding))


def learned_weaknesses(encoding: Encoding) -> tuple[str, ...]:
    """The same for a learned method, none of which comes with a promise."""
    return (
        "a learned method hides only what its training knew about: a network covers whole frames, and nothing is "
        "guaranteed of what it leaves; look at the result, or attack it with --audit",
        *_kept(encoding),
    )


def _kept(encoding: Encoding) -> tuple[str, ...]:
    found = []
    if encoding.audio == "keep":
        found.append("voices tell who speaks; leave --audio keep out")
    if encoding.keeps_tags:
        found.append("tags may tell place, time and device; leave --metadata keep out")
    return tuple(found)
