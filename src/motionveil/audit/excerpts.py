"""Selects the excerpts to attack: those with most to gain, spread over the video."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from .. import ops
from .coverage import SMALLEST
from .difference import inside
from .footage import BoolArray, Excerpt, Pair
from .parts import share_on_cells

SHORT_SIDE = 480
"""Short side in pixels to which kept frames are downsampled."""


_RANKED = 4


@dataclass
class _Segment:
    """Consecutive pairs with their masks of altered areas and of people.

    areas: sizes of the interior, of people within it, and of both, in one frame of `_RANKED`; enough to compare runs.
    """

    pairs: list[Pair] = field(default_factory=list)
    touched: list[BoolArray] = field(default_factory=list)
    people: list[BoolArray] = field(default_factory=list)
    areas: list[tuple[int, int, int]] = field(default_factory=list)

    def add(self, pair: Pair, touched: BoolArray, people: BoolArray) -> None:
        if len(self.pairs) % _RANKED == 0:
            within = inside(touched)
            self.areas.append((int(np.count_nonzero(within)), int(np.count_nonzero(within & people)), within.size))
        self.pairs.append(pair)
        self.touched.append(touched)
        self.people.append(people)

    @property
    def rank(self) -> tuple[int, int, int]:
        within, people, size = (sum(column) for column in zip(*self.areas, strict=True))
        return len(self.pairs), people if people >= SMALLEST * size else 0, within

    def excerpt(self) -> Excerpt:
        within = np.stack([inside(mask) for mask in self.touched])
        return Excerpt(
            start=self.pairs[0].index,
            pts=tuple(pair.pts for pair in self.pairs),
            original=np.stack([pair.original for pair in self.pairs]),
            output=np.stack([pair.output for pair in self.pairs]),
            touched=np.stack(self.touched),
            core=within & np.stack(self.people) if self.rank[1] else within,
            people=np.stack(self.people) if self.rank[1] else None,
        )


class ExcerptChooser:
    """Collects excerpts while footage is read: from each part of the video, the one in which most is replaced.

    The core of an excerpt is the interior of the altered area that shows people; if it hardly shows any, as when other
    things are hidden, the whole interior. (Around people, and in the preset `secure` where they were a moment ago,
    opacity is partial, but nobody is there.) Holds up to count + 1 excerpts in memory, with a short side of at most
    `SHORT_SIDE` pixels.

    length: frames per excerpt; a shorter video yields one shorter excerpt. count: maximum number. expected: approximate
    number of frames; without it, all excerpts but the last come from the beginning.
    """

    def __init__(self, *, length: int = 12, count: int = 3, expected: int | None = None) -> None:
        self.length, self.count = length, count
        self._part = max(length, (expected or 0) / count)
        self._best: dict[int, _Segment] = {}
        self._run = _Segment()

    def add(self, pair: Pair, touched: BoolArray, people: BoolArray) -> None:
        """Add the next frame with its masks of altered areas and of people, (H, W) each."""
        size = _kept_size(touched.shape)
        if size != touched.shape:
            original, output = (ops.resize_image(frame, size) for frame in (pair.original, pair.output))
            pair = replace(pair, original=original, output=output)
            # Eroding by at least a pixel removes partially altered pixels.
            touched, people = share_on_cells(touched, size) > 0, share_on_cells(people, size) > 0.999
        self._run.add(pair, touched, people)
        if len(self._run.pairs) == self.length:
            self._keep()

    def _keep(self) -> None:
        run, self._run = self._run, _Segment()
        middle = run.pairs[0].index + len(run.pairs) / 2
        part = min(self.count - 1, int(middle / self._part))
        best = self._best.get(part)
        if run.rank[2] and (best is None or run.rank > best.rank):
            self._best[part] = run

    def result(self) -> tuple[Excerpt, ...]:
        """The excerpts in temporal order; none if nothing but outlines is replaced. Can be called once."""
        if not self._best and self._run.pairs:
            self._keep()
        # Stacking copies frames: of one excerpt at a time.
        return tuple(self._best.pop(part).excerpt() for part in sorted(self._best))


def _kept_size(size: tuple[int, ...]) -> tuple[int, int]:
    """(height, width) at which frames are kept."""
    height, width = size
    if min(size) <= SHORT_SIDE:
        return height, width
    # Attacks downsample to two thirds of this; with this rounding, the size is the same as directly from the video.
    factor = SHORT_SIDE * 2 / 3 / min(size)
    return round(round(height * factor) * 3 / 2), round(round(width * factor) * 3 / 2)
