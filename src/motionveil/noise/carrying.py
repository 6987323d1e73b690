"""The motion of what is hidden alone, continued beyond it, so that nothing tears at the outline."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt

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
_PLACES = 64
"""Places that say how a head moves."""
_TRUST = 0.05
"""How much every place listens to what is around it."""
_CAMERA_PLACES = 600
"""Places of a frame that say how the camera moves."""
_FEWEST = 20
"""Of these there must be so many on the ground."""
_AT_REST = 0.1
"""Pixels of the flow below which a camera stands still."""


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
    # Where a head is deep, it is not its margin, which shows ground.
    depth = ops.depth(np.pad(numbers > 0, 1))[1:-1, 1:-1]
    boxes: list[tuple[tuple[slice, slice], Float32Array]] = []
    places: list[npt.NDArray[np.int64]] = []
    for number in range(1, count + 1):
        mask = numbers == number
        found = [np.flatnonzero(mask.any(axis)) for axis in (1, 0)]
        top, left = (max(0, int(each[0]) - reach) for each in found)
        around = np.s_[top : int(found[0][-1]) + reach + 1, left : int(found[1][-1]) + reach + 1]
        inside = mask[around]
        deep = np.where(inside, depth[around], 0)
        core = np.flatnonzero(deep >= _CORE * deep.max())
        some = core[np.linspace(0, len(core) - 1, _PLACES).astype(np.int64)]
        y, x = np.divmod(some, inside.shape[1])
        boxes.append((around, inside.astype(np.float32)))
        places.append(np.stack([x + left, y + top], -1))
    at = np.stack(places)
    shift, turn = _rigid(at.astype(np.float32), whole[at[..., 1], at[..., 0]])
    for (around, inside), moves, turns in zip(boxes, shift, turn, strict=True):
        grid = ops.pixel_grid(*inside.shape) + np.array([around[1].start, around[0].start], np.float32)
        moved = moves + turns * np.stack([-grid[..., 1], grid[..., 0]], -1)
        wide = ops.dilate(inside, _SOFT)
        share = np.maximum(inside, ops.smooth(wide, _SOFT / 2) * wide)[..., None]
        whole[around] += share * (moved - whole[around])
    return ops.to_device(whole, ops.device_of(flow))


def camera_motion(flow: Float32Array, figure: Float32Array) -> Float32Array | None:
    """Flow (h, w, 2) of what is around a figure (H, W) as one piece: a shift, a turn and a zoom, as of a camera.

    Fitted by least squares, weighted as in `with_stiff_heads`. What moves on its own does not count, and nothing that
    is near or far shows. None where it hardly moves, and where too little ground is seen.
    """
    height, width = flow.shape[0], flow.shape[1]
    there = ops.to_host(flow)
    ground = ops.to_host(ops.dilate(ops.resize_map(figure, (height, width)), _RIM * min(height, width))) <= 0
    step = max(1, round((height * width / _CAMERA_PLACES) ** 0.5))
    some = np.s_[step // 2 :: step, step // 2 :: step]
    chosen = ground[some]
    if chosen.sum() < _FEWEST:
        return None
    middle = np.array([(width - 1) / 2, (height - 1) / 2], np.float32)
    grid = cast(Float32Array, (ops.pixel_grid(height, width) - middle) / np.float32(max(height, width)))
    moves, wanted = _similar(grid[some][chosen]), there[some][chosen]
    fit = np.array([*_middle(wanted.T)[:, 0], 0, 0], np.float32)
    for _ in range(4):
        error = ((moves @ fit - wanted) ** 2).sum(-1)
        weight = np.sqrt(1 / (1 + error / max(0.0025, 2.25 * float(_middle(error[None])[0, 0]))))[:, None]
        fit = np.linalg.lstsq((moves * weight[..., None]).reshape(-1, 4), (wanted * weight).ravel(), rcond=None)[0]
    # Nothing moves more than a corner does.
    if np.abs(_similar(grid[:: height - 1, :: width - 1]) @ fit).max() < _AT_REST:
        return None
    return ops.to_device(np.asarray(_similar(grid) @ fit, np.float32), ops.device_of(flow))


def _similar(places: Float32Array) -> Float32Array:
    """What a shift to the right and down, a zoom and a turn of 1 each do to places (..., 2): (..., 2, 4)."""
    x, y = places[..., 0], places[..., 1]
    one, none = np.ones_like(x), np.zeros_like(x)
    return np.stack([np.stack([one, none, x, -y], -1), np.stack([none, one, y, x], -1)], -2)


def _middle(values: Float32Array) -> Float32Array:
    """Medians (k, 1) of rows (k, n), or the greater of the two in the middle; ten times as fast as NumPy's."""
    half = values.shape[1] // 2
    return np.partition(values, half, axis=1)[:, half : half + 1]


def _rigid(places: Float32Array, steps: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Steps (k, n, 2) of n places (k, n, 2) of each of k pieces as a shift (k, 2) and a small turn (k,): a place p
    moves by shift + turn * (-p.y, p.x).

    By least squares, weighted anew three times by how well each fits, so that what moves on its own does not count.
    """
    (x, y), (u, v) = np.moveaxis(places, -1, 0), np.moveaxis(steps, -1, 0)
    shift_x, shift_y, turn = _middle(u), _middle(v), np.zeros((len(x), 1), np.float32)
    for _ in range(3):
        error = (u - shift_x + turn * y) ** 2 + (v - shift_y - turn * x) ** 2
        weight = 1 / (1 + error / np.maximum(0.0025, 2.25 * _middle(error)))
        weight /= weight.sum(1, keepdims=True)
        middle_x, middle_y, middle_u, middle_v = ((weight * each).sum(1, keepdims=True) for each in (x, y, u, v))
        from_x, from_y = x - middle_x, y - middle_y
        # A little against turns that a few places would decide.
        spread = (weight * (from_x**2 + from_y**2)).sum(1, keepdims=True) + 1
        turn = (weight * (from_x * (v - middle_v) - from_y * (u - middle_u))).sum(1, keepdims=True) / spread
        shift_x, shift_y = middle_u + turn * middle_y, middle_v - turn * middle_x
    return cast(Float32Array, np.concatenate([shift_x, shift_y], 1).astype(np.float32)), turn[:, 0]


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
