"""Areas that move along a way, and strokes of a brush."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Float32Array
from motionveil.regions import MovingShape, Polygon, Rectangle, Shape, Step, Stroke, Where

from ..conftest import clips_of

FRAMES = np.zeros((10, 40, 60, 3), np.uint8)
WAY = (Step(0.2, 0, 0), Step(0.4, 20, 10), Step(0.6, 20, 10, 2))


def opacity(shape: Shape) -> Float32Array:
    return np.concatenate(list(shape.stream(clips_of(FRAMES, None, rate=10))))


def test_it_goes_from_step_to_step_and_stays_at_both_ends() -> None:
    found = opacity(MovingShape(Rectangle(4, 6, 8, 4), WAY))
    for index, (x, y, width, height) in {
        0: (4, 6, 8, 4), 2: (4, 6, 8, 4), 3: (14, 11, 8, 4), 4: (24, 16, 8, 4), 6: (20, 14, 16, 8), 9: (20, 14, 16, 8),
    }.items():  # fmt: skip
        assert np.array_equal(found[index], Rectangle(x, y, width, height).drawn(40, 60)), index


def test_its_own_times_hold() -> None:
    found = opacity(MovingShape(Rectangle(4, 6, 8, 4, start=0.3, end=0.5), WAY))
    assert found.any(axis=(1, 2)).tolist() == [False] * 3 + [True] * 2 + [False] * 5


def test_outside_the_frame_it_covers_nothing_and_is_no_error() -> None:
    assert not opacity(MovingShape(Rectangle(4, 6, 8, 4), (Step(0, 100, 0),))).any()


def test_every_shape_moves_as_a_whole() -> None:
    line = ((10.0, 10.0), (20.0, 14.0))
    for shape, moved in (
        (Polygon(((4, 4), (12, 4), (4, 10))), Polygon(((6, 5), (14, 5), (6, 11)))),
        (Stroke(line, 3), Stroke(tuple((x + 2, y + 1) for x, y in line), 3)),
    ):
        assert np.array_equal(opacity(MovingShape(shape, (Step(0, 2, 1),)))[0], moved.drawn(40, 60))
    left, top, right, bottom = Stroke(line, 3).moved(0, 0, 2).box()
    assert (left, top, right, bottom) == (-1, 2, 31, 22)


def test_a_stroke_covers_what_is_within_its_radius() -> None:
    drawn = Stroke(((10, 10), (30, 20)), 4).drawn(40, 60)
    y, x = np.mgrid[0:40, 0:60]
    share = np.clip(((x - 10) * 20 + (y - 10) * 10) / 500, 0, 1)
    away = np.hypot(x - 10 - 20 * share, y - 10 - 10 * share)
    assert (drawn[away <= 4] == 1).all()
    assert (drawn[away > 6] == 0).all()
    assert Stroke(((10, 10),), 4).drawn(40, 60).sum() > 45


def test_doubts_are_told_where_it_is_then() -> None:
    (doubt,) = MovingShape(Rectangle(4, 6, 8, 4), WAY, (0.5,)).told()
    assert (float(doubt.time), doubt.box) == (0.5, (22, 15, 12, 6))


@pytest.mark.parametrize(
    "make",
    [
        lambda: Stroke((), 3), lambda: Stroke(((1, 1),), 0), lambda: Stroke(((float("nan"), 1),), 3),
        lambda: MovingShape(Rectangle("5%", 6, 8, 4), WAY), lambda: MovingShape(Rectangle(4, 6, 8, 4), ()),
        lambda: MovingShape(Rectangle(4, 6, 8, 4), WAY[::-1]),
        lambda: MovingShape(Rectangle(4, 6, 8, 4), (Step(0, 0, 0, 0),)),
        lambda: MovingShape(Rectangle(4, 6, 8, 4), (Step(0, float("inf"), 0),)),
        lambda: MovingShape(Rectangle(4, 6, 8, 4), WAY, (-1,)),
        lambda: opacity(MovingShape(Rectangle(4, 6, 8, 4, start=50), WAY)),
    ],
)  # fmt: skip
def test_what_makes_no_sense(make: Any) -> None:
    with pytest.raises(OptionError):
        make()


def test_records_bring_them_back() -> None:
    where = Where(
        hide=("head",), areas=(MovingShape(Rectangle(4, 6, 8, 4), WAY, (0.5,)), Stroke(((1, 2), (3, 4)), 5, end=2))
    )
    assert Where.from_record(where.as_record()) == where
