"""Times that are missing, jumbled or start again."""

from __future__ import annotations

from fractions import Fraction

import av
import pytest

from motionveil.video.clock import Clock


def run(clock: Clock, stamps: list[int | None]) -> list[Fraction]:
    times = []
    for stamp in stamps:
        frame = av.VideoFrame(2, 2)
        frame.pts, frame.time_base = stamp, Fraction(1, 10)
        times.append(clock(frame))
    return times


@pytest.mark.parametrize(
    ("stamps", "tenths"),
    [
        ([0, 1, 5, 6], [0, 1, 5, 6]),
        ([3, 4], [3, 4]),
        ([None, None, None], [0, 2, 4]),
        ([0, None, 4], [0, 2, 4]),
        ([0, 4, 2, 6], [0, 4, 5, 6]),
        ([0, 2, 2, 4], [0, 2, 3, 4]),
        ([100, 102, 104, 0, 2, 4], [100, 102, 104, 106, 108, 110]),
    ],
)
def test_repairs(stamps: list[int | None], tenths: list[int]) -> None:
    assert run(Clock(Fraction(1, 5)), stamps) == [Fraction(tenth, 10) for tenth in tenths]


def test_the_first_frame_can_be_the_origin() -> None:
    assert run(Clock(Fraction(1, 5), origin=None), [7, 9]) == [0, Fraction(1, 5)]
    assert run(Clock(Fraction(1, 5), origin=Fraction(1, 2)), [7, 9]) == [Fraction(1, 5), Fraction(2, 5)]
