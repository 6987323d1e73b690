"""Visualisation and file format of flow from the Middlebury benchmark (Baker et al., A Database and Evaluation
Methodology for Optical Flow, ICCV 2007 and IJCV 2011).
"""

from __future__ import annotations

import struct
from functools import cache
from typing import cast

import numpy as np

from .._core.errors import InputError
from .._core.types import Float32Array, UInt8Array

_MAGIC = 202021.25
_STEPS = (15, 6, 4, 11, 13, 6)
"""Number of colours from red to yellow, green, cyan, blue, magenta, and back to red."""


@cache
def colour_wheel() -> Float32Array:
    """(55, 3) RGB in [0, 255]; hues are closer where they are easier to distinguish."""
    corners = np.array([(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)]) * 255
    parts = []
    for steps, begin, end in zip(_STEPS, corners[:-1], corners[1:], strict=True):
        # One channel changes at a time, in integers rounded down as in the original.
        change = np.floor(255 * np.arange(steps) / steps)[:, None]
        parts.append(begin + np.sign(end - begin) * change)
    return cast(Float32Array, np.concatenate(parts).astype(np.float32))


def flow_colours(flow: Float32Array, *, largest: float | None = None) -> UInt8Array:
    """Visualise flow (H, W, 2) in pixels as (H, W, 3) uint8 RGB.

    The hue is the direction, the saturation the speed, up to `largest` pixels; faster motion is darker. Zero is white.
    None uses the maximum of this flow, so that images are not comparable with each other.
    """
    speed = np.hypot(flow[..., 0], flow[..., 1])
    if largest is None:
        largest = float(speed.max(initial=0))
    relative = (speed / max(largest, 1e-9))[..., None]
    # 0 at +x, clockwise on the screen. (Negative zero would select the other end of the wheel, a different red.)
    around = (np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1.0) * 54
    wheel = colour_wheel() / 255
    below = np.floor(around).astype(np.intp)
    share = (around - below)[..., None]
    colours = (1 - share) * wheel[below % 55] + share * wheel[(below + 1) % 55]
    colours = np.where(relative <= 1, 1 - relative * (1 - colours), colours * 0.75)
    return cast(UInt8Array, np.floor(255 * colours + 1e-6).astype(np.uint8))


def flo_bytes(flow: Float32Array) -> bytes:
    """Encode flow (H, W, 2) as a .flo file: magic number, width, height, then x and y of each pixel, little-endian."""
    height, width = flow.shape[:2]
    return struct.pack("<fii", _MAGIC, width, height) + np.ascontiguousarray(flow, "<f4").tobytes()


def flow_of_flo(data: bytes) -> Float32Array:
    """Decode a .flo file to (H, W, 2) float32. Raises InputError if it is invalid."""
    if len(data) < 12 or struct.unpack_from("<f", data)[0] != _MAGIC:
        raise InputError("not a Middlebury .flo file; give one that begins with the number 202021.25")
    width, height = struct.unpack_from("<ii", data, 4)
    if width < 1 or height < 1 or len(data) < 12 + 8 * width * height:
        raise InputError("the .flo file is damaged or truncated; create it again")
    values = np.frombuffer(data, "<f4", 2 * width * height, 12)
    return values.reshape(height, width, 2).astype(np.float32)
