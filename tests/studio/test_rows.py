"""Rows of a timeline: what is hidden, piece by piece."""

from __future__ import annotations

import numpy as np

from motionveil._core.types import Float32Array
from motionveil.studio.rows import Rows


def opacity(*boxes: tuple[int, int, int, int]) -> Float32Array:
    """(72, 128), 1 in boxes (x, y, width, height)."""
    found = np.zeros((72, 128), np.float32)
    for x, y, width, height in boxes:
        found[y : y + height, x : x + width] = 1
    return found


def test_two_who_move_have_two_rows() -> None:
    rows = Rows()
    for index in range(10):
        rows.advance(opacity((10 + 3 * index, 10, 12, 20), (100 - 2 * index, 40, 12, 20)), index / 10)
    first, second = sorted(rows.result(), key=lambda row: row.places[0][2])
    assert (first.start, first.end, second.start, second.end) == (0, 0.9, 0, 0.9)
    assert first.places[0] == (0, 10, 10, 12, 20)
    assert first.places[-1] == (0.9, 37, 10, 12, 20)
    assert [place[0] for place in second.places] == [0, 0.3, 0.6, 0.9]


def test_a_short_absence_does_not_end_a_row_and_a_long_one_does() -> None:
    rows = Rows()
    for index in range(30):
        there = index not in (5, 6) and not 10 <= index < 20
        rows.advance(opacity(*([(10, 10, 12, 20)] if there else [])), index / 10)
    assert [(row.start, row.end) for row in rows.result()] == [(0, 0.9), (2.0, 2.9)]


def test_what_joins_goes_on_as_the_one_who_was_there_longest() -> None:
    rows = Rows()
    rows.advance(opacity((10, 10, 30, 20)), 0)
    rows.advance(opacity((10, 10, 30, 20), (60, 10, 12, 20)), 0.1)
    for time in (0.2, 0.3):
        rows.advance(opacity((10, 10, 62, 20)), time)
    assert [(row.start, row.end) for row in rows.result()] == [(0, 0.3), (0.1, 0.1)]
