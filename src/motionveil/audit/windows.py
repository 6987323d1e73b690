"""Which consecutive frames are attacked: those with most to gain, spread over the video."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .coverage import SMALLEST
from .difference import inside
from .footage import BoolArray, Pair, Window


@dataclass
class _Run:
    """Consecutive pairs, what is touched in them and what of that lies inside; pixels of it, and of people in it."""

    pairs: list[Pair] = field(default_factory=list)
    touched: list[BoolArray] = field(default_factory=list)
    inside: list[BoolArray] = field(default_factory=list)
    people: list[BoolArray] = field(default_factory=list)

    @property
    def rank(self) -> tuple[int, int, int]:
        people, within = (sum(int(np.count_nonzero(mask)) for mask in masks) for masks in (self.people, self.inside))
        return len(self.pairs), people if people >= SMALLEST * np.size(self.people) else 0, within

    def window(self) -> Window:
        return Window(
            start=self.pairs[0].index,
            pts=tuple(pair.pts for pair in self.pairs),
            original=np.stack([pair.original for pair in self.pairs]),
            output=np.stack([pair.output for pair in self.pairs]),
            touched=np.stack(self.touched),
            core=np.stack(self.people if self.rank[1] else self.inside),
        )


class WindowChooser:
    """Collects windows while footage is read: of every part of the video the one in which most is replaced.

    length: frames of a window; a shorter video gives one shorter window. count: how many at most. expected: the number
    of frames that will come, about; without it all windows but the last come from the beginning.
    The core of a window is what lies inside the touched region and shows people; where hardly anything does, as when
    other things are hidden, all that lies inside. (Round people the region fades, and in the preset `secure` it does so
    where they were a moment ago: that is replaced in part only, and shows nobody.)
    Holds up to count + 1 windows in memory.
    """

    def __init__(self, *, length: int = 12, count: int = 3, expected: int | None = None) -> None:
        self.length, self.count = length, count
        self._part = max(length, (expected or 0) / count)
        self._best: dict[int, _Run] = {}
        self._run = _Run()

    def add(self, pair: Pair, touched: BoolArray, people: BoolArray) -> None:
        """Take the next frame, where it is touched, and where it shows people, (H, W) each."""
        within = inside(touched)
        self._run.pairs.append(pair)
        self._run.touched.append(touched)
        self._run.inside.append(within)
        self._run.people.append(within & people)
        if len(self._run.pairs) == self.length:
            self._keep()

    def _keep(self) -> None:
        run, self._run = self._run, _Run()
        middle = run.pairs[0].index + len(run.pairs) / 2
        part = min(self.count - 1, int(middle / self._part))
        best = self._best.get(part)
        if run.rank[2] and (best is None or run.rank > best.rank):
            self._best[part] = run

    def result(self) -> tuple[Window, ...]:
        """The windows, in time; none where nothing is replaced over more than its outline."""
        if not self._best and self._run.pairs:
            self._keep()
        return tuple(self._best[part].window() for part in sorted(self._best))
