"""Keeps people covered who were detected and then missed: until they are detected again, and before their first
detection.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import ops
from .._core.types import Float32Array
from ..detection.saliency import Cells
from ..detection.tracking import Piece, appeared, carried, missed
from .coverage import Coverage
from .looking import Key

_LONG = Fraction(3, 10)
"""Seconds for which a person must be missed before this is a moment of doubt."""
_TOLD = 8
"""Number of moments listed in a message."""


@dataclass(frozen=True)
class Doubt:
    """A moment to review: the network misses a person who was detected before.

    Attributes:
        time: Seconds on the source's clock, when they were first missed.
        box: (left, top, width, height) in pixels of the frame: their assumed position, which is covered.
    """

    time: Fraction
    box: tuple[int, int, int, int]


def doubtful(name: str, doubts: Sequence[Doubt]) -> str:
    """The message that lists the moments to review."""
    seconds = list(dict.fromkeys(f"{float(doubt.time):.1f}" for doubt in doubts))
    shown = ", ".join(seconds[:_TOLD]) + (f" and {len(seconds) - _TOLD} more" if len(seconds) > _TOLD else "")
    return (
        f"{name}: look at the result at {shown} s, where somebody who was found before was missed, and covered where "
        "they were taken to be"
    )


@dataclass
class Waiting:
    """A frame whose opacity may still grow.

    Attributes:
        opacity: (h, w), on the grid of cells.
        flow: On the same grid, to the previous frame.
        size: (height, width) of the frame.
        heads: 1 on heads, else 0, on the same grid; None if there are none.
    """

    opacity: Float32Array
    flow: Float32Array | None
    pts: Fraction
    cells: Cells
    size: tuple[int, int]
    heads: Float32Array | None = None


class Following:
    """The state of tracking everybody through one video, see `tracking`. on_doubt: called with each moment of doubt."""

    def __init__(self, coverage: Coverage, on_doubt: Callable[[Doubt], None] | None = None) -> None:
        self._coverage = coverage
        self._on_doubt = on_doubt
        self._pieces: list[Piece] = []
        self._told: set[int] = set()

    def advance(self, last: Key | None, key: Key, group: Sequence[Waiting], before: Sequence[Waiting]) -> None:
        """Cover what the network missed in a group that ends with a keyframe, and in the frames `before` it.

        Changes their opacity. last: the previous keyframe.
        """
        now = group[-1].pts
        for frame in group:
            frame.opacity = np.array(ops.to_host(frame.opacity))
            if frame.flow is None:
                self._pieces = []
                continue
            frame.flow = ops.to_host(frame.flow)
            for piece in self._pieces:
                piece.forward(frame.flow)
                if frame.pts <= piece.until:
                    piece.draw(frame.opacity)
        found, flows = ops.to_host(key.opacity), [frame.flow for frame in group]
        earlier, fresh = np.zeros_like(found), list[Piece]()
        if last is not None:
            where = carried([last.people, last.heads], flows)
            if where is not None:
                people, heads = where
                fresh = missed(people, heads, found, now, hold=self._coverage.hold)
                earlier = (people > 0).astype(np.float32)
        for piece in self._pieces:
            piece.draw(earlier)
        if self._coverage.look_back:
            self._look_back(key, earlier, group, before)
        self._pieces = [piece for piece in self._pieces if piece.until > now and piece.missed_in(found)] + fresh
        for piece in fresh:
            piece.draw(group[-1].opacity)
        self._tell(group[-1])

    def _look_back(self, key: Key, earlier: Float32Array, group: Sequence[Waiting], before: Sequence[Waiting]) -> None:
        """Cover people first detected at a keyframe in the frames before the previous one, as far as they can be
        tracked back.
        """
        now = group[-1].pts
        first = now - Fraction(self._coverage.look_back).limit_denominator(10_000)
        everything = [*before, *group]
        for labels in (key.heads, key.people):
            for piece in appeared(labels, earlier, now, now):
                for index in range(len(everything) - 1, 0, -1):
                    flow, frame = everything[index].flow, everything[index - 1]
                    if flow is None or frame.pts < first:
                        break
                    piece.backward(flow)
                    if index - 1 < len(before):
                        if not piece.missed_in(frame.opacity):
                            break
                        piece.draw(frame.opacity)

    def _tell(self, frame: Waiting) -> None:
        """Report people who have been missed for long, once each."""
        self._told &= {id(piece) for piece in self._pieces}
        for piece in self._pieces:
            if not piece.doubtful or id(piece) in self._told or frame.pts - piece.found < _LONG:
                continue
            self._told.add(id(piece))
            place, mask = piece.place(frame.opacity.shape)
            if self._on_doubt is not None and mask.any():
                stride, offset = frame.cells
                (top, bottom), (left, right) = ((part.start, part.stop) for part in place)
                x, y = (round(offset.x + (left - 0.5) * stride.x), round(offset.y + (top - 0.5) * stride.y))
                box = (max(0, x), max(0, y), round((right - left) * stride.x), round((bottom - top) * stride.y))
                self._on_doubt(Doubt(piece.found, box))
