"""The motion of the hidden region alone, extrapolated beyond it, so that the noise does not tear at the outline."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
import numpy.typing as npt

from .. import ops
from .._core.types import Float32Array

_RIM = 0.02
"""Width of the rim of the hidden region, as a fraction of the short side: its margin shows background."""
_DOUBT = 0.005
"""Weight of the rim, so that regions that consist of nothing else are carried by their own motion too."""
_SOFT = 3.0
"""Pixels of the flow over which the motion of a head blends into its surroundings."""
_CORE = 0.35
"""Depth within a head, relative to its maximum, from which on its motion is measured."""
_PLACES = 64
"""Number of points that determine the motion of a head."""
_TRUST = 0.05
"""Minimum weight of the surroundings everywhere."""
_CAMERA_PLACES = 600
"""Number of points of a frame that determine the motion of the camera."""
_FEWEST = 20
"""Minimum number of these that must lie on the ground."""
_AT_REST = 0.1
"""Motion in pixels of the flow below which the camera counts as still."""


def hidden_motion(flow: Float32Array, opacity: Float32Array) -> Float32Array:
    """Flow (h, w, 2) of the hidden region, given by opacity (H, W): unchanged inside, extrapolated smoothly outside.

    Normalised convolution (Knutsson and Westin, CVPR 1993) over increasingly large neighbourhoods.
    """
    hidden = ops.resize_map(opacity, (flow.shape[0], flow.shape[1]))
    core = -ops.dilate(-hidden, _RIM * min(flow.shape[0], flow.shape[1]))
    weight = cast(Float32Array, core + _DOUBT * hidden + 1e-6)
    return _continued(cast(Float32Array, flow * weight[..., None]), weight)


def with_stiff_heads(flow: Float32Array, heads: Float32Array) -> Float32Array:
    """Flow (h, w, 2) in which each connected component of `heads` (r, c) moves rigidly.

    Motion within a face, such as that of lips and brows, is removed. Around each component, the motion blends into the
    given flow.
    """
    size = (flow.shape[0], flow.shape[1])
    count, numbers = ops.pieces(ops.to_host(ops.resize_map(heads, size)) >= 0.5)
    if not count:
        return flow
    distance, nearest = ops.nearest_piece(numbers)
    y, x = np.divmod(_deep_places(numbers, count), size[1])
    whole = np.array(ops.to_host(flow))
    shift, turn = _rigid(np.stack([x, y], -1).astype(np.float32), whole[y, x])
    rows, columns = np.nonzero(distance <= _SOFT)
    piece = nearest[rows, columns] - 1
    moved = shift[piece] + turn[piece, None] * np.stack([-rows, columns], -1).astype(np.float32)
    share = 1 - distance[rows, columns, None] / np.float32(_SOFT + 1)
    whole[rows, columns] += share * (moved - whole[rows, columns])
    return ops.to_device(whole, ops.device_of(flow))


def _deep_places(numbers: npt.NDArray[np.int32], count: int) -> npt.NDArray[np.int64]:
    """Flat indices (count, n) of places deep in each piece: its margin shows ground."""
    depth = ops.depth(np.pad(numbers > 0, 1))[1:-1, 1:-1].ravel()
    inside = np.flatnonzero(numbers)
    piece = numbers.ravel()[inside]
    greatest = np.zeros(count + 1, np.float32)
    np.maximum.at(greatest, piece, depth[inside])
    core = depth[inside] >= _CORE * greatest[piece]
    inside, piece = inside[core], piece[core]
    inside = inside[np.argsort(piece, kind="stable")]
    first = np.cumsum(np.bincount(piece, minlength=count + 1))
    return np.stack([inside[np.linspace(a, b - 1, _PLACES).astype(np.int64)] for a, b in pairwise(first)])


def camera_motion(flow: Float32Array, figure: Float32Array) -> Float32Array | None:
    """Rigid flow (h, w, 2) of the surroundings of a figure (H, W): a shift, a rotation and a zoom, as of a camera.

    Fitted by weighted least squares, as in `with_stiff_heads`. Independently moving objects do not count, and depth is
    not visible. None if there is hardly any motion, or too little ground is visible.
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
    # No point moves more than a corner.
    if np.abs(_similar(grid[:: height - 1, :: width - 1]) @ fit).max() < _AT_REST:
        return None
    return ops.to_device(np.asarray(_similar(grid) @ fit, np.float32), ops.device_of(flow))


def _similar(places: Float32Array) -> Float32Array:
    """The effect of a shift to the right and down, a zoom and a rotation of 1 each on points (..., 2): (..., 2, 4)."""
    x, y = places[..., 0], places[..., 1]
    one, none = np.ones_like(x), np.zeros_like(x)
    return np.stack([np.stack([one, none, x, -y], -1), np.stack([none, one, y, x], -1)], -2)


def _middle(values: Float32Array) -> Float32Array:
    """Medians (k, 1) of rows (k, n), the upper one of the two in the middle; ten times as fast as NumPy's."""
    half = values.shape[1] // 2
    return np.partition(values, half, axis=1)[:, half : half + 1]


def _rigid(places: Float32Array, steps: Float32Array) -> tuple[Float32Array, Float32Array]:
    """Approximate the steps (k, n, 2) of n points (k, n, 2) of each of k pieces by a shift (k, 2) and a small rotation
    (k,): a point p moves by shift + turn * (-p.y, p.x).

    Least squares, reweighted three times by how well each point fits, so that independent motion does not count.
    """
    (x, y), (u, v) = np.moveaxis(places, -1, 0), np.moveaxis(steps, -1, 0)
    shift_x, shift_y, turn = _middle(u), _middle(v), np.zeros((len(x), 1), np.float32)
    for _ in range(3):
        error = (u - shift_x + turn * y) ** 2 + (v - shift_y - turn * x) ** 2
        weight = 1 / (1 + error / np.maximum(0.0025, 2.25 * _middle(error)))
        weight /= weight.sum(1, keepdims=True)
        middle_x, middle_y, middle_u, middle_v = ((weight * each).sum(1, keepdims=True) for each in (x, y, u, v))
        from_x, from_y = x - middle_x, y - middle_y
        # Regularisation against rotations that are determined by few points.
        spread = (weight * (from_x**2 + from_y**2)).sum(1, keepdims=True) + 1
        turn = (weight * (from_x * (v - middle_v) - from_y * (u - middle_u))).sum(1, keepdims=True) / spread
        shift_x, shift_y = middle_u + turn * middle_y, middle_v - turn * middle_x
    return cast(Float32Array, np.concatenate([shift_x, shift_y], 1).astype(np.float32)), turn[:, 0]


def _continued(weighted: Float32Array, weight: Float32Array) -> Float32Array:
    """Weighted values (h, w, 2) divided by their weight (h, w); where that is small, the surroundings count."""
    height, width = weight.shape
    if min(height, width) <= 3:
        around = ops.zeros((height, width, 2), device=ops.device_of(weight)) + weighted.sum((0, 1)) / weight.sum()
    else:
        half = (-(-height // 2), -(-width // 2))
        wider = _continued(ops.resize_map(weighted, half), ops.resize_map(weight, half))
        around = ops.smooth(ops.resize_map(wider, (height, width)), 1.0)
    return cast(Float32Array, (weighted + _TRUST * around) / (weight[..., None] + _TRUST))
