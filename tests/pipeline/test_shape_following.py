"""What lies under a shape is followed on and back, and nobody is uncovered where it is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motionveil._core.errors import InputError, OptionError
from motionveil._core.types import UInt8Array
from motionveil.pipeline.shape_following import follow_shape
from motionveil.regions import Rectangle

from ..conftest import textured
from .test_obfuscation import write


def scene(rng: np.random.Generator, count: int, speed: float = 3.0, first: float = 20.0) -> UInt8Array:
    """A thing of 24x32 that moves over another texture; it may leave the frame of 160x120."""
    ground, thing = textured(120, 160, rng), textured(32, 24, rng)
    frames = np.stack([ground] * count)
    for index, frame in enumerate(frames):
        x = round(first + speed * index)
        left, right = max(0, x), min(160, x + 24)
        if left < right:
            frame[40:72, left:right] = thing[:, left - x : right - x]
    return frames


@pytest.mark.parametrize("index", [0, 12, 24])
def test_it_is_followed_both_ways(tmp_path: Path, rng: np.random.Generator, index: int) -> None:
    film = write(tmp_path / "film.mp4", scene(rng, 25))
    found = follow_shape(film, Rectangle(20 + 3 * index, 40, 24, 32), index / 25)
    assert (found.times, found.doubts) == ((None, None), ())
    for each in (0, 8, 16, 24):
        left, top, right, bottom = found.at(each / 25).box()
        assert np.abs(np.array([left, top, right, bottom]) - (20 + 3 * each, 40, 44 + 3 * each, 72)).max() < 4


def test_it_ends_at_a_cut(tmp_path: Path, rng: np.random.Generator) -> None:
    other = [np.stack([255 - textured(120, 160, rng)] * 10) for _ in range(2)]
    film = write(tmp_path / "film.mp4", np.concatenate([other[0], scene(rng, 15), other[1]]))
    found = follow_shape(film, Rectangle(41, 40, 24, 32), 17 / 25)
    start, end = found.times
    assert start == pytest.approx(10 / 25, abs=0.09)
    assert end == pytest.approx(25 / 25, abs=0.09)
    assert found.doubts == ()


def test_what_leaves_the_frame_stays_covered_a_little(tmp_path: Path, rng: np.random.Generator) -> None:
    film = write(tmp_path / "film.mp4", scene(rng, 60, speed=4, first=60))
    found = follow_shape(film, Rectangle(60, 40, 24, 32), 0)
    _, end = found.times
    assert end is not None
    assert 24 / 25 < end < 50 / 25
    assert found.doubts == ()


def test_where_it_is_lost_it_stays(tmp_path: Path, rng: np.random.Generator) -> None:
    """It vanishes: covered where it was last to the end, and told."""
    frames = scene(rng, 50)
    ground = frames[0].copy()
    ground[:, :60] = frames[30, :, :60]
    frames[20:] = ground
    film = write(tmp_path / "film.mp4", frames)
    found = follow_shape(film, Rectangle(20, 40, 24, 32), 0)
    assert found.times == (None, None)
    (doubt,) = found.doubts
    assert 0.5 < doubt < 1.1
    assert found.at(1.9) == found.at(1.2)


def test_it_may_be_stopped(tmp_path: Path, rng: np.random.Generator) -> None:
    film = write(tmp_path / "film.mp4", scene(rng, 25))
    found = follow_shape(film, Rectangle(20, 40, 24, 32), 0, stop=lambda: True)
    assert len(found.doubts) == 1


def test_what_cannot_be_followed(tmp_path: Path, rng: np.random.Generator) -> None:
    film = write(tmp_path / "film.mp4", scene(rng, 5))
    with pytest.raises(OptionError, match="nothing to follow"):
        follow_shape(film, Rectangle(500, 40, 24, 32), 0)
    with pytest.raises(InputError):
        follow_shape(tmp_path / "missing.mp4", Rectangle(5, 4, 24, 32), 0)
