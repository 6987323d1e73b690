"""Transport of noise coordinates with the scene (Eq. 4 of Ilic et al., CVPR 2024)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .. import ops
from .._core.types import Float32Array


@dataclass(frozen=True)
class Layer:
    """Where each pixel of a frame samples the noise image, and with which weight.

    Attributes:
        displacement: (h, w, 2) float32, from the pixel to its sampling position.
        weight: The squared weights of a frame's layers sum to 1, which preserves contrast.
    """

    displacement: Float32Array
    weight: float = 1.0


class NoiseTransport(Protocol):
    """Determines where each pixel samples the noise image; holds the state of one video."""

    def advance(self, flow_to_previous: Float32Array | None) -> list[Layer]:
        """Advance to the next frame. Returns one layer, or two during a cross-fade."""
        ...


class FirstFrameTransport:
    """Eq. 4 taken literally: N(p, t) = N(p + v(p, t), 1), the first noise frame moved by one step of flow.

    Noise stands still in a scene that moves at constant speed; kept to reproduce the paper.
    """

    def __init__(self, height: int, width: int, generator: np.random.Generator, *, device: ops.Device = None) -> None:
        self.size = (height, width)
        self.device = device

    def advance(self, flow_to_previous: Float32Array | None) -> list[Layer]:
        if flow_to_previous is None:
            return [Layer(ops.zeros((*self.size, 2), device=self.device))]
        return [Layer(ops.resize_flow(flow_to_previous, self.size))]


class AccumulatedTransport:
    """N(p, t) = N(p + v(p, t), t - 1): the sampling position travels with the scene.

    Only displacements are accumulated, never colours, so sub-pixel motion adds up and the noise is sampled once. Two
    mechanisms limit distortion: displacements relax towards their neighbours where they would stretch or compress the
    noise by more than `limit`; and where that affects more than `share` of the frame, the noise is regenerated: an
    undistorted layer at another position is cross-faded in over `fade` frames while both move with the scene (Neyret,
    Advected Textures, SCA 2003). Regenerations affect the whole frame, at least `rest` frames apart; regenerating
    single pixels would destroy the motion.
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
            # A new scene shares no motion with the last one, so it starts at another position of the noise.
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
        """Move everything to one random position of the noise."""
        place = np.asarray(self.generator.random(2) * self.size[::-1], np.float32)
        return ops.zeros((*self.size, 2), device=self.device) + ops.to_device(place, self.device)

    def _carry(self, displacement: Float32Array, flow: Float32Array) -> tuple[Float32Array, float]:
        """The displacement one frame later, relaxed, and the fraction of the frame where that was needed."""
        carried = ops.warp(displacement, flow) + flow
        largest, smallest = _stretch(carried[::_COARSE, ::_COARSE], float(_COARSE))
        torn = ops.as_float32((largest > self.limit) | (smallest < 1 / self.limit))
        distorted = float(torn.mean())
        if distorted:
            softness = ops.resize_map(ops.smooth(ops.dilate(torn, 1), 0.7), self.size)[..., None]
            carried += softness * (ops.smooth(carried, float(_COARSE)) - carried)
        return carried, distorted


_COARSE = 2
"""Distortion is measured on every other pixel; finer distortion is invisible in noise of a visible grain."""


def _stretch(displacement: Float32Array, spacing: float) -> tuple[Float32Array, Float32Array]:
    """Greatest and least singular values of the Jacobian of p + d(p), (h, w) each, for samples `spacing` pixels apart.

    The noise is compressed above 1 and stretched below.
    """
    # The displacement is extrapolated as constant beyond the border.
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
