"""Interlaced frames become whole pictures; progressive ones are left alone."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from motionveil._core.types import UInt8Array
from motionveil.video import open_source

from .films import make_film


def moving_square(count: int, *, interlaced: bool) -> UInt8Array:
    """A bright square that moves 4 pixels per field, fields woven into frames when interlaced."""

    def field(moment: int) -> UInt8Array:
        image = np.full((64, 96, 3), 40, np.uint8)
        image[16:48, 4 + 4 * moment : 28 + 4 * moment] = 220
        return image

    frames = []
    for index in range(count):
        frame = field(2 * index)
        if interlaced:
            frame[::2] = field(2 * index + 1)[::2]  # x264 says bottom field first
        frames.append(frame)
    return np.stack(frames)


def combing(frames: UInt8Array) -> float:
    """How much neighbouring lines differ while lines two apart agree."""
    lines = frames[:, 20:44].astype(int).mean(-1)
    return float((np.abs(lines[:, 1:-1] - lines[:, :-2]) - np.abs(lines[:, 2:] - lines[:, :-2])).clip(0).mean())


@pytest.mark.parametrize("extension", [".mkv", ".mp4"])
def test_interlaced(tmp_path: Path, extension: str) -> None:
    woven = moving_square(8, interlaced=True)
    options = {"qp": "4", "x264-params": "bff=1"}
    film = make_film(tmp_path / f"a{extension}", woven, options=options)
    with open_source(film, clip_length=3) as source:
        clips = list(source)
    frames = np.concatenate([clip.frames for clip in clips])
    assert [time for clip in clips for time in clip.pts] == [Fraction(i, 25) for i in range(8)]
    assert len(frames) == 8
    assert combing(woven) > 5
    assert combing(frames) < combing(woven) / 10
    # each picture is that of its own first field
    assert np.abs(frames.astype(int) - moving_square(8, interlaced=False)).mean() < 2


def test_combed_but_not_flagged_is_left_alone(tmp_path: Path) -> None:
    woven = moving_square(4, interlaced=True)
    film = make_film(tmp_path / "a.mkv", woven, codec="ffv1", pixel_format="bgr0")
    with open_source(film) as source:
        np.testing.assert_array_equal(next(iter(source)).frames, woven)
