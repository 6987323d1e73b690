"""What a click means to whoever corrects a film."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Point
from motionveil.detection.features import PartsEncoder
from motionveil.ops import Mask
from motionveil.studio.correction import nobody_at, somebody_at

from ..conftest import textured
from ..pipeline.test_obfuscation import write
from ..pipeline.test_shape_following import scene


def test_where_nobody_is_seen_a_box_of_a_usual_size_is_taken(rng: np.random.Generator) -> None:
    image = np.full((120, 160, 3), 127, np.uint8)
    found = somebody_at(image, Point(80, 60), PartsEncoder())
    left, top, right, bottom = found.box.box()
    assert left < 80 < right
    assert top < 60 < bottom
    # At an edge it stays inside.
    left, top, right, bottom = somebody_at(textured(120, 160, rng), Point(159, 0), PartsEncoder()).box.box()
    assert (left >= 0, top, right, bottom <= 120) == (True, 0, 160, True)
    with pytest.raises(OptionError):
        somebody_at(image, Point(160, 60), PartsEncoder())


def test_nobody_is_left_out_from_where_it_was_found_first(tmp_path: Path, rng: np.random.Generator) -> None:
    film = write(tmp_path / "film.mp4", scene(rng, 40, speed=2))

    def found_at(x: float, y: float, time: float) -> Mask | None:
        """It is found from 0.3 s on."""
        left = round(20 + 2 * 25 * time)
        if time < 0.3 or not (left <= x < left + 24 and 40 <= y < 72):
            return None
        mask = np.zeros((120, 160), bool)
        mask[40:72, left : left + 24] = True
        return mask

    pick = nobody_at(film, 95.0, 50.0, 1.36, found_at)
    assert pick.time == pytest.approx(0.36)
    assert (pick.x, pick.y) == pytest.approx((45, 50), abs=2)
    assert pick.end is None
    with pytest.raises(OptionError, match="nothing was found"):
        nobody_at(film, 5.0, 5.0, 1.36, found_at)
