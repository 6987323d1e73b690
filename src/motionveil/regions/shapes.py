"""Geometric regions: the whole frame, rectangles, polygons, strokes of a brush."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor, isfinite
from typing import Self

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array

Length = float | str
"""Pixels of the frame as it is read, or text like ``12.5%`` of its width (for x) or height (for y)."""


class WholeFrame:
    """The whole frame."""

    def __repr__(self) -> str:
        return "WholeFrame()"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity 1 everywhere."""
        return map(everywhere, clips)


def everywhere(clip: Clip) -> Float32Array:
    """Opacity 1 in every pixel of a clip, (T, H, W)."""
    return 1 + ops.zeros(clip.frames.shape[:3], device=ops.device_of(clip.frames))


@dataclass(frozen=True)
class Shape(ABC):
    """A fixed area of opacity 1 in frames with start <= time < end (seconds on the source's clock; None: unbounded)."""

    def __post_init__(self) -> None:
        begin, end = self.times
        if any(time is not None and not (isfinite(time) and time >= 0) for time in self.times):
            raise OptionError("the times of an area must be at least 0 seconds")
        if end is not None and end <= (begin or 0):
            raise OptionError(f"the end of an area ({end:g} s) must come after its start ({begin or 0:g} s)")

    @property
    @abstractmethod
    def times(self) -> tuple[float | None, float | None]:
        """Start and end in seconds, or None."""

    @abstractmethod
    def drawn(self, height: int, width: int) -> Float32Array:
        """(height, width) float32, 1 inside; all 0 if it lies outside the frame."""

    @abstractmethod
    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels. Raises OptionError where it is given as percentages."""

    @abstractmethod
    def moved(self, x: float, y: float, scale: float = 1.0) -> Self:
        """The shape somewhere else: its centre moved by (x, y) pixels, and scaled about it.

        Raises OptionError where it is given as percentages.
        """

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of each clip.

        Raises:
            OptionError: If the shape is outside the frame, or its times are outside the video.
        """
        begin, end = (None if time is None else Fraction(time).limit_denominator(1_000_000) for time in self.times)
        inside: Float32Array | None = None
        applied = False
        for clip in clips:
            if inside is None:
                height, width = clip.frames.shape[1:3]
                inside = self.drawn(height, width)
                if not inside.any():
                    raise OptionError(f"the area {self} is outside the {width}x{height} frame")
                inside = ops.to_device(inside, ops.device_of(clip.frames))
            during = [(begin is None or begin <= time) and (end is None or time < end) for time in clip.pts]
            applied = applied or any(during)
            yield ops.stack([inside if now else inside * 0 for now in during])
        if inside is not None and not applied:
            raise OptionError(f"the area {self} has no effect: its times are outside the video")


@dataclass(frozen=True)
class Rectangle(Shape):
    """All pixels inside or touched by a rectangle: columns x to x + width, rows y to y + height.

    Args:
        x: Left edge, in pixels or as a percentage such as ``"12.5%"``.
        y: Top edge.
        width: Width.
        height: Height.
        start: Seconds on the source's clock; None for the beginning.
        end: Seconds; None for the end.

    Raises:
        OptionError: For invalid lengths or times.
    """

    x: Length
    y: Length
    width: Length
    height: Length
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for length in (self.x, self.y, self.width, self.height):
            pixels_of(length, 100)
        if pixels_of(self.width, 100) <= 0 or pixels_of(self.height, 100) <= 0:
            raise OptionError("a rectangle must have a width and height above 0")

    @property
    def times(self) -> tuple[float | None, float | None]:
        """Start and end in seconds, or None."""
        return self.start, self.end

    def drawn(self, height: int, width: int) -> Float32Array:
        """(height, width) float32, 1 inside."""
        inside = np.zeros((height, width), np.float32)
        rows, columns = (
            slice(max(0, floor(pixels_of(first, side))), max(0, ceil(pixels_of(first, side) + pixels_of(length, side))))
            for first, length, side in ((self.y, self.height, height), (self.x, self.width, width))
        )
        inside[rows, columns] = 1
        return inside

    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels."""
        x, y, width, height = (_in_pixels(length) for length in (self.x, self.y, self.width, self.height))
        return x, y, x + width, y + height

    def moved(self, x: float, y: float, scale: float = 1.0) -> Self:
        """The rectangle somewhere else."""
        (left, top), (right, bottom) = _moved(self.box(), x, y, scale)
        return replace(self, x=left, y=top, width=right - left, height=bottom - top)


@dataclass(frozen=True)
class Polygon(Shape):
    """The inside of a polygon with at least three points (x, y), including its outline.

    Args:
        points: Vertices, in pixels or as percentages.
        start: Seconds on the source's clock; None for the beginning.
        end: Seconds; None for the end.

    Raises:
        OptionError: For fewer points, or invalid lengths or times.
    """

    points: tuple[tuple[Length, Length], ...]
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if len(self.points) < 3:
            raise OptionError(f"a polygon needs at least 3 points, not {len(self.points)}")
        for x, y in self.points:
            pixels_of(x, 100)
            pixels_of(y, 100)

    @property
    def times(self) -> tuple[float | None, float | None]:
        """Start and end in seconds, or None."""
        return self.start, self.end

    def drawn(self, height: int, width: int) -> Float32Array:
        """(height, width) float32, 1 inside."""
        return ops.fill_polygon([(pixels_of(x, width), pixels_of(y, height)) for x, y in self.points], (height, width))

    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels."""
        return _around(self.points)

    def moved(self, x: float, y: float, scale: float = 1.0) -> Self:
        """The polygon somewhere else."""
        left, top, right, bottom = self.box()
        return replace(self, points=_about(self.points, (left + right) / 2, (top + bottom) / 2, x, y, scale))


@dataclass(frozen=True)
class Stroke(Shape):
    """A stroke of a brush: all pixels within `radius` pixels of a line through points (x, y), in pixels.

    Args:
        points: One or more.
        radius: Half the width of the brush.
        start: Seconds on the source's clock; None for the beginning.
        end: Seconds; None for the end.

    Raises:
        OptionError: For invalid numbers or times.
    """

    points: tuple[tuple[float, float], ...]
    radius: float
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.points:
            raise OptionError("a stroke needs at least one point")
        for number in (number for point in self.points for number in point):
            _in_pixels(number)
        if not 0 < self.radius <= 5000:
            raise OptionError(f"the radius of a stroke must be above 0 and up to 5000 pixels, not {self.radius:g}")

    @property
    def times(self) -> tuple[float | None, float | None]:
        """Start and end in seconds, or None."""
        return self.start, self.end

    def drawn(self, height: int, width: int) -> Float32Array:
        """(height, width) float32, 1 inside."""
        return ops.draw_stroke(self.points, self.radius, (height, width))

    def box(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) in pixels."""
        left, top, right, bottom = _around(self.points)
        return left - self.radius, top - self.radius, right + self.radius, bottom + self.radius

    def moved(self, x: float, y: float, scale: float = 1.0) -> Self:
        """The stroke somewhere else."""
        left, top, right, bottom = self.box()
        points = _about(self.points, (left + right) / 2, (top + bottom) / 2, x, y, scale)
        return replace(self, points=points, radius=self.radius * scale)


def _around(points: Iterable[tuple[Length, Length]]) -> tuple[float, float, float, float]:
    columns, rows = ([_in_pixels(length) for length in lengths] for lengths in zip(*points, strict=True))
    return min(columns), min(rows), max(columns), max(rows)


def _moved(
    box: tuple[float, float, float, float], x: float, y: float, scale: float
) -> tuple[tuple[float, float], tuple[float, float]]:
    left, top, right, bottom = box
    first, last = _about([(left, top), (right, bottom)], (left + right) / 2, (top + bottom) / 2, x, y, scale)
    return first, last


def _about(
    points: Iterable[tuple[Length, Length]], middle: float, centre: float, x: float, y: float, scale: float
) -> tuple[tuple[float, float], ...]:
    """Points scaled about (middle, centre), and moved by (x, y)."""
    return tuple(
        (
            middle + x + scale * (_in_pixels(column) - middle),
            centre + y + scale * (_in_pixels(row) - centre),
        )
        for column, row in points
    )


def _in_pixels(length: Length) -> float:
    if isinstance(length, str) or not isfinite(length) or abs(length) > 1e6:
        raise OptionError(f"a shape that moves is given in pixels, not as {str(length)[:40]}")
    return float(length)


def pixels_of(length: Length, side: int) -> float:
    """A length in pixels, given the side of the frame along it.

    Raises:
        OptionError: If it is not a valid length.
    """
    text = str(length).strip()
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d{1,2})?%?", text) or abs(float(text.rstrip("%"))) > 1e6:
        raise OptionError(f"invalid length {text!r}; give pixels like 120, or a percentage of the frame like 12.5%")
    return float(text[:-1]) * side / 100 if text.endswith("%") else float(text)
