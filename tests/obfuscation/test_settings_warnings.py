"""What is said about weak choices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from motionveil.detection.templates import built_in_library
from motionveil.obfuscation.presets import Preset, get_preset
from motionveil.obfuscation.settings_warnings import weaknesses
from motionveil.video import Encoding

SECURE, PAPER = get_preset("secure"), get_preset("paper")
PERSON = built_in_library().names("person")


def said(preset: Preset, *, hide: Any = PERSON, **options: Any) -> str:
    return "\n".join(weaknesses(preset, hide=hide, **options))


def test_the_default_is_not_warned_of() -> None:
    assert weaknesses(SECURE, hide=PERSON) == ()
    assert weaknesses(SECURE, hide=built_in_library().names("head")) == ()
    # A logo has no face.
    assert weaknesses(SECURE, hide=["logo"]) == ()


@pytest.mark.parametrize("fill", ["blur", "blur_strong", "pixelate_4", "pixelate_16", "resample", "mean_fill"])
def test_what_is_made_of_the_picture_itself(fill: str) -> None:
    assert "choose --filler motion_noise" in said(SECURE.with_filler(fill))


@pytest.mark.parametrize("fill", ["iid_noise", "static_noise", "figure_and_ground", "solid", "inpaint"])
def test_what_tells_nothing(fill: str) -> None:
    assert said(SECURE.with_filler(fill)) == ""


def test_the_published_method() -> None:
    assert "the preset paper leaves part of the original visible" in said(PAPER)
    assert "can recover the original" not in said(PAPER)
    for encoding in (Encoding(codec="ffv1"), Encoding(codec="h264", quality=0)):
        assert "can recover the original" in said(PAPER, encoding=encoding)
    assert "a strength of 0.5 leaves" in said(SECURE, strength=0.5)


@pytest.mark.parametrize(
    ("hide", "words"),
    [
        (["lips"], "cheek, eyes, forehead, hair stay visible"),
        (["hair", "eyes", "cheek", "lips"], "forehead stays visible"),
        (["hand"], "choose --hide head or person"),
    ],
)
def test_a_face_that_is_left(hide: list[str], words: str) -> None:
    assert words in said(SECURE, hide=hide)


def test_settings_that_weaken() -> None:
    coverage = SECURE.coverage
    assert "--hold 1" in said(replace(SECURE, coverage=replace(coverage, hold=0)))
    assert "saliency of 0.9" in said(replace(SECURE, coverage=replace(coverage, thresholds=(0.28, 0.9))))
    assert "grain of 1 pixels" in said(SECURE.with_filler("motion_noise", grain=1))
    assert "embedded encoder only" in said(SECURE.with_features("dino_vits8"))
    assert "omit --seed" in said(SECURE, seed=1)
    assert "voices" in said(SECURE, encoding=Encoding(audio="keep"))
    assert "omit --metadata keep" in said(SECURE, encoding=Encoding(metadata="keep"))
