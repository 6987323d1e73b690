"""Combinations of regions: union, intersection, difference, inverse, strength."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array
from .region import Derived, Region
from .shapes import everywhere


class _Pointwise(Derived):
    """A combination computed for each pixel separately."""

    def __init__(self, *parts: Region) -> None:
        if not parts:
            raise OptionError(f"{type(self).__name__} needs at least one region")
        self.parts = parts

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(repr, self.parts))})"

    def derive(self, clips: Iterator[Clip], opacities: Sequence[Iterator[Float32Array]]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of each clip."""
        for _, *maps in zip(clips, *opacities, strict=True):
            yield self._joined(maps)

    @abstractmethod
    def _joined(self, maps: list[Float32Array]) -> Float32Array:
        """Combine the maps of the parts, all (T, H, W) in [0, 1]."""


class Union(_Pointwise):
    """The union of regions: the maximum of their opacities."""

    def _joined(self, maps: list[Float32Array]) -> Float32Array:
        return ops.greatest(maps)


class Intersection(_Pointwise):
    """The intersection of regions: the minimum of their opacities."""

    def _joined(self, maps: list[Float32Array]) -> Float32Array:
        return 1 - ops.greatest([1 - each for each in maps])


class Difference(_Pointwise):
    """A region without another: a (1 - b)."""

    def __init__(self, region: Region, without: Region) -> None:
        super().__init__(region, without)

    def _joined(self, maps: list[Float32Array]) -> Float32Array:
        return maps[0] * (1 - maps[1])


class Inverse(_Pointwise):
    """The complement of a region: 1 - a."""

    def __init__(self, region: Region) -> None:
        super().__init__(region)

    def _joined(self, maps: list[Float32Array]) -> Float32Array:
        return 1 - maps[0]


class FigureOnGround(Derived):
    """The whole frame, in which a region is the figure: a filler may draw that and the ground differently.

    Opacity is 1 everywhere, whatever is found: who is missed is drawn as ground.
    """

    begins_with_figure = True

    def __init__(self, figure: Region) -> None:
        self.parts = (figure,)

    def __repr__(self) -> str:
        return f"FigureOnGround({self.parts[0]!r})"

    def derive(self, clips: Iterator[Clip], opacities: Sequence[Iterator[Float32Array]]) -> Iterator[Float32Array]:
        """Opacity 1 of every clip."""
        for clip, _ in zip(clips, *opacities, strict=True):
            yield everywhere(clip)


class Strength(_Pointwise):
    """A region whose opacity is multiplied by a factor in (0, 1] (``afd_combine_level`` in the published code).

    Below 1 the original remains visible everywhere: for research only, as it protects nobody.
    """

    def __init__(self, region: Region, factor: float) -> None:
        if not 0 < factor <= 1:
            raise OptionError(f"the strength must be above 0 and at most 1, not {factor:g}")
        super().__init__(region)
        self.factor = factor

    def __repr__(self) -> str:
        return f"Strength({self.parts[0]!r}, {self.factor:g})"

    def _joined(self, maps: list[Float32Array]) -> Float32Array:
        return maps[0] * np.float32(self.factor)
