"""Pieces that are followed through misses."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from motionveil._core.types import Float32Array
from motionveil.detection.saliency import grow, sure_pieces
from motionveil.detection.tracking import Piece, appeared, carried, cut_out, missed

SIZE = (40, 60)
NOW = Fraction(1)


def box(top: int, left: int, height: int, width: int, value: float = 1) -> Float32Array:
    values = np.zeros(SIZE, np.float32)
    values[top : top + height, left : left + width] = value
    return values


def numbered(*maps: Float32Array) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    labels = np.zeros(SIZE, np.int32)
    for number, values in enumerate(maps, 1):
        labels[values > 0] = number
    return labels


def flow_of(x: float, y: float) -> Float32Array:
    return np.broadcast_to(np.array([x, y], np.float32), (*SIZE, 2)).copy()


def piece_at(top: int, left: int, height: int, width: int) -> Piece:
    return cut_out(box(top, left, height, width) > 0, NOW, NOW + 1)


def test_a_piece_moves_with_what_is_in_it() -> None:
    """The flow to the frame before is -3, 1: everything has gone 3 to the right and 1 up. The rest stands still."""
    piece = piece_at(10, 20, 8, 6)
    flow = np.zeros((*SIZE, 2), np.float32)
    flow[8:18, 20:32] = (-3, 1)
    piece.forward(flow)
    assert (piece.x, piece.y) == (23, 9)
    piece.backward(flow)
    assert (piece.x, piece.y) == (20, 10)


def test_a_piece_that_leaves_the_frame_is_cut_off_and_then_gone() -> None:
    piece = piece_at(10, 50, 8, 8)
    opacity = np.zeros(SIZE, np.float32)
    piece.x = 56.0
    piece.draw(opacity)
    assert opacity.sum() == 8 * 4
    piece.x = 90.0
    piece.draw(opacity)
    assert opacity.sum() == 8 * 4
    assert not piece.missed_in(np.zeros(SIZE, np.float32))
    piece.forward(flow_of(1, 0))


@pytest.mark.parametrize(("covered", "is_missed"), [(0, True), (4, True), (7, False), (10, False)])
def test_a_head_is_missed_where_too_little_of_it_is_covered(covered: int, is_missed: bool) -> None:
    head = box(5, 10, 10, 10)
    found = missed(numbered(), numbered(head), box(5, 10, covered, 10), NOW, hold=1.0)
    assert [piece.doubtful for piece in found] == [True] * is_missed
    if is_missed:
        assert found[0].until == NOW + 1
        assert found[0].mask.shape == (10, 10)


def test_the_rim_that_a_motion_leaves_is_let_go_and_a_lost_limb_is_held_for_a_quarter() -> None:
    person = box(5, 10, 30, 20)
    assert missed(numbered(person), numbered(), box(5, 12, 30, 20), NOW, hold=1.0) == []
    (limb,) = missed(numbered(person), numbered(), box(5, 10, 30, 12), NOW, hold=1.0)
    assert limb.until == NOW + Fraction(1, 4)
    assert not limb.doubtful


def test_who_was_covered_before_has_not_appeared() -> None:
    labels = numbered(box(5, 10, 10, 10), box(5, 40, 10, 10))
    (new,) = appeared(labels, box(5, 10, 10, 10), NOW, NOW)
    assert (new.x, new.y) == (40, 5)


def test_pieces_are_carried_by_the_flow_and_not_over_a_cut() -> None:
    labels = numbered(box(5, 10, 10, 10))
    moved = carried([labels], [flow_of(-2, 0), flow_of(-3, 0)])
    assert moved is not None
    assert np.array_equal(moved[0], numbered(box(5, 15, 10, 10)))
    assert carried([labels], [flow_of(-2, 0), None]) is None


def test_what_is_somewhat_alike_counts_only_with_something_certain() -> None:
    saliency = box(5, 5, 10, 10, 0.3) + box(7, 7, 2, 2, 0.4) + box(5, 40, 10, 10, 0.3)
    kept = sure_pieces(saliency, 0.25, 0.6)
    assert np.array_equal(kept, box(5, 5, 10, 10))


def test_pieces_grow_by_their_own_size() -> None:
    mask = (box(16, 6, 8, 8) + box(19, 40, 2, 2)) > 0
    grown = grow(mask, 0.5, least=1.0)
    assert grown[20, 2] == 1
    assert grown[20, 1] == 0
    assert grown[20, 39] == 1
    assert grown[20, 37] == 0
    assert grow(mask & False, 0.5, least=1.0).sum() == 0
