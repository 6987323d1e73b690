"""The motion of what is hidden alone, continued beyond it, so that nothing tears at the outline."""

from __future__ import annotations

from typing import cast

import numpy as np

from .. import ops
from .._core.types import Float32Array

_RIM = 0.02
"""Share of the short side by which what is hidden is wider than what is meant: its margin shows ground."""
_DOUBT = 0.005
"""How much the rim counts, so that what is all rim is carried by its own motion too."""
_SOFT = 3.0
"""Pixels of the flow within which the motion of a head goes over into what is around."""
_CORE = 0.35
"""Depth in a head, in terms of its greatest, from which on its motion is looked at."""
_TRUST = 0.05
"""How much every place listens to what is around it."""


def hidden_motion(flow: Float32Array, opacity: Float32Array) -> Float32Array:
    """Flow (h, w, 2) of what is hidden, by opacity (H, W): as it is inside, and beyond the rim continued smoothly.

    Normalised convolution (Knutsson and Westin, CVPR 1993) over wider and wider surroundings.
    """
    hidden = ops.resize_map(opacity, (flow.shape[0], flow.shape[1]))
    core = -ops.dilate(-hidden, _RIM * min(flow.shape[0], flow.shape[1]))
    weight = cast(Float32Array, core + _DOUBT * hidden + 1e-6)
    return _continued(cast(Float32Array, flow * weight[..., None]), weight)


def with_stiff_heads(flow: Float32Array, heads: Float32Array) -> Float32Array:
    """Flow (h, w, 2) in which every connected piece of `heads` (r, c) moves and turns as a whole.

    What happens within a face, as with lips and brows, is left out. Around each piece that goes over into what was
    there.
    """
    size = (flow.shape[0], flow.shape[1])
    count, numbers = ops.pieces(ops.to_host(ops.resize_map(heads, size)) >= 0.5)
    if not count:
        return flow
    whole, reach = np.array(ops.to_host(flow)), int(_SOFT) + 1
    for number in range(1, count + 1):
        mask = numbers == number
        found = [np.flatnonzero(mask.any(axis)) for axis in (1, 0)]
        top, left = (max(0, int(each[0]) - reach) for each in found)
        around = np.s_[top : int(found[0][-1]) + reach + 1, left : int(found[1][-1]) + reach + 1]
        inside, steps = mask[around].astype(np.float32), whole[around]
        places = ops.pixel_grid(*inside.shape)
        # Some 100 places say how a head moves; its margin, which shows ground, says nothing.
        depth = ops.depth(np.pad(mask[around], 1))[1:-1, 1:-1]
        core = np.flatnonzero(depth >= _CORE * depth.max())
        some = core[:: max(1, len(core) // 100)]
        moved = _rigid(places.reshape(-1, 2)[some], steps.reshape(-1, 2)[some], places)
        wide = ops.dilate(inside, _SOFT)
        share = np.maximum(inside, ops.smooth(wide, _SOFT / 2) * wide)[..., None]
        whole[around] = steps + share * (moved - steps)
    return ops.to_device(whole, ops.device_of(flow))


def _middle(values: Float32Array) -> float:
    """The median, or the greater of the two in the middle; ten times as fast as NumPy's."""
    return float(np.partition(values, len(values) // 2)[len(values) // 2])


def _rigid(places: Float32Array, steps: Float32Array, where: Float32Array) -> Float32Array:
    """Steps (n, 2) of places (n, 2) as a shift and a small turn, at other places (..., 2).

    By least squares, weighted anew three times by how well each fits, so that what moves on its own does not count.
    """
    x, y = places.T
    u, v = steps.T
    shift_x, shift_y, turn = _middle(u), _middle(v), 0.0
    for _ in range(3):
        error = (u - shift_x + turn * y) ** 2 + (v - shift_y - turn * x) ** 2
        weight = 1 / (1 + error / max(0.0025, 2.25 * _middle(error)))
        total = weight.sum()
        middle_x, middle_y, middle_u, middle_v = ((weight * each).sum() / total for each in (x, y, u, v))
        from_x, from_y = x - middle_x, y - middle_y
        # A little against turns that a few places would decide.
        spread = (weight * (from_x**2 + from_y**2)).sum() + len(x)
        turn = float((weight * (from_x * (v - middle_v) - from_y * (u - middle_u))).sum() / spread)
        shift_x, shift_y = float(middle_u + turn * middle_y), float(middle_v - turn * middle_x)
    moved = np.empty_like(where)
    moved[..., 0] = shift_x - turn * where[..., 1]
    moved[..., 1] = shift_y + turn * where[..., 0]
    return moved


def _continued(weighted: Float32Array, weight: Float32Array) -> Float32Array:
    """Weighted values (h, w, 2) by their weight (h, w), and where that is small by what is around."""
    height, width = weight.shape
    if min(height, width) <= 3:
        around = ops.zeros((height, width, 2), device=ops.device_of(weight)) + weighted.sum((0, 1)) / weight.sum()
    else:
        half = (-(-height // 2), -(-width // 2))
        wider = _continued(ops.resize_map(weighted, half), ops.resize_map(weight, half))
        around = ops.smooth(ops.resize_map(wider, (height, width)), 1.0)
    return cast(Float32Array, (weighted + _TRUST * around) / (weight[..., None] + _TRUST))
