"""The motion of what is hidden alone, continued beyond it, so that nothing tears at the outline."""

from __future__ import annotations

from itertools import pairwise
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
