"""Noise that moves with the scene (Eq. 3 and 4 of Ilic et al., CVPR 2024), drawn once and carried by coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, sqrt
from typing import Literal, Protocol, get_args

import numpy as np

from . import ops
from .errors import OptionError
from .types import Float32Array, UInt8Array

Transport = Literal["accumulated", "first_frame"]


@dataclass(frozen=True)
class NoiseStatistics:
    """Mean and standard deviation per channel, in [0, 1], of the pictures that the noise should resemble."""

    mean: tuple[float, float, float] = (0.45, 0.45, 0.45)
    std: tuple[float, float, float] = (0.35, 0.35, 0.35)
    measured: bool = False
    """Whether they are those of somebody's video: then records do not show them."""

    def __repr__(self) -> str:
        return f"NoiseStatistics({'measured' if self.measured else f'mean={self.mean}, std={self.std}'})"


WIDE = NoiseStatistics()
"""High contrast, so that motion is easy to see; tells nothing about any picture."""
KINETICS = NoiseStatistics((0.45, 0.45, 0.45), (0.225, 0.225, 0.225))
"""The statistics that networks pretrained on Kinetics-400 normalise by."""
IMAGENET = NoiseStatistics((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
UNIFORM = NoiseStatistics((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
"""All of [0, 1], as the published code draws it."""

STATISTICS = {"wide": WIDE, "kinetics": KINETICS, "imagenet": IMAGENET, "uniform": UNIFORM}
"""Statistics by name; a new one is one line here."""


def statistics_of(value: NoiseStatistics | str) -> NoiseStatistics:
    """Statistics as they are, or those of this name. Raises OptionError where there are none."""
    if isinstance(value, NoiseStatistics):
        return value
    if value not in STATISTICS:
        raise OptionError(f"no statistics {value!r}; choose from {', '.join(STATISTICS)}")
    return STATISTICS[value]


def measure_statistics(frames: UInt8Array) -> NoiseStatistics:
    """The statistics of some frames (T, H, W, 3) uint8: what Eq. 3 asks for, of a data set of one's own."""
    values = [frame.reshape(-1, 3) / 255 for frame in frames]
    mean = np.mean([value.mean(0) for value in values], axis=0)
    std = np.sqrt(np.mean([(value**2).mean(0) for value in values], axis=0) - mean**2)
    return NoiseStatistics((mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), measured=True)


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

    grain: distance in pixels between independent values; above 1 the values between are interpolated smoothly and
    spread again to the uniform distribution. The picture repeats seamlessly, so it may be sampled anywhere.
    """
    if grain <= 1:
        uniform = generator.random((height, width, 3), np.float32)
    else:
        rows, columns = max(2, round(height / grain)), max(2, round(width / grain))
        lattice = generator.standard_normal((rows, columns, 3), np.float32)
        vertical, horizontal = _periodic_spline(rows, height), _periodic_spline(columns, width)
        smooth = np.einsum("yr,rcd->ycd", vertical, lattice)
        smooth = np.einsum("xc,ycd->yxd", horizontal, smooth)
        # Interpolation shrinks the variance between lattice points: undo it, then map the normal values to uniform.
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


@dataclass(frozen=True)
class Layer:
    """Where each pixel of a frame lies in the noise picture, and how strongly that is seen.

    displacement: (h, w, 2) float32, from the pixel to its place. weight: layers of one frame have weights whose squares
    add up to 1, so that a mixture has the contrast of one.
    """

    displacement: Float32Array
    weight: float = 1.0


class NoiseTransport(Protocol):
    """Says for every pixel of a frame which place of the noise picture it shows; holds the state of one video."""

    def advance(self, flow_to_previous: Float32Array | None) -> list[Layer]:
        """Go on to the next frame: one layer, or two while one takes over from the other."""
        ...


class FirstFrameTransport:
    """Eq. 4 taken literally: N(p, t) = N(p + v(p, t), 1), the first noise frame moved by one step of flow.

    A scene that moves at constant speed gets noise that stands still; kept to reproduce the paper.
    """

    def __init__(self, height: int, width: int, generator: np.random.Generator, *, device: ops.Device = None) -> None:
        self.size = (height, width)
        self.device = device

    def advance(self, flow_to_previous: Float32Array | None) -> list[Layer]:
        if flow_to_previous is None:
            return [Layer(ops.zeros((*self.size, 2), device=self.device))]
        return [Layer(ops.resize_flow(flow_to_previous, self.size))]


class AccumulatedTransport:
    """N(p, t) = N(p + v(p, t), t - 1): the place in the noise travels with the scene.

    Only displacements are carried, never colours, so motion far below a pixel adds up, and the noise is sampled once.
    Two things keep the noise whole where the scene folds and tears:
    displacements relax towards their neighbours where they would draw out or crush the noise by more than `limit`;
    and where that happens in more than `share` of the frame, the noise is born again: a new layer at another place,
    undistorted, takes over within `fade` frames while both move with the scene (Neyret, Advected Textures, SCA 2003).
    Such births are coherent, and at least `rest` frames apart. Rebirth pixel by pixel would destroy the motion.
    """

    def __init__(
        self,
        height: int,
        width: int,
        generator: np.random.Generator,
        *,
        limit: float = 2.0,
        share: float = 0.03,
        fade: int = 12,
        rest: int = 12,
        device: ops.Device = None,
    ) -> None:
        self.size = (height, width)
        self.device = device
        self.generator = generator
        self.limit, self.share, self.fade, self.rest = limit, share, fade, rest
        self.displacement = ops.zeros((height, width, 2), device=device)
        self.coming: Float32Array | None = None
        self.age = 0

    def advance(self, flow_to_previous: Float32Array | None) -> list[Layer]:
        if flow_to_previous is None:
            # A new scene has no motion in common with the last one: it starts at another place of the noise.
            if self.age:
                self.displacement = self._place()
            self.coming, self.age = None, 1
            return [Layer(self.displacement)]
        self.age += 1
        flow = ops.resize_flow(flow_to_previous, self.size)
        self.displacement, distorted = self._carry(self.displacement, flow)
        if self.coming is not None:
            self.coming, _ = self._carry(self.coming, flow)
            if self.age > self.fade:
                self.displacement, self.coming = self.coming, None
        elif self.age > self.rest and distorted > self.share:
            self.coming, self.age = self._place(), 1
        if self.coming is None:
            return [Layer(self.displacement)]
        angle = np.pi / 2 * self.age / (self.fade + 1)
        return [Layer(self.displacement, float(np.cos(angle))), Layer(self.coming, float(np.sin(angle)))]

    def _place(self) -> Float32Array:
        """Everything moved to one random place of the noise."""
        place = np.asarray(self.generator.random(2) * self.size[::-1], np.float32)
        return ops.zeros((*self.size, 2), device=self.device) + ops.to_device(place, self.device)

    def _carry(self, displacement: Float32Array, flow: Float32Array) -> tuple[Float32Array, float]:
        """The displacement one frame later, relaxed, and the share of the frame in which that was needed."""
        carried = ops.warp(displacement, flow) + flow
        largest, smallest = _stretch(carried[::_COARSE, ::_COARSE], float(_COARSE))
        torn = ops.as_float32((largest > self.limit) | (smallest < 1 / self.limit))
        distorted = float(torn.mean())
        if distorted:
            softness = ops.resize_map(ops.smooth(ops.dilate(torn, 1), 0.7), self.size)[..., None]
            carried += softness * (ops.smooth(carried, float(_COARSE)) - carried)
        return carried, distorted


_COARSE = 2
"""Distortion is judged on every other place: what is finer than that does not show in noise of a visible grain."""


def _stretch(displacement: Float32Array, spacing: float) -> tuple[Float32Array, Float32Array]:
    """Greatest and least singular value of the Jacobian of p + d(p), (h, w) each, of samples `spacing` pixels apart.

    Above 1 the noise is crushed, below 1 drawn out.
    """
    # Beyond the border the displacement goes on as it is.
    dx, dy = (ops.zeros(displacement.shape, device=ops.device_of(displacement)) for _ in range(2))
    dx[:, :-1] = (displacement[:, 1:] - displacement[:, :-1]) / spacing
    dy[:-1] = (displacement[1:] - displacement[:-1]) / spacing
    a, b, c, d = 1 + dx[..., 0], dy[..., 0], dx[..., 1], 1 + dy[..., 1]
    determinant, half_norm = a * d - b * c, (a * a + b * b + c * c + d * d) / 2
    root = (half_norm**2 - determinant**2).clip(0) ** 0.5
    largest = (half_norm + root) ** 0.5
    return largest, abs(determinant) / largest.clip(1e-6)


TRANSPORTS: dict[str, type[FirstFrameTransport] | type[AccumulatedTransport]] = {
    "accumulated": AccumulatedTransport,
    "first_frame": FirstFrameTransport,
}


def default_grain(height: int, width: int) -> float:
    """The grain in pixels at which noise carries motion best: 12 at a short side of 480, in proportion elsewhere."""
    return max(4.0, 12.0 * min(height, width) / 480)


class NoiseField:
    """The noise of one video: a picture drawn once, and the transport that carries places in it.

    height, width: size of the frames. grain: see `draw_noise`; None takes `default_grain`. generator: default seeded by
    the operating system; the seed is never kept. device: where the flow lies, see `ops.Device`; the noise of one seed
    is the same on all of them, since it is drawn on the CPU. Call `advance` once per frame.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        transport: Transport = "accumulated",
        grain: float | None = None,
        statistics: NoiseStatistics = WIDE,
        generator: np.random.Generator | None = None,
        device: ops.Device = None,
    ) -> None:
        if transport not in TRANSPORTS:
            raise OptionError(f"no noise transport {transport!r}; choose from {', '.join(get_args(Transport))}")
        grain = default_grain(height, width) if grain is None else grain
        if not grain >= 1:
            raise OptionError(f"the grain of the noise must be at least 1 pixel, not {grain:g}")
        generator = np.random.default_rng() if generator is None else generator
        # Smooth noise loses nothing on half the grid, and costs a quarter.
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
        # Displacements are smoother still than smooth noise: half its grid again is enough for them.
        step = 2 if self.factor > 1 else 1
        places = (-(-self.size[0] // step), -(-self.size[1] // step))
        self.transport: NoiseTransport = TRANSPORTS[transport](*places, generator, device=device)
        self._grid = ops.pixel_grid(*self.size, device=device)

    def advance(self, flow_to_previous: Float32Array | None) -> UInt8Array:
        """The noise of the next frame, (H, W, 3) uint8."""
        layers = self.transport.advance(flow_to_previous)
        pictures = [self._show(layer.displacement) for layer in layers]
        noise = pictures[0]
        if len(layers) == 2:
            first, second = (layer.weight for layer in layers)
            noise = ops.mix(pictures[0], first, pictures[1], second, (1 - first - second) * self.mean)
        return ops.resize_image(noise, self.frame_size)

    def _show(self, displacement: Float32Array) -> UInt8Array:
        """The noise picture as seen through a displacement."""
        places = self._grid + ops.resize_flow(displacement, self.size)
        height, width = self.size
        # The picture is periodic: keep coordinates small, where sampling is exact.
        places[..., 0] -= width * ops.floor(places[..., 0] / width)
        places[..., 1] -= height * ops.floor(places[..., 1] / height)
        return ops.sample_image(self.picture, places, border="wrap", nearest=self.nearest)
