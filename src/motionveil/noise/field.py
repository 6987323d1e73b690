"""The noise of one video."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Float32Array, UInt8Array
from .particles import BLOB, ParticleField
from .picture import Drawn
from .statistics import PALETTES, WIDE, NoiseStatistics, Palette

Transport = Literal["particles", "accumulated", "first_frame"]
"""particles: see `particles.ParticleField`. The others warp a noise image, see `transport`."""


def default_grain(height: int, width: int) -> float:
    """The grain in pixels at which noise carries motion best: 12 at a short side of 480, proportional otherwise."""
    return max(4.0, 12.0 * min(height, width) / 480)


_FINEST = 4.0
"""Minimum grain in pixels for particles; finer noise would need too many."""


class NoiseField:
    """The noise of one video. Call `advance` once per frame.

    Args:
        height: Height of the frames in pixels.
        width: Width of the frames in pixels.
        transport: How noise moves: ``particles``, ``accumulated`` or ``first_frame``. Noise finer than 4 pixels always
            uses ``accumulated`` instead of particles.
        grain: Approximate distance in pixels between independent values, see `draw_noise`; None for `default_grain`.
        statistics: Each channel lies within mean ± deviation.
        palette: Colours of particles; noise images always use all colours.
        generator: Random generator; None for one seeded from the operating system's entropy.
        device: Where the flow is, see `ops.Device`. Noise of one seed is the same on all devices except for rounding.

    Raises:
        OptionError: For unknown names or a grain below 1.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        transport: Transport = "particles",
        grain: float | None = None,
        statistics: NoiseStatistics = WIDE,
        palette: Palette = "calm",
        generator: np.random.Generator | None = None,
        device: ops.Device = None,
    ) -> None:
        if transport not in get_args(Transport):
            raise OptionError(f"unknown noise transport {transport!r}; choose from {', '.join(get_args(Transport))}")
        if palette not in PALETTES:
            raise OptionError(f"unknown palette {palette!r}; choose from {', '.join(PALETTES)}")
        grain = default_grain(height, width) if grain is None else grain
        if not grain >= 1:
            raise OptionError(f"the grain of the noise must be at least 1 pixel, not {grain:g}")
        self._size, self._transport, self._grain = (height, width), transport, grain
        generator = np.random.default_rng() if generator is None else generator
        self.source: _Grown | Drawn
        if transport == "particles" and grain >= _FINEST:
            self.source = _Grown(height, width, grain, statistics, PALETTES[palette], generator, device)
        else:
            carried = "accumulated" if transport == "particles" else transport
            self.source = Drawn(height, width, carried, grain, statistics, generator, device)

    def __repr__(self) -> str:
        return f"NoiseField({self._size[0]}, {self._size[1]}, transport={self._transport!r}, grain={self._grain:g})"

    def advance(self, flow_to_previous: Float32Array | None, opacity: Float32Array | None = None) -> UInt8Array:
        """The noise of the next frame, (H, W, 3) uint8.

        Args:
            flow_to_previous: (h, w, 2) flow to the previous frame; None after a cut.
            opacity: (H, W), where the noise will be visible; None for everywhere. Ignored by noise images.
        """
        return self.source.advance(flow_to_previous, opacity)


class _Grown:
    """Noise of particles, in the colours of a palette."""

    def __init__(
        self,
        height: int,
        width: int,
        grain: float,
        statistics: NoiseStatistics,
        palette: tuple[tuple[float, float, float], ...],
        generator: np.random.Generator,
        device: ops.Device,
    ) -> None:
        sigma = BLOB * grain
        # A blob about two pixels wide can be interpolated smoothly.
        factor = max(1, round(sigma / 2))
        size = (-(-height // factor), -(-width // factor))
        self.frame_size, self.factor, self.device = (height, width), factor, device
        mixed = np.array(palette, np.float32)
        self.field = ParticleField(
            *size,
            sigma=sigma / factor,
            colours=mixed / np.sqrt((mixed**2).sum(0)),
            generator=generator,
            device=device,
        )
        middle, half = (255 * np.array(each, np.float32) for each in (statistics.mean, statistics.std))
        self.middle, self.half = ops.to_device(middle, device), ops.to_device(half, device)
        self.unseen = ops.as_uint8(ops.zeros((height, width, 3), device=device) + self.middle)

    def advance(self, flow_to_previous: Float32Array | None, opacity: Float32Array | None) -> UInt8Array:
        """The noise of the next frame; the mean where it is not visible."""
        values, (rows, columns) = self.field.advance(flow_to_previous, opacity)
        noise = self.unseen + 0
        if not values.shape[0]:
            return noise
        # Map the normal distribution to nearly uniform.
        shown = self.middle + self.half * (values / (values * values + np.float32(np.pi / 2)) ** 0.5)
        size = (shown.shape[0] * self.factor, shown.shape[1] * self.factor)
        large = ops.resize_image(ops.as_uint8(shown), size)
        top, left = rows.start * self.factor, columns.start * self.factor
        place = noise[top : top + size[0], left : left + size[1]]
        place[:] = large[: place.shape[0], : place.shape[1]]
        return noise
