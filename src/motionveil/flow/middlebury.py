"""Flow as the Middlebury benchmark draws and stores it (Baker et al., A Database and Evaluation Methodology for Optical
Flow, ICCV 2007 and IJCV 2011).
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
"""Colours from red to yellow, green, cyan, blue, magenta, and back to red."""


@cache
def colour_wheel() -> Float32Array:
    """(55, 3) RGB in [0, 255]: hues closer where people tell them apart more easily."""
    corners = np.array([(1, 0, 0), (1, 1, 0), (0, 1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 1), (1, 0, 0)]) * 255
    parts = []
    for steps, begin, end in zip(_STEPS, corners[:-1], corners[1:], strict=True):
        # One channel rises or falls at a time, in whole numbers rounded down as in the original.
        change = np.floor(255 * np.arange(steps) / steps)[:, None]
        parts.append(begin + np.sign(end - begin) * change)
    return cast(Float32Array, np.concatenate(parts).astype(np.float32))


def flow_colours(flow: Float32Array, *, largest: float | None = None) -> UInt8Array:
    """Flow (H, W, 2), x right and y down in pixels, as (H, W, 3) uint8 RGB: the hue is its direction.

    Nothing is white, and the more motion the fuller the colour, up to `largest` pixels; faster ones are darker. None
    takes the largest of this flow, so that pictures cannot be compared with each other.
    """
    speed = np.hypot(flow[..., 0], flow[..., 1])
    if largest is None:
        largest = float(speed.max(initial=0))
    relative = (speed / max(largest, 1e-9))[..., None]
    # 0 at +x, clockwise on the screen. (A minus zero would give the other end of the wheel, which is another red.)
    around = (np.arctan2(flow[..., 1], flow[..., 0]) / (2 * np.pi) % 1.0) * 54
    wheel = colour_wheel() / 255
    below = np.floor(around).astype(np.intp)
    share = (around - below)[..., None]
    colours = (1 - share) * wheel[below % 55] + share * wheel[(below + 1) % 55]
    colours = np.where(relative <= 1, 1 - relative * (1 - colours), colours * 0.75)
    return cast(UInt8Array, np.floor(255 * colours + 1e-6).astype(np.uint8))


def flo_bytes(flow: Float32Array) -> bytes:
    """A .flo file of flow (H, W, 2): the magic number, width, height, then x and y of every pixel, little endian."""
    height, width = flow.shape[:2]
    return struct.pack("<fii", _MAGIC, width, height) + np.ascontiguousarray(flow, "<f4").tobytes()


def flow_of_flo(data: bytes) -> Float32Array:
    """(H, W, 2) float32 from a .flo file. Raises InputError where it is none."""
    if len(data) < 12 or struct.unpack_from("<f", data)[0] != _MAGIC:
        raise InputError("this is no .flo file of Middlebury; give one that begins with the number 202021.25")
    width, height = struct.unpack_from("<ii", data, 4)
    if width < 1 or height < 1 or len(data) < 12 + 8 * width * height:
        raise InputError("this .flo file is damaged or cut short; make it again")
    values = np.frombuffer(data, "<f4", 2 * width * height, 12)
    return values.reshape(height, width, 2).astype(np.float32)
