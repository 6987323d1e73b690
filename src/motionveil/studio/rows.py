"""What is hidden in a film, piece by piece, for a timeline: pieces of opacity, followed by where they are.

Nobody is recognised: a row is one person for as long as their piece touches nobody else's.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .. import ops
from .._core.types import Float32Array
from ..obfuscation.obfuscators import Explained
from ..ops import Mask
from .project import Row

_SHORT_SIDE = 72
"""Cells along the short side, on which pieces are told apart."""
_PATIENCE = 0.5
"""Seconds for which a piece may be away before its row ends."""
_OFTEN = 0.25
"""Seconds between the places that are kept."""
_MOST = 300
"""Rows that are kept: the longest."""
_LEAST = 3
"""Cells of the smallest piece."""

Place = tuple[float, int, int, int, int]


@dataclass
class _Open:
    """A row that goes on. mask: (h, w) where its piece was last."""

    start: float
    end: float
    mask: Mask
    places: list[Place] = field(default_factory=list)


class Rows:
    """Collects the rows of one film, clip by clip."""

    def __init__(self) -> None:
        self._open: list[_Open] = []
        self._done: list[_Open] = []

    def add(self, made: Explained) -> None:
        """Go on with the next clip."""
        flows = made.original.flow_to_previous or (None,) * len(made.original.pts)
        for opacity, pts, flow in zip(made.opacity, made.original.pts, flows, strict=True):
            if flow is None:
                self._done, self._open = self._done + self._open, []
            self.advance(ops.to_host(opacity), float(pts))

    def advance(self, opacity: Float32Array, time: float) -> None:
        """Go on with the opacity (H, W) of the next frame."""
        height, width = opacity.shape
        scale = min(1.0, _SHORT_SIDE / min(height, width))
        small = (max(1, round(height * scale)), max(1, round(width * scale)))
        count, numbers = ops.pieces(ops.resize_map(opacity, small) > 0.5)
        taken: set[int] = set()
        sizes = np.bincount(numbers.ravel(), minlength=count + 1)
        # Whoever has been there longest chooses first.
        for row in sorted(self._open, key=lambda row: row.start):
            shared = np.bincount(numbers[row.mask], minlength=count + 1)
            shared[0] = 0
            shared[list(taken)] = 0
            best = int(shared.argmax())
            if shared[best]:
                taken.add(best)
                self._see(row, numbers == best, time, height / small[0], width / small[1])
        for number in range(1, count + 1):
            if number not in taken and sizes[number] >= _LEAST:
                row = _Open(time, time, numbers == number)
                self._see(row, row.mask, time, height / small[0], width / small[1])
                self._open.append(row)
        self._done += [row for row in self._open if time - row.end > _PATIENCE]
        self._open = [row for row in self._open if time - row.end <= _PATIENCE]

    def _see(self, row: _Open, mask: Mask, time: float, high: float, wide: float) -> None:
        row.mask, row.end = mask, time
        if row.places and time - row.places[-1][0] < _OFTEN:
            return
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        left, top = int(columns[0] * wide), int(rows[0] * high)
        right, bottom = round((columns[-1] + 1) * wide), round((rows[-1] + 1) * high)
        row.places.append((round(time, 3), left, top, right - left, bottom - top))

    def result(self) -> tuple[Row, ...]:
        """All rows, by their start; the longest where there are very many."""
        everything = sorted([*self._done, *self._open], key=lambda row: row.start - row.end)[:_MOST]
        rows = [Row(round(row.start, 3), round(row.end, 3), tuple(row.places)) for row in everything]
        return tuple(sorted(rows, key=lambda row: row.start))
