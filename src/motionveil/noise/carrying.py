"""The motion of what is hidden alone, continued beyond it, so that nothing tears at the outline."""

from __future__ import annotations

from .. import ops
from ..types import Float32Array

_RIM = 0.02
"""Share of the short side by which what is hidden is wider than what is meant: its margin shows ground."""
_DOUBT = 0.005
"""How much the rim counts, so that what is all rim is carried by its own motion too."""
_TRUST = 0.05
"""How much every place listens to what is around it."""


def hidden_motion(flow: Float32Array, opacity: Float32Array) -> Float32Array:
    """Flow (h, w, 2) of what is hidden, by opacity (H, W): as it is inside, and beyond the rim continued smoothly.

    Normalised convolution (Knutsson and Westin, CVPR 1993) over wider and wider surroundings.
    """
    hidden = ops.resize_map(opacity, (flow.shape[0], flow.shape[1]))
    core = -ops.dilate(-hidden, _RIM * min(flow.shape[0], flow.shape[1]))
    weight = core + _DOUBT * hidden + 1e-6
    return _continued(flow * weight[..., None], weight)


def _continued(weighted: Float32Array, weight: Float32Array) -> Float32Array:
    """Weighted values (h, w, 2) by their weight (h, w), and where that is small by what is around."""
    height, width = weight.shape
    if min(height, width) <= 3:
        around = ops.zeros((height, width, 2), device=ops.device_of(weight)) + weighted.sum((0, 1)) / weight.sum()
    else:
        half = (-(-height // 2), -(-width // 2))
        wider = _continued(ops.resize_map(weighted, half), ops.resize_map(weight, half))
        around = ops.smooth(ops.resize_map(wider, (height, width)), 1.0)
    return (weighted + _TRUST * around) / (weight[..., None] + _TRUST)
