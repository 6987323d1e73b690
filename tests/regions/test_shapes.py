"""Areas that are drawn: which pixels, and when."""

from __future__ import annotations

import numpy as np
import pytest

from motionveil._core.errors import OptionError
from motionveil._core.types import Float32Array
from motionveil.regions import Polygon, Rectangle, Shape, WholeFrame

from ..conftest import clips_of

FRAMES = np.zeros((10, 40, 60, 3), np.uint8)


def opacity(shape: Shape | WholeFrame, lengths: list[int] | None = None) -> Float32Array:
    return np.concatenate(list(shape.stream(clips_of(FRAMES, lengths, rate=10))))


def test_a_rectangle_covers_its_pixels_and_no_others() -> None:
    expected = np.zeros((40, 60))
    expected[5:15, 10:30] = 1
    assert np.array_equal(opacity(Rectangle(10, 5, 20, 10)), np.stack([expected] * 10))


def test_pixels_that_are_touched_are_covered() -> None:
    found = opacity(Rectangle(10.5, 5.2, 2, 1))[0]
    assert np.argwhere(found).min(0).tolist() == [5, 10]
    assert np.argwhere(found).max(0).tolist() == [6, 12]


def test_percent_are_of_width_and_height() -> None:
    assert np.array_equal(opacity(Rectangle("50%", "25%", "10%", "50%")), opacity(Rectangle(30, 10, 6, 20)))
    assert np.array_equal(
        opacity(Polygon((("50%", "25%"), ("100%", 20), (30, 30)))), opacity(Polygon(((30, 10), (60, 20), (30, 30))))
    )


def test_what_lies_outside_is_cut_off() -> None:
    found = opacity(Rectangle(-10, -10, 15, 13))[0]
    assert found.sum() == 5 * 3
    assert found[:3, :5].all()


@pytest.mark.parametrize(
    "shape", [Rectangle(60, 0, 5, 5), Rectangle(-9, 3, 9, 5), Polygon(((70, 50), (80, 50), (75, 60)))]
)
def test_an_area_outside_the_frame_is_refused(shape: Shape) -> None:
    with pytest.raises(OptionError, match="outside the 60x40 frame"):
        opacity(shape)


def test_a_polygon_covers_its_inside_and_its_line() -> None:
    triangle = opacity(Polygon(((10, 5), (50, 5), (10, 35))))[0]
    y, x = np.mgrid[0:40, 0:60]
    slack = (x - 10) / 40 + (y - 5) / 30
    inside = (x >= 10) & (y >= 5)
    assert (triangle[inside & (slack <= 1)] == 1).all()
    assert (triangle[~inside | (slack > 1.1)] == 0).all()


@pytest.mark.parametrize("lengths", [None, [1] * 10, [4, 6]])
def test_times_begin_with_the_start_and_end_before_the_end(lengths: list[int] | None) -> None:
    times = {(None, None): range(10), (0.3, None): range(3, 10), (None, 0.3): range(3), (0.3, 0.7): range(3, 7)}
    for (start, end), frames in times.items():
        found = opacity(Rectangle(0, 0, 10, 10, start, end), lengths)
        assert np.flatnonzero(found.any((1, 2))).tolist() == list(frames)


def test_times_are_those_of_the_source_whatever_part_of_it_is_read() -> None:
    (_, late) = clips_of(FRAMES, [4, 6], rate=10)
    (found,) = Rectangle(0, 0, 10, 10, 0.6).stream([late])
    assert np.flatnonzero(found.any((1, 2))).tolist() == [2, 3, 4, 5]


def test_the_whole_frame_is_all_of_it() -> None:
    assert (opacity(WholeFrame()) == 1).all()


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Rectangle(0, 0, 0, 5), "width and height above 0"),
        (lambda: Rectangle("x", 0, 1, 5), "invalid length 'x'"),
        (lambda: Rectangle(float("nan"), 0, 1, 5), "invalid length"),
        (lambda: Rectangle(1e9, 0, 1, 5), "invalid length"),
        (lambda: Rectangle(0, 0, 5, 5, 3, 2), "must come after"),
        (lambda: Rectangle(0, 0, 5, 5, None, 0), "must come after"),
        (lambda: Rectangle(0, 0, 5, 5, -1), "at least 0 seconds"),
        (lambda: Rectangle(0, 0, 5, 5, float("nan")), "at least 0 seconds"),
        (lambda: Polygon(((0, 0), (1, 1))), "at least 3"),
        (lambda: Polygon(((0, 0), (1, 1), ("5%%", 2))), "invalid length"),
    ],
)
def test_bad_shapes_are_refused(make: object, says: str) -> None:
    with pytest.raises(OptionError, match=says):
        make()  # type: ignore[operator]


def test_times_outside_the_video_are_refused() -> None:
    """A typing mistake would release everything."""
    frames = np.zeros((4, 20, 30, 3), np.uint8)
    for area in (Rectangle(0, 0, 5, 5, start=50, end=60), Polygon(((0, 0), (9, 0), (0, 9)), start=7)):
        with pytest.raises(OptionError, match="its times are outside the video"):
            list(area.stream(clips_of(frames, [2, 2])))
