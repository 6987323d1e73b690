"""Tracking of missed detections: regions that the next keyframe misses are propagated by their own motion, forwards and
backwards in time.

Plain array operations on small maps, on the CPU. A piece is a connected component of what a keyframe detected. It moves
as a whole, by the median of the flow inside it, so it keeps its size and leaves no trail.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from .. import ops
from .._core.types import Float32Array
from ..ops import Mask

Labels = npt.NDArray[np.int32]

COVERED = 0.5
"""Opacity from which a cell counts as detected."""
MISSED = 0.4
"""Fraction of a piece that must be uncovered for it to count as missed; below, it was detected again."""
_THICK = 0.0125
"""Fraction of the map's short side, from the edge to the middle of an uncovered area, from which the area is part of a
person rather than the rim that motion leaves; at least two cells.
"""
_SMALLEST = 2
"""Minimum size of a tracked piece, in cells."""


@dataclass
class Piece:
    """Part of a person.

    Attributes:
        mask: (h, w), cropped.
        x: Column of the top left corner of the mask, in cells.
        y: Row of the same corner.
        found: When it was first missed.
        until: When tracking ends.
        doubtful: Whether it is a whole person or a head, so that its absence is reported as a moment of doubt.
    """

    mask: Mask
    x: float
    y: float
    found: Fraction
    until: Fraction
    doubtful: bool = False

    def place(self, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], Mask]:
        """The position of the piece in a map of this shape, and the part of its mask inside the map."""
        left, top = round(self.x), round(self.y)
        height, width = self.mask.shape
        rows, columns = (max(0, top), min(shape[0], top + height)), (max(0, left), min(shape[1], left + width))
        inside = self.mask[
            rows[0] - top : max(rows[0], rows[1]) - top, columns[0] - left : max(columns[0], columns[1]) - left
        ]
        return (slice(rows[0], max(rows)), slice(columns[0], max(columns))), inside

    def draw(self, opacity: Float32Array) -> None:
        """Cover the piece completely, in place."""
        at, mask = self.place(opacity.shape)
        opacity[at][mask] = 1

    def uncovered(self, opacity: Float32Array) -> float:
        """The fraction of the piece that a map leaves uncovered; 0 if it has left the frame."""
        at, mask = self.place(opacity.shape)
        return float((opacity[at][mask] < COVERED).sum()) / max(1, int(self.mask.sum()))

    def missed_in(self, opacity: Float32Array) -> bool:
        """Whether a map covers too little of the piece for it to count as detected."""
        return self.uncovered(opacity) > MISSED

    def forward(self, flow: Float32Array) -> None:
        """Advance to the next frame, given the flow from that frame to this one."""
        x, y = self._median(flow, self.x, self.y)
        x, y = self._median(flow, self.x - x, self.y - y)
        self.x, self.y = self.x - x, self.y - y

    def backward(self, flow: Float32Array) -> None:
        """Go back to the previous frame, given the flow from this frame to it."""
        x, y = self._median(flow, self.x, self.y)
        self.x, self.y = self.x + x, self.y + y

    def _median(self, flow: Float32Array, x: float, y: float) -> tuple[float, float]:
        at, mask = replace(self, x=x, y=y).place(flow.shape[:2])
        if not mask.any():
            return 0.0, 0.0
        # Several times as fast as numpy.median.
        inside = flow[at][mask].T
        half = inside.shape[1] // 2
        across, down = np.partition(inside, half, axis=1)[:, half]
        return float(across), float(down)


def cut_out(mask: Mask, found: Fraction, until: Fraction) -> Piece:
    """The piece shown by a non-empty mask (h, w)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return Piece(mask[top : rows[-1] + 1, left : columns[-1] + 1].copy(), left, top, found, until)


def carried(maps: Sequence[Labels], flows: Sequence[Float32Array | None]) -> list[Labels] | None:
    """Labelled pieces (h, w) of one frame, at their positions in the following frames, given the flow of each to its
    previous frame. None beyond a scene cut.
    """
    way: Float32Array | None = None
    for flow in flows:
        if flow is None:
            return None
        way = flow if way is None else ops.warp(way, flow) + flow
    if way is None:
        return list(maps)
    points = ops.pixel_grid(way.shape[0], way.shape[1]) + way
    return [ops.sample_numbers(labels, points) for labels in maps]


def missed(people: Labels, heads: Labels, now: Float32Array, found: Fraction, *, hold: float) -> list[Piece]:
    """The labelled pieces of people and heads (h, w), at their current positions, that `now` does not cover.

    Whole people and heads are tracked for `hold` seconds. A part of a person, which may be background that a limb has
    left, is tracked for a quarter of that, and only if it is thick.
    """
    uncovered = now < COVERED
    whole, part = (found + Fraction(time).limit_denominator(10_000) for time in (hold, hold / 4))
    pieces: list[Piece] = []
    taken = np.zeros(uncovered.shape, bool)
    for labels in (heads, people):
        sizes = np.bincount(labels.ravel())
        bare = np.bincount(labels[uncovered].ravel(), minlength=len(sizes))
        for number in np.flatnonzero((sizes[1:] >= _SMALLEST) & (bare[1:] > MISSED * sizes[1:])) + 1:
            mask = labels == number
            taken |= mask
            pieces.append(replace(cut_out(mask, found, whole), doubtful=True))
    rest = (people > 0) & uncovered & ~taken
    if rest.any():
        depth = ops.depth(rest)
        thick = depth >= max(2.0, _THICK * min(rest.shape))
        if thick.any():
            _, numbers = ops.pieces(rest)
            for number in np.unique(numbers[thick]):
                pieces.append(cut_out(numbers == number, found, part))
    return pieces


def appeared(labels: Labels, before: Float32Array, now: Fraction, until: Fraction) -> list[Piece]:
    """The pieces of a keyframe that no tracked piece covered before (`before`: opacity, (h, w))."""
    sizes = np.bincount(labels.ravel())
    bare = np.bincount(labels[before < COVERED].ravel(), minlength=len(sizes))
    chosen = np.flatnonzero((sizes[1:] >= _SMALLEST) & (bare[1:] > MISSED * sizes[1:])) + 1
    return [cut_out(labels == number, now, until) for number in chosen]
