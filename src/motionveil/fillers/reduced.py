"""Fillers that reduce the original image: blur, pixelation, resampling. All can be partly reversed."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from math import ceil, sqrt

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array, UInt8Array
from .filler import Filler

_AT = 224
"""The short side that sizes refer to, as in the paper; they scale with the frame."""


class _Reduced(Filler):
    """A filling computed from each frame separately."""

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
                    # The extent does not shrink, so that turning aside does not show a person more clearly.
                    largest = max(_extent(clip.opacity[index]), 0.98 * largest)
                device = ops.device_of(frame)
                fillings.append(ops.to_device(self._reduce(ops.to_host(frame), largest), device))
            yield ops.stack(fillings)

    @abstractmethod
    def _reduce(self, frame: UInt8Array, extent: float) -> UInt8Array:
        """Reduce a frame (H, W, 3). extent: size of the region in pixels, if `relative` is used."""


class GaussianBlur(_Reduced):
    """Gaussian blur.

    Args:
        sigma: Standard deviation in pixels of a frame whose short side is 224.
        kernel: Full width of the filter in the same unit; None for at least six standard deviations.
        relative: Standard deviation as a fraction of the size of the region (the square root of its area) instead.

    Raises:
        OptionError: For values of 0 or less.
    """

    def __init__(self, *, sigma: float = 10.0, kernel: int | None = None, relative: float | None = None) -> None:
        if not sigma > 0 or (kernel is not None and kernel < 1) or (relative is not None and not relative > 0):
            raise OptionError("sigma, kernel and relative of the blur must be above 0")
        self.sigma, self.kernel, self.relative = sigma, kernel, relative

    def __repr__(self) -> str:
        return f"GaussianBlur(sigma={self.sigma:g}, kernel={self.kernel}, relative={self.relative})"

    def _reduce(self, frame: UInt8Array, extent: float) -> UInt8Array:
        scale = min(frame.shape[:2]) / _AT
        sigma = self.sigma * scale if self.relative is None else max(self.relative * extent, 0.3)
        width = 6 * sigma if self.kernel is None or self.relative is not None else self.kernel * scale
        # Wider filters than twice the frame make no difference, and OpenCV does not support them.
        width, sigma = (min(value, 2.0 * max(frame.shape[:2])) for value in (width, sigma))
        return ops.blur_image(frame, sigma, 2 * ceil((width - 1) / 2) + 1)


class Pixelation(_Reduced):
    """Pixelation by average pooling.

    Args:
        cell: Cell size in pixels of a frame whose short side is 224.
        relative: Number of cells along the size of the region (the square root of its area) instead.

    Raises:
        OptionError: For cells smaller than 1 pixel, or `relative` of 0 or less.
    """

    def __init__(self, *, cell: float = 16.0, relative: float | None = None) -> None:
        if not cell >= 1 or (relative is not None and not relative > 0):
            raise OptionError("cell of the pixelation must be at least 1 pixel, and relative above 0")
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
    """Downsampling followed by upsampling to the original size.

    Args:
        short_side: Short side of the downsampled frame in pixels.
        factor: How many times smaller the downsampled frame is, instead of its size.
        interpolation: Upsampling method, a name in `ops.INTERPOLATIONS`. Downsampling is by area average, or by
            nearest neighbour with 'nearest'.

    Raises:
        OptionError: For an empty size, a factor below 1 or an unknown method.
    """

    def __init__(
        self, *, short_side: int = 32, factor: float | None = None, interpolation: ops.Interpolation = "linear"
    ) -> None:
        if short_side < 1:
            raise OptionError(f"the short side must be at least 1 pixel, not {short_side}")
        if factor is not None and not factor >= 1:
            raise OptionError(f"the factor must be at least 1, not {factor:g}; frames cannot be made larger")
        if interpolation not in ops.INTERPOLATIONS:
            raise OptionError(f"unknown interpolation {interpolation!r}; choose from {', '.join(ops.INTERPOLATIONS)}")
        self.short_side, self.factor, self.interpolation = short_side, factor, interpolation

    def __repr__(self) -> str:
        size = f"short_side={self.short_side}" if self.factor is None else f"factor={self.factor:g}"
        return f"Resampling({size}, interpolation={self.interpolation!r})"

    def _reduce(self, frame: UInt8Array, extent: float) -> UInt8Array:
        height, width = frame.shape[:2]
        scale = min(1.0, self.short_side / min(height, width)) if self.factor is None else 1 / self.factor
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        small = ops.resample_image(frame, size, "nearest" if self.interpolation == "nearest" else "area")
        return ops.resample_image(small, (height, width), self.interpolation)


def _extent(opacity: Float32Array) -> float:
    """The square root of the covered area in pixels; of the whole frame if nothing is covered."""
    area = float(opacity.sum())
    return sqrt(area or opacity.shape[0] * opacity.shape[1])
