"""Who was found and is then missed: covered until they are found again, and before they were found first."""

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
"""Seconds for which somebody must be missed before that is doubtful."""
_TOLD = 8
"""Moments that are named in a sentence."""


@dataclass(frozen=True)
class Doubt:
    """A moment that somebody should look at: who was found before is missed by the network.

    time: seconds on the source's clock from which on they are missed. box: (left, top, width, height) in pixels of the
    frame, where they are taken to be, and covered.
    """

    time: Fraction
    box: tuple[int, int, int, int]


def doubtful(name: str, doubts: Sequence[Doubt]) -> str:
    """The sentence that sends people to the moments that they should look at."""
    seconds = list(dict.fromkeys(f"{float(doubt.time):.1f}" for doubt in doubts))
    shown = ", ".join(seconds[:_TOLD]) + (f" and {len(seconds) - _TOLD} more" if len(seconds) > _TOLD else "")
    return (
        f"{name}: look at the result at {shown} s, where somebody who was found before was missed, and covered where "
        "they were taken to be"
    )


@dataclass
class Waiting:
    """A frame whose opacity (h, w, on cells) may still grow. flow: on cells, to the frame before. size: (height, width)
    of the frame. heads: 1 where heads are, else 0, on cells; None where there are none.
    """

    opacity: Float32Array
    flow: Float32Array | None
    pts: Fraction
    cells: Cells
    size: tuple[int, int]
    heads: Float32Array | None = None


class Following:
    """The state of following everybody through one video, see `tracking`. on_doubt: is told each moment of doubt."""

    def __init__(self, coverage: Coverage, on_doubt: Callable[[Doubt], None] | None = None) -> None:
        self._coverage = coverage
        self._on_doubt = on_doubt
        self._pieces: list[Piece] = []
        self._told: set[int] = set()

    def advance(self, last: Key | None, key: Key, group: Sequence[Waiting], before: Sequence[Waiting]) -> None:
        """Cover in a group that ends in a keyframe, and in the frames `before`, what the network missed there.

        Changes their opacity. last: the keyframe before.
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
        """Cover who is new at a keyframe in the frames before the last one, as far as they can be followed back."""
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
        """Tell of who is missed for long, once each."""
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
