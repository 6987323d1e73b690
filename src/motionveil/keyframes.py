"""Between keyframes: maps carried by flow, remembered, and the check that says when the way is lost."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from . import ops
from .flow import FlowEstimator
from .types import Float32Array, UInt8Array

Between = Literal["greatest", "mixed"]
"""What holds between two keyframes: the greater of what both say, which covers most, or both mixed by their distance in
time, which is nearest to what the network would have said.
"""


class Memory:
    """What one keyframe found, and the way since then.

    The way is carried and the map sampled once, because a map that is interpolated in every frame wears away.
    """

    def __init__(self, found: Float32Array, pts: Fraction) -> None:
        self.found = found
        self.pts = pts
        device = ops.device_of(found)
        self._points = ops.pixel_grid(found.shape[0], found.shape[1], device=device)
        self._way = ops.zeros((*found.shape, 2), device=device)

    def move(self, flow: Float32Array | None) -> None:
        """Go on by one frame; after a cut it stays where it is, since covering too much is safe."""
        if flow is not None:
            self._way = ops.warp(self._way, flow) + flow

    def opacity(self, pts: Fraction, hold: float) -> Float32Array:
        """Full for `hold` seconds, and fading for as long again.

        Twice the opacity is taken, so that what moves by part of a cell stays full to its edge.
        """
        faded = max(float(pts - self.pts) / hold - 1, 0.0)
        return (2 * self._moved() - 2 * faded).clip(0, 1)

    def adds_to(self, found: Float32Array) -> bool:
        """Whether there is anything in it, where it lies now, that is not in `found`."""
        return bool((self._moved() > found + 0.1).any())

    def _moved(self) -> Float32Array:
        return ops.sample(self.found, self._points + self._way)


class Lost:
    """Where in a frame the way from the last keyframe is lost: what came in over the border or from behind something,
    and where flow there and back does not lead to where it began (Sundaram et al., ECCV 2010, Eq. 5).
    """

    def __init__(self, checker: FlowEstimator) -> None:
        self._checker = checker
        self._before: Any = None
        self._map: Float32Array | None = None

    def restart(self) -> None:
        """A keyframe: nothing is lost."""
        self._map = None

    def advance(self, image: UInt8Array, flow_to_previous: Float32Array | None) -> float:
        """Go on to a frame; the share of it in which the way is lost."""
        before, self._before = self._before, self._checker.prepare(image)
        if before is None or flow_to_previous is None:
            return 0.0
        forward = self._checker.between(before, self._before)
        height, width = size = (forward.shape[0], forward.shape[1])
        flow = ops.resize_flow(flow_to_previous, size)
        back = ops.warp(forward, flow)
        error = ((flow + back) ** 2).sum(-1)
        places = ops.pixel_grid(*size, device=ops.device_of(flow)) + flow
        x, y = places[..., 0], places[..., 1]
        outside = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
        lost = (error > 0.01 * ((flow**2).sum(-1) + (back**2).sum(-1)) + 0.5) | outside
        now = ops.as_float32(lost)
        self._map = now if self._map is None else ops.greatest([ops.warp(self._map, flow), now])
        return float(self._map.mean())


def between(
    last: Float32Array | None, key: Float32Array, flows: Sequence[Float32Array | None], how: Between
) -> list[Float32Array]:
    """Opacity of the frames after one keyframe up to the next, whose own is `key`: of what the keyframe before found,
    moved on, and what the next one finds, moved back to where it was, see `Between`.

    flows: per frame to the frame before it, on the cells. Displacements are carried and each keyframe is sampled
    once, because a map that is interpolated again and again wears away at its edges.
    """
    device = ops.device_of(key)
    points = ops.pixel_grid(key.shape[0], key.shape[1], device=device)
    unmoved = ops.zeros((*key.shape, 2), device=device)
    on: list[Float32Array | None] = [None for _ in flows]
    way = unmoved
    for index, flow in enumerate(flows[:-1]):
        if flow is None or last is None:
            break
        way = ops.warp(way, flow) + flow
        on[index] = ops.sample(last, points + way)
    back: list[Float32Array | None] = [*(None for _ in flows[1:]), key]
    way = unmoved
    for index in range(len(flows) - 1, 0, -1):
        flow = flows[index]
        if flow is None:
            break
        # Where a point of the earlier frame goes is read off where a point of the later frame came from.
        way = ops.warp(way, -flow) - flow
        back[index - 1] = ops.sample(key, points + way)
    found = []
    for index, (first, second) in enumerate(zip(on, back, strict=True)):
        if first is None or second is None:
            one = second if first is None else first
            found.append(ops.zeros(key.shape, device=device) if one is None else one)
        elif how == "mixed":
            weight = np.float32((index + 1) / len(flows))
            found.append(first * (1 - weight) + second * weight)
        else:
            found.append(ops.greatest([first, second]))
    return found
