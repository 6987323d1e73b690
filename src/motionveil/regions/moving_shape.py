"""A shape that moves over time, along a way that is known before."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from typing import NamedTuple, Self

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array
from .following import Doubt
from .shapes import Polygon, Rectangle, Shape, Stroke

_MOST = 100_000


class Step(NamedTuple):
    """Where a shape is at a time (seconds on the source's clock): (x, y) pixels away from where it was drawn, and its
    size as a factor, about its centre.
    """

    time: float
    x: float
    y: float
    scale: float = 1.0


@dataclass(frozen=True)
class MovingShape(Shape):
    """A shape in pixels that moves along a way, straight from step to step. It stays at the first one before it, and at
    the last one after it, within its own times.

    Args:
        shape: As it was drawn.
        way: One step or more, in the order of time.
        doubts: Times at which whoever made the way was not sure of it any more.

    Raises:
        OptionError: For invalid numbers, or steps out of order.
    """

    shape: Rectangle | Polygon | Stroke
    way: tuple[Step, ...]
    doubts: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        self.shape.box()
        if not 1 <= len(self.way) <= _MOST or len(self.doubts) > _MOST:
            raise OptionError(f"the way of a shape must have 1 to {_MOST} steps")
        if not all(isfinite(number) and abs(number) < 1e6 for step in self.way for number in step):
            raise OptionError("the steps of a shape must be numbers")
        if any(later.time <= step.time for step, later in pairwise(self.way)):
            raise OptionError("the steps of a shape must follow each other in time")
        if not all(0 < step.scale <= 100 for step in self.way):
            raise OptionError("the scale of a shape must be above 0 and at most 100")
        if not all(isfinite(time) and time >= 0 for time in self.doubts):
            raise OptionError("the doubts of a shape must be times in seconds")

    @property
    def times(self) -> tuple[float | None, float | None]:
        """Start and end in seconds, or None."""
        return self.shape.times

    def at(self, time: float) -> Rectangle | Polygon | Stroke:
        """The shape where it is at a time."""
        later = bisect_right(self.way, time, key=lambda step: step.time)
        before, after = self.way[max(0, later - 1)], self.way[min(later, len(self.way) - 1)]
        share = 0.0 if after.time <= before.time else (time - before.time) / (after.time - before.time)
        x, y, scale = (a + share * (b - a) for a, b in zip(before[1:], after[1:], strict=True))
        return self.shape.moved(x, y, scale)

    def told(self) -> list[Doubt]:
        """Its moments of doubt."""
        found = []
        for time in self.doubts:
            left, top, right, bottom = (round(number) for number in self.at(time).box())
            box = (max(0, left), max(0, top), max(1, right - max(0, left)), max(1, bottom - max(0, top)))
            found.append(Doubt(Fraction(time).limit_denominator(1_000_000), box))
        return found

    def drawn(self, height: int, width: int) -> Float32Array:
        """(height, width) float32, 1 inside, where it was drawn."""
        return self.shape.drawn(height, width)

    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels, where it was drawn."""
        return self.shape.box()

    def moved(self, x: float, y: float, scale: float = 1.0) -> Self:
        """The shape with its whole way somewhere else."""
        return type(self)(self.shape.moved(x, y, scale), self.way, self.doubts)

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of each clip. Raises OptionError if its times are outside the video."""
        begin, end = (None if time is None else Fraction(time).limit_denominator(1_000_000) for time in self.times)
        seen = applied = False
        for clip in clips:
            seen = True
            height, width = clip.frames.shape[1:3]
            maps = []
            for time in clip.pts:
                during = (begin is None or begin <= time) and (end is None or time < end)
                applied = applied or during
                drawn = self.at(float(time)).drawn(height, width) if during else ops.zeros((height, width))
                maps.append(ops.to_device(drawn, ops.device_of(clip.frames)))
            yield ops.stack(maps)
        if seen and not applied:
            raise OptionError(f"the area {self.shape} has no effect: its times are outside the video")
