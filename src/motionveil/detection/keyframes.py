"""Propagation of masks between keyframes by optical flow, and detection of frames where that fails."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from .. import ops
from .._core.types import Float32Array, UInt8Array
from ..flow import FlowEstimator

Between = Literal["greatest", "mixed"]
"""How opacity between two keyframes is computed: the greatest of both predictions, which covers most, or a blend
weighted by temporal distance (mixed), which is closest to running the network on the frame.
"""

_SURPRISE_SIDE = 120
"""Short side in pixels of the images in which changes are detected."""
_UNLIKE = 24.0
"""Minimum difference of a changed pixel, in grey levels."""


class Lost:
    """The fraction of a frame where flow from the last keyframe is invalid: content that entered the frame or was
    disoccluded, and violations of forward-backward consistency (Sundaram et al., ECCV 2010, Eq. 5).
    """

    def __init__(self, checker: FlowEstimator) -> None:
        self._checker = checker
        self._before: Any = None
        self._map: Float32Array | None = None

    def restart(self) -> None:
        """Reset at a keyframe."""
        self._map = None

    def advance(self, image: UInt8Array, flow_to_previous: Float32Array | None) -> float:
        """Advance to the next frame. Returns the fraction of it where flow is invalid."""
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


class Surprise:
    """Detects content that was not in the previous frame, wherever that moved: people who step out from behind
    something, or appear for a few frames only.
    """

    def __init__(self) -> None:
        self._before: Float32Array | None = None

    def advance(self, image: UInt8Array, flow_to_previous: Float32Array | None) -> float:
        """Advance to the next frame. Returns the fraction not explained by the motion-compensated previous frame.

        Compares small grey images. A pixel is explained by any neighbour of its source pixel, since flow is not exact,
        and by a global change of brightness; isolated pixels are ignored.
        """
        scale = _SURPRISE_SIDE / min(image.shape[:2])
        size = (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale)))
        now = ops.as_float32(ops.grey(ops.resize_image(image, size)))
        before, self._before = self._before, now
        if before is None or flow_to_previous is None:
            return 0.0
        came = ops.warp(before, ops.resize_flow(flow_to_previous, size))
        came = came + (now.mean() - came.mean())
        above, below = now - ops.dilate(came, 1.5), -ops.dilate(-came, 1.5) - now
        new = ops.as_float32(ops.greatest([above, below]) > _UNLIKE)
        return float((-ops.dilate(-new, 1.0)).mean())


def between(
    last: Float32Array | None, key: Float32Array, flows: Sequence[Float32Array | None], how: Between
) -> list[Float32Array]:
    """Opacity of the frames after one keyframe up to and including the next, whose own opacity is `key`.

    The opacity of the previous keyframe is warped forward and that of the next one backward, then joined, see
    `Between`. Displacements are accumulated and each keyframe is sampled once, because repeated interpolation erodes
    the edges of a map.

    Args:
        last: Opacity at the previous keyframe; None if there is none.
        key: Opacity at the next keyframe.
        flows: For each frame, the flow to the previous one, on the cells.
        how: See `Between`.
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
        # The forward displacement of a point is read from where a point of the later frame came from.
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
