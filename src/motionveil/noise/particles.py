"""Noise of particles that move with the scene: it is never stretched, compressed or torn.

Each particle carries a smooth blob of random brightness and colour. Their sum, divided by its expected standard
deviation, is a Gaussian random field: sparse convolution noise (Lewis, SIGGRAPH 1989), whose points move as in
Lagrangian texture advection (Yu et al., TVCG 2011). Blobs keep their shape whatever the flow. Particles are born where
the scene expands, and die where it contracts, gradually and one by one, while all of them move on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt

from .. import ops
from .._core.types import Float32Array

BLOB = 0.577
"""Standard deviation of a blob relative to the grain: as wide as the cubic B-splines of drawn noise."""
_SPACING = 1.0
"""Distance of particles, relative to that."""
_REACH = 2.5
"""Distance beyond the visible region up to which there are particles, relative to a blob."""
_SPARSE, _DENSE = 0.45, 1.9
"""Density, relative to the initial one, below which particles are born and above which they die."""
_LOST = 0.5
"""Maximum error, relative to a blob, of the traced position of a particle."""
_EVEN = 0.6
"""Minimum density everywhere at the beginning, so that nothing changes at rest."""


@dataclass
class Particles:
    """The particles of one video, as arrays of n each.

    Attributes:
        place: (n, 2) float32, x then y, in pixels of the grid that is drawn.
        velocity: (n, 2), the last step.
        value: (n, C), brightness and colours, standard normal.
        weight: In [0, 1], how far they have appeared or faded.
        leaving: Those that are fading.
        luck: (n,), in [0, 1]; those with the lowest values die first.
    """

    place: Float32Array
    velocity: Float32Array
    value: Float32Array
    weight: Float32Array
    leaving: npt.NDArray[np.bool_]
    luck: Float32Array

    def __len__(self) -> int:
        return len(self.place)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Particles:
        """A subset of them."""
        return Particles(
            self.place[chosen],
            self.velocity[chosen],
            self.value[chosen],
            self.weight[chosen],
            self.leaving[chosen],
            self.luck[chosen],
        )

    def with_others(self, others: Particles) -> Particles:
        """The union with others."""
        return Particles(
            np.concatenate([self.place, others.place]),
            np.concatenate([self.velocity, others.velocity]),
            np.concatenate([self.value, others.value]),
            np.concatenate([self.weight, others.weight]),
            np.concatenate([self.leaving, others.leaving]),
            np.concatenate([self.luck, others.luck]),
        )


class ParticleField:
    """A moving Gaussian random field; holds the state of one video.

    Args:
        height: Height of the grid that is drawn.
        width: Width of the grid that is drawn.
        sigma: Standard deviation of a blob, in pixels of the grid.
        colours: (n, C), the contributions of n independent values of a particle to each channel; the squares for a
            channel sum to 1.
        generator: Random generator.
        fade: Number of frames in which a particle appears or fades.
        device: See `ops.Device`.
    """

    def __init__(
        self,
        height: int,
        width: int,
        *,
        sigma: float,
        generator: np.random.Generator,
        colours: Float32Array | None = None,
        fade: int = 6,
        device: ops.Device = None,
    ) -> None:
        self.size = (height, width)
        self.sigma = sigma
        self.colours = np.eye(3, dtype=np.float32) if colours is None else colours
        self.fade = fade
        self.device = device
        self.generator = generator
        self.spacing = _SPACING * sigma
        self.border = int(np.ceil((_REACH + 0.5) * sigma))
        self.particles: Particles | None = None
        rows, columns = (int(np.ceil((length + 2 * self.border) / self.spacing)) for length in self.size)
        self._cells = np.stack(np.meshgrid(np.arange(columns), np.arange(rows)), -1).reshape(-1, 2)
        # At the outer edge, the density is not reliable.
        self._framed = np.pad(np.ones((height + 2, width + 2), bool), self.border - 1)

    def advance(
        self, flow_to_previous: Float32Array | None, opacity: Float32Array | None = None
    ) -> tuple[Float32Array, tuple[slice, slice]]:
        """The field of the next frame where it is visible, (h, w, C) float32, standard normal; and the rows and columns
        of that part.

        opacity: (H, W), where it is visible; None for everywhere.
        """
        seen = self._seen(opacity)
        wanted = self._wanted(seen)
        if flow_to_previous is None or self.particles is None:
            self.particles = self._first(wanted)
        else:
            flow = ops.to_host(flow_to_previous)
            self._move(flow)
            self._renew(wanted, flow)
        part = _box(seen)
        return self._draw(part), part

    def _first(self, wanted: npt.NDArray[np.bool_]) -> Particles:
        """The particles of a new scene."""
        found = self._born(wanted, np.zeros(wanted.shape, np.float32), _EVEN, weight=1.0)
        for _ in range(8):
            found = found.with_others(self._born(wanted, self._density(found), _EVEN, weight=1.0))
        return found

    def _seen(self, opacity: Float32Array | None) -> npt.NDArray[np.bool_]:
        """Where the field is visible, on the grid."""
        if opacity is None:
            return np.ones(self.size, bool)
        return ops.to_host(ops.resize_map(opacity, self.size)) > 0

    def _wanted(self, seen: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
        """Where particles are needed: in and near the visible region, on the grid with its border."""
        padded = np.pad(seen, self.border, mode="edge").astype(np.float32)
        if seen.all():
            return padded > 0
        # a coarse copy is sufficient
        half = (-(-padded.shape[0] // 2), -(-padded.shape[1] // 2))
        wide = ops.dilate(ops.resize_map(padded, half), _REACH * self.sigma / 2)
        return ops.resize_map(wide, (padded.shape[0], padded.shape[1])) > 0

    def _move(self, flow: Float32Array) -> None:
        """Move each particle to where the content under it is now: x + flow(x) = its old position.

        The search starts from the position predicted by its last step, and from the one predicted by the flow under it;
        the better match is used. The first finds small, fast objects, the second finds rotations.
        """
        now = self.particles
        assert now is not None

        def step(place: Float32Array) -> Float32Array:
            return self._step(flow, place)

        best, least = self._way_back(step, now.place, now.place + now.velocity)
        unsure = least > 0.05
        if unsure.any():
            place = now.place[unsure]
            other, error = self._way_back(step, place, place - step(place))
            better = error < least[unsure] - 0.05
            best[unsure] = np.where(better[:, None], other, best[unsure])
            least[unsure] = np.where(better, error, least[unsure])
        now.velocity, now.place = best - now.place, best
        # Content without a new position was occluded: its particles are removed at once.
        lost = least > _LOST * self.sigma + 0.25 * np.linalg.norm(now.velocity, axis=1)
        now.leaving |= lost
        now.weight = np.where(lost, np.minimum(now.weight, np.float32(0.25)), now.weight)

    def _way_back(
        self, step: Callable[[Float32Array], Float32Array], place: Float32Array, start: Float32Array
    ) -> tuple[Float32Array, Float32Array]:
        """Find where the content of these positions is now, starting from `start`. Returns positions (n, 2) and errors
        (n,).
        """
        found = start
        for _ in range(2):
            found = place - step(found)
        return found, np.linalg.norm(found + step(found) - place, axis=1)

    def _step(self, flow: Float32Array, places: Float32Array) -> Float32Array:
        """The origins of positions, as displacements in pixels of the grid; (n, 2)."""
        scale = np.array([self.size[1] / flow.shape[1], self.size[0] / flow.shape[0]], np.float32)
        return _sampled(flow, (places + 0.5) / scale - 0.5) * scale

    def _renew(self, wanted: npt.NDArray[np.bool_], flow: Float32Array) -> None:
        """Particles are born where there are few, and die where there are too many or none are needed."""
        now = self.particles
        assert now is not None
        density = self._density(now)
        at, there = self._at(now.place)
        inside = wanted.ravel()[at] & there
        crowd = np.where(self._framed.ravel()[at] & there, density.ravel()[at], 0)
        excess = (crowd - 1.3) / np.maximum(crowd, 1.3) * (crowd > _DENSE)
        now.leaving |= ~inside | (now.luck < excess)
        change = np.float32(1 / self.fade)
        now.weight = np.clip(now.weight + np.where(now.leaving, -change, change), 0, 1).astype(np.float32)
        now = now.only((now.weight > 0) & ~(now.leaving & ~inside & (now.weight < 0.5)))
        new = self._born(wanted, density, _SPARSE, weight=1 / self.fade)
        new.velocity = -self._step(flow, new.place)
        self.particles = now.with_others(new)

    def _density(self, particles: Particles) -> Float32Array:
        """The density of the remaining particles, relative to the intended one."""
        staying = np.where(particles.leaving, 0, self.spacing**2).astype(np.float32)
        return ops.smooth(self._splat(particles.place, staying[:, None])[..., 0], self.sigma * 0.8)

    def _born(self, wanted: npt.NDArray[np.bool_], density: Float32Array, least: float, *, weight: float) -> Particles:
        """New particles, at most one per cell, where they are wanted and the density is below `least`."""
        cells = self._cells
        # The same number of values is drawn for each cell, used or not, so that one cell does not affect others.
        drawn = (cells + self.generator.random(cells.shape)) * self.spacing - self.border - 0.5
        places = np.asarray(drawn, np.float32)
        values = self.generator.standard_normal((len(cells), len(self.colours)), np.float32)
        luck = self.generator.random(len(cells), np.float32)
        at, there = self._at(places)
        chosen = there & wanted.ravel()[at] & (density.ravel()[at] < least)
        count = int(chosen.sum())
        return Particles(
            places[chosen],
            np.zeros((count, 2), np.float32),
            values[chosen] @ self.colours,
            np.full(count, weight, np.float32),
            np.zeros(count, bool),
            luck[chosen],
        )

    def _at(self, places: Float32Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
        """Indices of positions (n, 2) into the grid with its border, and which of them lie inside."""
        height, width = self.size[0] + 2 * self.border, self.size[1] + 2 * self.border
        column, row = np.rint(places + self.border).astype(np.int64).T
        inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
        return np.where(inside, row * width + column, 0), inside

    def _splat(self, places: Float32Array, values: Float32Array) -> Float32Array:
        """Splat values (n, C) onto the grid with its border, each shared by the four nearest pixels."""
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

    def _draw(self, part: tuple[slice, slice]) -> Float32Array:
        """The current field in a part of the grid."""
        now = self.particles
        assert now is not None
        weight = now.weight[:, None]
        rows, columns = part
        wide = np.s_[rows.start : rows.stop + 2 * self.border, columns.start : columns.stop + 2 * self.border]
        spread = self._splat(now.place, np.concatenate([now.value * weight, weight**2], 1))[wide]
        points = ops.to_device(np.ascontiguousarray(spread), self.device)
        inside = np.s_[self.border : -self.border, self.border : -self.border]
        # The square of a Gaussian is a Gaussian, narrower by the square root of 2.
        field = ops.smooth(points[..., :-1], self.sigma).reshape(*points.shape[:2], -1)[inside]
        power = ops.smooth(points[..., -1], self.sigma / 2**0.5)[inside] / (4 * np.pi * self.sigma**2)
        return cast(Float32Array, field / (power.clip(1e-9) ** 0.5)[..., None])


def _box(seen: npt.NDArray[np.bool_]) -> tuple[slice, slice]:
    """The rows and columns that contain all of a mask, with a border of two."""
    found = [np.flatnonzero(seen.any(axis)) for axis in (1, 0)]
    if not len(found[0]):
        return slice(0, 0), slice(0, 0)
    rows, columns = (
        slice(max(0, int(each[0]) - 2), min(length, int(each[-1]) + 3))
        for each, length in zip(found, seen.shape, strict=True)
    )
    return rows, columns


def _sampled(values: Float32Array, places: Float32Array) -> Float32Array:
    """Sample a grid (h, w, 2) at n points (n, 2), bilinear, with border replication."""
    count = len(places)
    rows = -(-count // 1024)
    points = np.zeros((max(1, rows) * 1024, 2), np.float32)
    points[:count] = places
    return ops.sample(values, points.reshape(-1, 1024, 2)).reshape(-1, 2)[:count]
