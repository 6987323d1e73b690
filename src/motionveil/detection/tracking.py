"""Through misses: what a keyframe found and the next one does not is followed by its own motion, on and back in time.

Pure arithmetic on small maps on the host. A piece is a connected part of what a keyframe found. It moves as a whole, by
the median of the flow inside it, so that it stays as large as it was, and leaves no trail on the ground behind it.
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
"""Opacity from which a place counts as found."""
MISSED = 0.4
"""Share of a piece that must be uncovered for it to count as missed; below, it was found again."""
_THICK = 0.0125
"""Share of the map's short side, from the edge to the middle of something uncovered, from which it is a part of
somebody, not the rim of a motion; two cells at least."""
_SMALLEST = 2
"""Cells of the smallest piece that is followed."""


@dataclass
class Piece:
    """A part of somebody: its mask (h, w), cropped, and where its top left corner lies, (x, y) in cells.

    found: when it was missed first. until: when it is let go of. doubtful: whether it is somebody, or a head, so that
    it is worth a look when it stays away; not so for a part of somebody who was found.
    """

    mask: Mask
    x: float
    y: float
    found: Fraction
    until: Fraction
    doubtful: bool = False

    def place(self, shape: tuple[int, ...]) -> tuple[tuple[slice, slice], Mask]:
        """Where the piece lies in a map of this shape, and the part of its mask that lies inside."""
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
        """Share of the piece that a map leaves uncovered; 0 where it has left the frame."""
        at, mask = self.place(opacity.shape)
        return float((opacity[at][mask] < COVERED).sum()) / max(1, int(self.mask.sum()))

    def missed_in(self, opacity: Float32Array) -> bool:
        """Whether a map covers too little of the piece for it to have been found."""
        return self.uncovered(opacity) > MISSED

    def forward(self, flow: Float32Array) -> None:
        """Go on to the next frame, whose flow to this one is given: where does what is here come from there?"""
        x, y = self._median(flow, self.x, self.y)
        x, y = self._median(flow, self.x - x, self.y - y)
        self.x, self.y = self.x - x, self.y - y

    def backward(self, flow: Float32Array) -> None:
        """Go back to the frame before, to which this frame's flow is given."""
        x, y = self._median(flow, self.x, self.y)
        self.x, self.y = self.x + x, self.y + y

    def _median(self, flow: Float32Array, x: float, y: float) -> tuple[float, float]:
        at, mask = replace(self, x=x, y=y).place(flow.shape[:2])
        if not mask.any():
            return 0.0, 0.0
        inside = flow[at][mask]
        return float(np.median(inside[:, 0])), float(np.median(inside[:, 1]))


def cut_out(mask: Mask, found: Fraction, until: Fraction) -> Piece:
    """The piece that a mask (h, w) shows; it must not be empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    top, left = int(rows[0]), int(columns[0])
    return Piece(mask[top : rows[-1] + 1, left : columns[-1] + 1].copy(), left, top, found, until)


def carried(maps: Sequence[Labels], flows: Sequence[Float32Array | None]) -> list[Labels] | None:
    """Maps of numbered pieces (h, w) of one frame where they lie some frames on, by each flow to the frame before.

    None where a cut lies in between.
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
    """What of numbered pieces of people and of heads (h, w), where they lie now, is not covered `now`.

    Somebody who is missed as a whole, and a head, is followed for `hold` seconds; a part of somebody, which may be the
    ground that a limb has left, for a quarter of that, and only where it is thick.
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
    """Pieces of a keyframe that nothing carried on from earlier ones (h, w, opacity `before`) had covered."""
    sizes = np.bincount(labels.ravel())
    bare = np.bincount(labels[before < COVERED].ravel(), minlength=len(sizes))
    chosen = np.flatnonzero((sizes[1:] >= _SMALLEST) & (bare[1:] > MISSED * sizes[1:])) + 1
    return [cut_out(labels == number, now, until) for number in chosen]
