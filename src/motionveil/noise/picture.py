"""Noise images: drawn once (Eq. 3 of Ilic et al., CVPR 2024), transported by coordinates, and sampled."""

from __future__ import annotations

from math import erf, sqrt

import numpy as np

from .. import ops
from .._core.types import Float32Array, UInt8Array
from .statistics import WIDE, NoiseStatistics
from .transport import TRANSPORTS, NoiseTransport

_standard_normal_cdf = np.vectorize(lambda x: 0.5 * (1 + erf(x / sqrt(2))), otypes=[np.float32])


def draw_noise(
    height: int,
    width: int,
    *,
    grain: float = 1.0,
    statistics: NoiseStatistics = WIDE,
    generator: np.random.Generator,
) -> UInt8Array:
    """Periodic noise (height, width, 3) uint8, uniform in [mu - sigma, mu + sigma] per channel (Eq. 3).

    grain: distance in pixels between independent values; above 1, values in between are interpolated smoothly and
    mapped back to a uniform distribution. The image tiles seamlessly.
    """
    if grain <= 1:
        uniform = generator.random((height, width, 3), np.float32)
    else:
        rows, columns = max(2, round(height / grain)), max(2, round(width / grain))
        lattice = generator.standard_normal((rows, columns, 3), np.float32)
        vertical, horizontal = _periodic_spline(rows, height), _periodic_spline(columns, width)
        smooth = np.einsum("yr,rcd->ycd", vertical, lattice)
        smooth = np.einsum("xc,ycd->yxd", horizontal, smooth)
        # Interpolation reduces the variance between lattice points: undo that, then map normal values to uniform.
        spread = np.sqrt((vertical**2).sum(1)[:, None] * (horizontal**2).sum(1)[None, :])[..., None]
        table = _standard_normal_cdf(np.linspace(-5, 5, 1001))
        uniform = np.interp(smooth / spread, np.linspace(-5, 5, 1001), table).astype(np.float32)
    mean, std = np.array(statistics.mean, np.float32), np.array(statistics.std, np.float32)
    values = mean + (2 * uniform - 1) * std
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)


def _periodic_spline(points: int, length: int) -> Float32Array:
    """Weights (length, points) of a periodic cubic B-spline through `points` equally spaced values."""
    position = np.arange(length) * points / length
    base = np.floor(position).astype(int)
    t = position - base
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], 1) / 6
    matrix = np.zeros((length, points), np.float32)
    for tap in range(4):
        np.add.at(matrix, (np.arange(length), (base + tap - 1) % points), weights[:, tap])
    return matrix


class Drawn:
    """A noise image that is drawn once, and the transport of coordinates in it."""

    def __init__(
        self,
        height: int,
        width: int,
        transport: str,
        grain: float,
        statistics: NoiseStatistics,
        generator: np.random.Generator,
        device: ops.Device = None,
    ) -> None:
        # Smooth noise loses nothing at half the resolution, and costs a quarter.
        self.factor = 2 if grain >= 4 and min(height, width) >= 64 else 1
        # OpenCV samples at coordinates below 2^15.
        while max(height, width) > 16_000 * self.factor:
            self.factor *= 2
        self.frame_size = (height, width)
        self.size = (-(-height // self.factor), -(-width // self.factor))
        picture = draw_noise(
            *self.size, grain=max(1.0, grain / self.factor), statistics=statistics, generator=generator
        )
        self.picture = ops.to_device(picture, device)
        self.nearest = grain <= 1
        self.mean = 255 * float(np.mean(statistics.mean))
        # Displacements are even smoother than smooth noise: half its resolution is enough.
        step = 2 if self.factor > 1 else 1
        places = (-(-self.size[0] // step), -(-self.size[1] // step))
        self.transport: NoiseTransport = TRANSPORTS[transport](*places, generator, device=device)
        self._grid = ops.pixel_grid(*self.size, device=device)

    def advance(self, flow_to_previous: Float32Array | None, opacity: Float32Array | None = None) -> UInt8Array:
        """The noise of the next frame, (H, W, 3) uint8."""
        layers = self.transport.advance(flow_to_previous)
        pictures = [self._show(layer.displacement) for layer in layers]
        noise = pictures[0]
        if len(layers) == 2:
            first, second = (layer.weight for layer in layers)
            noise = ops.mix(pictures[0], first, pictures[1], second, (1 - first - second) * self.mean)
        return ops.resize_image(noise, self.frame_size)

    def _show(self, displacement: Float32Array) -> UInt8Array:
        """Sample the noise image through a displacement."""
        places = self._grid + ops.resize_flow(displacement, self.size)
        height, width = self.size
        # The image is periodic: keep coordinates small, where sampling is exact.
        places[..., 0] -= width * ops.floor(places[..., 0] / width)
        places[..., 1] -= height * ops.floor(places[..., 1] / height)
        return ops.sample_image(self.picture, places, border="wrap", nearest=self.nearest)
