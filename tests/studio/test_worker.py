"""What a worker tells."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import motionveil
from motionveil.regions import Doubt
from motionveil.studio.worker import told


def test_doubts_of_one_time_and_place_are_one_moment(film: Path) -> None:
    one, two = Fraction(1), Fraction(2)
    doubts = (
        Doubt(one, (10, 10, 10, 10)), Doubt(one, (5, 15, 30, 60)),
        Doubt(one, (100, 10, 5, 5)), Doubt(two, (10, 10, 9, 9)),
    )  # fmt: skip
    result = motionveil.Result(film, motionveil.probe(film), 12, 1.23456, ("a sentence",), doubts=doubts)
    found = told(result)
    assert found["moments"] == [
        {"time": 1.0, "box": [5, 10, 30, 65]},
        {"time": 1.0, "box": [100, 10, 5, 5]},
        {"time": 2.0, "box": [10, 10, 9, 9]},
    ]
    assert (found["output"], found["frames"], found["seconds"]) == ("film.mp4", 12, 1.235)
