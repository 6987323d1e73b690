"""Re-detection in numbers that are known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import pytest

from motionveil.audit.detectors import Detection
from motionveil.audit.footage import BoolArray, Pair
from motionveil.audit.redetection import Redetection, RedetectionResult, overlap

FACE = Detection((20, 10, 20, 20), 0.9, "face")
NEAR = Detection((22, 10, 20, 20), 0.8, "face")
FAR = Detection((60, 40, 20, 20), 0.7, "face")
CAR = Detection((60, 40, 20, 20), 0.7, "car")


def found(
    frames: Sequence[tuple[Sequence[Detection], Sequence[Detection]]],
    parts: tuple[BoolArray, BoolArray] | None = None,
    *,
    kinds: Sequence[str] = ("face", "car"),
) -> RedetectionResult:
    collector = Redetection(["hair", "hand"], kinds=kinds)
    for index, detections in enumerate(frames):
        frame = np.full((80, 100, 3), index, np.uint8)
        nothing = np.zeros((2, 10, 10), bool)
        pair = Pair(index, Fraction(index, 10), frame, frame + 100)
        collector.add(pair, parts or (nothing, nothing), detections)
    return collector.result()


def test_faces_are_the_same_where_their_boxes_overlap() -> None:
    result = found([([FACE], [NEAR]), ([FACE], [FAR]), ([FACE, FAR], []), ([], [FAR, FAR]), ([FACE, FAR], [FAR])])
    assert result.face_frames == 4
    assert result.face_rate == pytest.approx(0.5)
    assert result.faces_redetected == 2
    assert result.faces_invented == 3
    assert result.face_reason is None
    assert [picture.index for picture in result.pictures] == [0, 4]
    assert result.pictures[0].score == 0.8
    assert result.pictures[0].output.shape[:2] == (41, 41)
    assert (result.pictures[0].output == 100).all()
    assert result.pictures[1].output.shape[:2] == (41, 41)


def test_no_rate_without_faces() -> None:
    assert found([([], [FAR])]).face_rate is None
    assert found([([], [FAR])]).face_reason == "no face was found in the original"
    assert found([([], [])], kinds=["car"]).face_reason == "no face detector was given"


def test_other_kinds_are_counted_by_themselves() -> None:
    result = found([([CAR, FACE], [CAR]), ([CAR], [])])
    assert result.kinds["car"].frames == 2
    assert result.kinds["car"].rate == 0.5
    assert result.face_rate == 0
    assert found([([FACE], [])]).kinds["car"].rate is None


def test_parts_are_found_again_as_the_same_part() -> None:
    before, after = np.zeros((2, 10, 10), bool), np.zeros((2, 10, 10), bool)
    before[0, :4], after[0, :2] = True, True  # half of the hair
    before[1, 6:], after[1, 7:9, :9] = True, True  # less than half of the hand
    result = found([([], [])], (before, after))
    assert result.parts["hair"].rate == 1
    assert result.parts["hand"].rate == 0
    assert result.person_rate == 0
    swapped = found([([], [])], (before, before[::-1]))
    assert swapped.parts["hair"].rate == 0
    assert swapped.person_rate == 1


@pytest.mark.parametrize(
    ("other", "share"),
    [((0, 0, 10, 10), 1.0), ((5, 0, 10, 10), 1 / 3), ((10, 0, 10, 10), 0.0), ((2, 2, 5, 5), 0.25), ((0, 0, 0, 0), 0)],
)
def test_overlap(other: tuple[float, float, float, float], share: float) -> None:
    assert overlap((0, 0, 10, 10), other) == pytest.approx(share)
