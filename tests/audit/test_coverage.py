"""Coverage in numbers that are known beforehand."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from motionveil.audit.coverage import CoverageMeter, CoverageResult
from motionveil.audit.footage import Pair
from motionveil.audit.parts import PartFinder, share_on_cells

from ..conftest import BRIGHT, DARK, BrightnessExtractor

SIZE = (80, 160)


def covered(shares: list[float | None]) -> CoverageResult:
    """Coverage of a part 40 pixels wide that is replaced by so much in every frame; None where it is not there."""
    coverage = CoverageMeter(["hair", "hand"], step=Fraction(1, 10), stride=1)
    for index, share in enumerate(shares):
        frame = np.full((*SIZE, 3), 90, np.uint8)
        parts = np.zeros((2, 20, 40), bool)
        touched = np.zeros(SIZE, bool)
        if share is not None:
            parts[0, :, 10:20] = True
            touched[:, 40 : 40 + round(40 * share)] = True
        coverage.add(Pair(index, Fraction(index, 10), frame, frame), touched, parts)
    return coverage.result()


def test_mean_worst_frame_and_gap() -> None:
    result = covered([1.0, 0.5, 0.75, 1.0, 0.25, 0.875, 0.5, 0.95])
    hair = result.parts["hair"]
    assert result.looked_at == hair.frames == 8
    assert hair.mean == pytest.approx(np.mean([1.0, 0.5, 0.75, 1.0, 0.25, 0.875, 0.5, 0.95]), abs=1e-6)
    assert hair.worst_frame == pytest.approx(0.25)
    assert hair.worst_frame_index == 4
    assert hair.worst_frame_at_s == pytest.approx(0.4)
    assert hair.longest_gap_s == pytest.approx(0.3)


def test_a_part_that_is_not_there_leaves_no_gap() -> None:
    hair = covered([0.5, None, None, None, None, None, 0.5, 0.5]).parts["hair"]
    assert hair.frames == 3
    assert hair.longest_gap_s == pytest.approx(0.2)


def test_a_short_absence_does_not_end_a_gap() -> None:
    hair = covered([0.5, None, None, None, None, 0.5, None, 0.5]).parts["hair"]
    assert hair.frames == 3
    assert hair.longest_gap_s == pytest.approx(0.8)
    assert covered([0.5, None, 1.0, 0.5]).parts["hair"].longest_gap_s == pytest.approx(0.1)
    assert covered([0.5, None, None]).parts["hair"].longest_gap_s == pytest.approx(0.1)


def test_a_small_one_that_shows_is_not_hidden_by_a_large_one() -> None:
    coverage = CoverageMeter(["hair"], step=Fraction(1, 10))
    frame = np.zeros((*SIZE, 3), np.uint8)
    parts = np.zeros((1, 20, 40), bool)
    parts[0, 2:18, 4:20] = True
    parts[0, 4:8, 30:34] = True
    touched = np.zeros(SIZE, bool)
    touched[:, :100] = True
    coverage.add(Pair(0, Fraction(0), frame, frame), touched, parts)
    hair = coverage.result().parts["hair"]
    assert hair.worst_frame == hair.mean == 0
    assert hair.longest_gap_s == pytest.approx(0.1)


def test_a_part_that_never_is_there() -> None:
    hand = covered([1.0]).parts["hand"]
    assert hand.frames == 0
    assert hand.mean is hand.worst_frame is hand.longest_gap_s is None


def test_the_worst_frame_is_shown() -> None:
    (worst,) = covered([1.0, 0.5, 1.0]).worst
    assert (worst.part, worst.index, worst.replaced) == ("hair", 1, 0.5)
    assert worst.original.shape == worst.output.shape == worst.uncovered.shape == (*SIZE, 3)
    red = worst.uncovered[..., 0].astype(int) - worst.uncovered[..., 1]
    assert (red[:, 62:78] > 50).all()
    assert (red[:, :38] == 0).all()
    assert (red[:, 42:58] == 0).all()


def test_what_is_tiny_does_not_count() -> None:
    coverage = CoverageMeter(["hair"], step=Fraction(1, 10))
    frame = np.zeros((*SIZE, 3), np.uint8)
    parts = np.zeros((1, 100, 100), bool)
    parts[0, 0, 0] = True
    coverage.add(Pair(0, Fraction(0), frame, frame), np.zeros(SIZE, bool), parts)
    assert coverage.result().parts["hair"].frames == 0


def test_parts_are_where_the_saliency_is_high() -> None:
    finder = PartFinder(BrightnessExtractor(), [BRIGHT, DARK])
    frame = np.zeros((48, 64, 3), np.uint8)
    frame[:, 32:] = 255
    bright, dark = finder(frame)
    assert finder.names == ("bright", "dark")
    assert bright.shape == (12, 16)
    assert bright[:, 9:].all()
    assert not bright[:, :7].any()
    assert dark[:, :7].all()
    assert not dark[:, 9:].any()


def test_shares_on_cells() -> None:
    mask = np.zeros((8, 8), bool)
    mask[:4, :3] = True
    assert share_on_cells(mask, (2, 2)).tolist() == [[0.75, 0], [0, 0]]
