"""Less of the picture itself: blurred, in large pixels, or from a small copy. All of it can be undone in part."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from math import ceil, sqrt

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array, UInt8Array
from .filler import Filler

_AT = 224
"""Sizes are those at this short side, for which the paper gives them; in other frames they grow and shrink with it."""


class _Reduced(Filler):
    """A filling that is made of every frame by itself."""

    independent = False
    relative: float | None = None

    def stream(self, clips: Iterable[Clip]) -> Iterator[UInt8Array]:
        """The reduced frames."""
        largest = 0.0
        for clip in clips:
            fillings = []
            for index, frame in enumerate(clip.frames):
                if self.relative is not None:
                    assert clip.opacity is not None
                    # Someone who turns aside for a moment is not shown more clearly.
                    largest = max(_extent(clip.opacity[index]), 0.98 * largest)
                device = ops.device_of(frame)
                fillings.append(ops.to_device(self._reduce(ops.to_host(frame), largest), device))
            yield ops.stack(fillings)

    @abstractmethod
    def _reduce(self, frame: UInt8Array, extent: float) -> UInt8Array:
        """The frame (H, W, 3), reduced. extent: the size of the region in pixels, where `relative` asks for it."""


class GaussianBlur(_Reduced):
    """Gaussian blur.

    sigma, kernel: standard deviation and full width of the filter in pixels of a frame whose short side is 224; kernel
    None takes six standard deviations and more. relative: the standard deviation as a share of the size of the region
    (the root of its area) instead.
    """

    def __init__(self, *, sigma: float = 10.0, kernel: int | None = None, relative: float | None = None) -> None:
        if not sigma > 0 or (kernel is not None and kernel < 1) or (relative is not None and not relative > 0):
            raise OptionError("the blur's sigma, kernel and relative size must be greater than 0")
        self.sigma, self.kernel, self.relative = sigma, kernel, relative

    def __repr__(self) -> str:
        return f"GaussianBlur(sigma={self.sigma:g}, kernel={self.kernel}, relative={self.relative})"

    def _reduce(self, frame: UInt8Array, extent: float) -> UInt8Array:
        scale = min(frame.shape[:2]) / _AT
        sigma = self.sigma * scale if self.relative is None else max(self.relative * extent, 0.3)
        width = 6 * sigma if self.kernel is None or self.relative is not None else self.kernel * scale
        # Wider than the frame on both sides there is nothing to average, and OpenCV has no such filters.
        width, sigma = (min(value, 2.0 * max(frame.shape[:2])) for value in (width, sigma))
        return ops.blur_image(frame, sigma, 2 * ceil((width - 1) / 2) + 1)


class Pixelation(_Reduced):
    """Average pooling, shown as large pixels.

    cell: their side in pixels of a frame whose short side is 224. relative: so many cells along the size of the region
    (the root of its area) instead.
    """

    def __init__(self, *, cell: float = 16.0, relative: float | None = None) -> None:
        if not cell >= 1 or (relative is not None and not relative > 0):
            raise OptionError("cells of the pixelation must be at least 1 pixel large, and more than 0 to a region")
        self.cell, self.relative = cell, relative

    def __repr__(self) -> str:
        return f"Pixelation(cell={self.cell:g}, relative={self.relative})"

    def _reduce(self, frame: UInt8Array, extent: float) -> UInt8Array:
        height, width = frame.shape[:2]
        cell = self.cell * min(height, width) / _AT if self.relative is None else extent / self.relative
        cell = max(cell, 1.0)
        small = ops.resample_image(frame, (max(1, round(height / cell)), max(1, round(width / cell))), "area")
        return ops.resample_image(small, (height, width), "nearest")


class Resampling(_Reduced):
    """A small copy of the frame brought back to its size.

    short_side: of the copy in pixels. interpolation: back to the full size, a name from `ops.INTERPOLATIONS`; the copy
    itself is made by averaging, or by taking single pixels with 'nearest'.
    """

    def __init__(self, *, short_side: int = 32, interpolation: ops.Interpolation = "linear") -> None:
        if short_side < 1:
            raise OptionError(f"the small copy must have at least 1 pixel along its short side, not {short_side}")
        if interpolation not in ops.INTERPOLATIONS:
            raise OptionError(f"no interpolation {interpolation!r}; choose from {', '.join(ops.INTERPOLATIONS)}")
        self.short_side, self.interpolation = short_side, interpolation

    def __repr__(self) -> str:
        return f"Resampling(short_side={self.short_side}, interpolation={self.interpolation!r})"

    def _reduce(self, frame: UInt8Array, extent: float) -> UInt8Array:
        height, width = frame.shape[:2]
        scale = min(1.0, self.short_side / min(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        small = ops.resample_image(frame, size, "nearest" if self.interpolation == "nearest" else "area")
        return ops.resample_image(small, (height, width), self.interpolation)


def _extent(opacity: Float32Array) -> float:
    """The root of the area that is covered, in pixels; of the whole frame where nothing is."""
    area = float(opacity.sum())
    return sqrt(area or opacity.shape[0] * opacity.shape[1])
