"""Which consecutive frames are attacked: those with most to gain, spread over the video."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .difference import core_of, inside
from .footage import BoolArray, Pair, Window


@dataclass
class _Run:
    """Consecutive pairs, what is touched in them, and how many pixels of that lie inside."""

    pairs: list[Pair] = field(default_factory=list)
    touched: list[BoolArray] = field(default_factory=list)
    area: int = 0

    @property
    def rank(self) -> tuple[int, int]:
        return len(self.pairs), self.area

    def window(self) -> Window:
        original = np.stack([pair.original for pair in self.pairs])
        output = np.stack([pair.output for pair in self.pairs])
        touched = np.stack(self.touched)
        pts = tuple(pair.pts for pair in self.pairs)
        return Window(self.pairs[0].index, pts, original, output, touched, core_of(original, output, touched))


class WindowChooser:
    """Collects windows while footage is read: of every part of the video the one in which most is replaced.

    length: frames of a window; a shorter video gives one shorter window. count: how many at most. expected: the number
    of frames that will come, about; without it all windows but the last come from the beginning.
    Holds up to count + 1 windows in memory.
    """

    def __init__(self, *, length: int = 12, count: int = 3, expected: int | None = None) -> None:
        self.length, self.count = length, count
        self._part = max(length, (expected or 0) / count)
        self._best: dict[int, _Run] = {}
        self._run = _Run()

    def add(self, pair: Pair, touched: BoolArray) -> None:
        """Take the next frame, and where it is touched."""
        self._run.pairs.append(pair)
        self._run.touched.append(touched)
        self._run.area += int(np.count_nonzero(inside(touched)))
        if len(self._run.pairs) == self.length:
            self._keep()

    def _keep(self) -> None:
        run, self._run = self._run, _Run()
        middle = run.pairs[0].index + len(run.pairs) / 2
        part = min(self.count - 1, int(middle / self._part))
        best = self._best.get(part)
        if run.area and (best is None or run.rank > best.rank):
            self._best[part] = run

    def result(self) -> tuple[Window, ...]:
        """The windows, in time; none where nothing is replaced over more than its outline."""
        if not self._best and self._run.pairs:
            self._keep()
        return tuple(self._best[part].window() for part in sorted(self._best))
