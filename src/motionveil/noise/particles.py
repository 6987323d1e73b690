"""Noise of particles that move with the scene: it is never drawn out or crushed, and tears nowhere.

Every particle carries a smooth blob of random brightness and colour. All of them added up, and divided by the strength
that is expected, make a Gaussian random field: sparse convolution noise (Lewis, SIGGRAPH 1989), whose points travel as
in Lagrangian texture advection (Yu et al., TVCG 2011). Blobs keep their shape whatever the flow does. Where the scene
opens particles are born, where it closes they die, one by one and within some frames, while all of them move on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .. import ops
from ..types import Float32Array

BLOB = 0.577
"""Standard deviation of a blob in terms of the grain: as wide as the cubic B-splines of drawn noise."""
_SPACING = 1.0
"""Distance of particles in terms of that."""
_REACH = 2.5
"""How far beyond what is seen there are particles, in the same terms."""
_SPARSE, _DENSE = 0.45, 1.9
"""Density, in terms of the one at the beginning, below which particles are born and above which they die."""
_LOST = 0.5
"""Distance, in terms of a blob, by which the way back may miss the place that a particle came from."""
_EVEN = 0.6
"""Density that is reached everywhere at the beginning, so that what is at rest stays as it is."""


@dataclass
class Particles:
    """The particles of one video, arrays of n each.

    place: (n, 2) float32, x then y, in pixels of the grid that is drawn. velocity: (n, 2), the last step. value:
    (n, C), brightness and colours, standard normal. weight: in [0, 1], how far they have come or gone. leaving: those
    that go.
    """

    place: Float32Array
    velocity: Float32Array
    value: Float32Array
    weight: Float32Array
    leaving: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.place)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Particles:
        """Some of them."""
        return Particles(*(each[chosen] for each in self._parts()))

    def with_others(self, others: Particles) -> Particles:
        """These and others."""
        return Particles(*map(np.concatenate, zip(self._parts(), others._parts(), strict=True)))

    def _parts(self) -> tuple[npt.NDArray[np.generic], ...]:
        return self.place, self.velocity, self.value, self.weight, self.leaving


class ParticleField:
    """A moving Gaussian random field; holds the state of one video.

    height, width: of the grid that is drawn. sigma: of a blob in its pixels. channels: independent fields.
    fade: frames in which a particle comes or goes.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        sigma: float,
        generator: np.random.Generator,
        channels: int = 3,
        fade: int = 6,
        device: ops.Device = None,
    ) -> None:
        self.size = (height, width)
        self.sigma = sigma
        self.channels = channels
        self.fade = fade
        self.device = device
        self.generator = generator
        self.spacing = _SPACING * sigma
        self.border = int(np.ceil((_REACH + 0.5) * sigma))
        self.particles: Particles | None = None
        # At its outer edge the density is not known well.
        self._framed = np.pad(np.ones((height + 2, width + 2), bool), self.border - 1)

    def advance(self, flow_to_previous: Float32Array | None, opacity: Float32Array | None = None) -> Float32Array:
        """The field of the next frame, (height, width, channels) float32, standard normal.

        opacity: (H, W), where it is seen; None: everywhere.
        """
        wanted = self._wanted(opacity)
        if flow_to_previous is None or self.particles is None:
            self.particles = self._first(wanted)
        else:
            flow = ops.to_host(flow_to_previous)
            self._move(flow)
            self._renew(wanted, flow)
        return self._draw()

    def _first(self, wanted: npt.NDArray[np.bool_]) -> Particles:
        """The particles of a new scene."""
        found = self._born(wanted, np.zeros(wanted.shape, np.float32), _EVEN, weight=1.0)
        for _ in range(8):
            found = found.with_others(self._born(wanted, self._density(found), _EVEN, weight=1.0))
        return found

    def _wanted(self, opacity: Float32Array | None) -> npt.NDArray[np.bool_]:
        """Where there should be particles: in and near what is seen, on the grid with its border."""
        height, width, border = *self.size, self.border
        wide = (height + 2 * border, width + 2 * border)
        if opacity is None:
            return np.ones(wide, bool)
        seen = ops.to_host(ops.resize_map(opacity, self.size)) > 0
        padded = np.pad(seen, border, mode="edge").astype(np.float32)
        return ops.dilate(padded, _REACH * self.sigma) > 0

    def _move(self, flow: Float32Array) -> None:
        """Every particle goes to where what was under it comes from there: x + flow(x) = its old place.

        It looks for that from where its last step would lead, and from where the flow under it points, and takes
        what fits better: what is small and fast is found from the first, what turns from the second.
        """
        now = self.particles
        assert now is not None

        def step(place: Float32Array) -> Float32Array:
            return self._step(flow, place)

        best, least = now.place, np.full(len(now), np.inf, np.float32)
        for start in (now.place + now.velocity, now.place - step(now.place)):
            found = start
            for _ in range(2):
                found = now.place - step(found)
            error = np.linalg.norm(found + step(found) - now.place, axis=1)
            better = error < least - 0.05
            best, least = np.where(better[:, None], found, best), np.where(better, error, least)
        now.velocity, now.place = best - now.place, best
        # What nothing leads back to was covered by something else, at once.
        lost = least > _LOST * self.sigma + 0.25 * np.linalg.norm(now.velocity, axis=1)
        now.leaving |= lost
        now.weight = np.where(lost, np.minimum(now.weight, np.float32(0.25)), now.weight)

    def _step(self, flow: Float32Array, places: Float32Array) -> Float32Array:
        """Where places come from, as a difference, in pixels of the grid; (n, 2)."""
        scale = np.array([self.size[1] / flow.shape[1], self.size[0] / flow.shape[0]], np.float32)
        return _sampled(flow, (places + 0.5) / scale - 0.5) * scale

    def _renew(self, wanted: npt.NDArray[np.bool_], flow: Float32Array) -> None:
        """Particles come where there are few, and go where there are many or none is needed."""
        now = self.particles
        assert now is not None
        inside = self._looked_up(wanted, now.place)
        density = self._density(now)
        crowd = np.where(self._looked_up(self._framed, now.place), self._looked_up(density, now.place), 0)
        excess = (crowd - 1.3) / np.maximum(crowd, 1.3) * (crowd > _DENSE)
        now.leaving |= ~inside | (self.generator.random(len(now)) < 0.5 * excess)
        change = np.float32(1 / self.fade)
        now.weight = np.clip(now.weight + np.where(now.leaving, -change, change), 0, 1).astype(np.float32)
        now = now.only((now.weight > 0) & ~(now.leaving & ~inside & (now.weight < 0.5)))
        new = self._born(wanted, density, _SPARSE, weight=1 / self.fade)
        new.velocity = -self._step(flow, new.place)
        self.particles = now.with_others(new)

    def _density(self, particles: Particles) -> Float32Array:
        """How many particles there are that stay, in terms of how many there should be."""
        staying = np.where(particles.leaving, 0, self.spacing**2).astype(np.float32)
        return ops.smooth(self._splat(particles.place, staying[:, None])[..., 0], self.sigma * 0.8)

    def _born(self, wanted: npt.NDArray[np.bool_], density: Float32Array, least: float, *, weight: float) -> Particles:
        """New particles, one in a cell at most, where they are wanted and the density is below `least`."""
        rows, columns = (int(np.ceil(length / self.spacing)) for length in wanted.shape)
        cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
        places = (cells + self.generator.random(cells.shape)) * self.spacing - self.border - 0.5
        places = places.astype(np.float32)
        places = places[self._looked_up(wanted, places) & (self._looked_up(density, places) < least)]
        count = len(places)
        return Particles(
            places,
            np.zeros((count, 2), np.float32),
            self.generator.standard_normal((count, self.channels), np.float32),
            np.full(count, weight, np.float32),
            np.zeros(count, bool),
        )

    def _looked_up(self, values: npt.NDArray[np.generic], places: Float32Array) -> npt.NDArray[np.generic]:
        """Values of the grid with its border at places, zero outside."""
        column, row = np.rint(places + self.border).astype(np.int64).T
        inside = (row >= 0) & (row < values.shape[0]) & (column >= 0) & (column < values.shape[1])
        found = values[row.clip(0, values.shape[0] - 1), column.clip(0, values.shape[1] - 1)]
        return np.where(inside, found, np.zeros((), values.dtype))

    def _splat(self, places: Float32Array, values: Float32Array) -> Float32Array:
        """Points of values (n, C) on the grid with its border, each shared by the four pixels around it."""
        height, width = self.size[0] + 2 * self.border, self.size[1] + 2 * self.border
        placed = (places + self.border).clip(0, (width - 1.001, height - 1.001))
        corner = placed.astype(np.int64)
        x, y = (placed - corner).T
        index = corner[:, 1] * width + corner[:, 0]
        index = np.concatenate([index, index + 1, index + width, index + width + 1])
        shares = np.concatenate([(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y])
        planes = [
            np.bincount(index, shares * np.tile(values[:, channel], 4), height * width)
            for channel in range(values.shape[1])
        ]
        return np.stack(planes, -1).astype(np.float32).reshape(height, width, -1)

    def _draw(self) -> Float32Array:
        """The field as it is now."""
        now = self.particles
        assert now is not None
        weight = now.weight[:, None]
        points = ops.to_device(self._splat(now.place, np.concatenate([now.value * weight, weight**2], 1)), self.device)
        inside = np.s_[self.border : self.border + self.size[0], self.border : self.border + self.size[1]]
        # The square of a Gaussian is one too, narrower by the root of 2.
        field = ops.smooth(points[..., :-1], self.sigma).reshape(*points.shape[:2], -1)[inside]
        power = ops.smooth(points[..., -1], self.sigma / 2**0.5)[inside] / (4 * np.pi * self.sigma**2)
        return field / (power.clip(1e-9) ** 0.5)[..., None]


def _sampled(values: Float32Array, places: Float32Array) -> Float32Array:
    """Values of a grid (h, w, 2) at n places (n, 2), bilinear, those beyond the border as at it."""
    count = len(places)
    rows = -(-count // 1024)
    points = np.zeros((max(1, rows) * 1024, 2), np.float32)
    points[:count] = places
    return ops.sample(values, points.reshape(-1, 1024, 2)).reshape(-1, 2)[:count]
