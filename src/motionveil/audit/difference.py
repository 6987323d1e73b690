"""Where an output differs from its original, and where nothing of the original is left. Pure functions."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from .. import ops
from ..types import Float32Array, UInt8Array
from .footage import BoolArray

_NEAR = 7
"""Side in pixels of the square over which differences are averaged."""
_LEAST, _MOST = 8.0, 24.0
"""Grey values: less than the first hides nothing; more than the second no usual encoding adds."""
_CALM = 6.0
"""Differences above so many times their median are more than encoding: it keeps under that in 999 of 1000 places."""
_CLOSED = 0.02
_OUTLINE = 0.03
_DETAIL = 1.5
_SHOWN = 0.1
_AROUND = 31


def touched(original: UInt8Array, output: UInt8Array) -> BoolArray:
    """(H, W) bool: where a frame (H, W, 3) uint8 differs from its original by more than its encoding.

    The greatest of the three channels' differences, averaged locally; noise seldom comes near the picture in all of
    them. What encoding adds is judged by the median, which lies in calm parts where less than half is replaced.
    Holes of up to 2 % of the short side are closed. A place that the filling happens to leave as it was, as blur does
    with plain walls, is not touched.
    """
    differences = cv2.blur(cv2.absdiff(original, output), (_NEAR, _NEAR))
    greatest = differences.max(axis=2)
    threshold = float(np.clip(_CALM * np.median(greatest[::4, ::4]), _LEAST, _MOST))
    found = (greatest > threshold).astype(np.uint8)
    return cast(BoolArray, cv2.morphologyEx(found, cv2.MORPH_CLOSE, _square(_CLOSED * min(found.shape) / 2)) > 0)


def inside(region: BoolArray) -> BoolArray:
    """What lies deeper in a region (H, W) than its soft outline, 3 % of the short side; the frame's border is none."""
    kernel = _square(_OUTLINE * min(region.shape))
    return cast(BoolArray, cv2.erode(region.astype(np.uint8), kernel) > 0)


def core_of(original: UInt8Array, output: UInt8Array, region: BoolArray) -> BoolArray:
    """Where consecutive frames (T, H, W, 3) are replaced completely: (T, H, W) bool, within a touched `region`.

    Inside its outline, less the places where fine detail of the original is found again: that is, where the two
    frames' details correlate by more than 0.1 over the window. Where hardly anything would be left, the filling lets
    detail through everywhere, as blur does, and all that lies inside counts.
    """
    within = np.stack([inside(mask) for mask in region])
    radius = max(1, round(_AROUND * min(region.shape[1:]) / 480 / 3))
    shows = cv2.dilate((_likeness(original, output) > _SHOWN).astype(np.uint8), _square(radius)) > 0
    opaque = cast(BoolArray, within & ~shows)
    return opaque if 4 * np.count_nonzero(opaque) >= np.count_nonzero(within) else within


def _likeness(original: UInt8Array, output: UInt8Array) -> Float32Array:
    """(H, W): how the details of two windows correlate around every pixel, from -1 to 1; near 0 where there are none."""
    side = max(9, round(_AROUND * min(original.shape[1:3]) / 480)) | 1
    together, first, second = (np.zeros(original.shape[1:3], np.float32) for _ in range(3))
    for before, after in zip(original, output, strict=True):
        a, b = _detail(before), _detail(after)
        together, first, second = together + a * b, first + a * a, second + b * b
    together, first, second = (cv2.blur(values / len(original), (side, side)) for values in (together, first, second))
    # Half a grey value of noise: likeness that rests on less is chance.
    return cast(Float32Array, together / np.sqrt((first + 0.5) * (second + 0.5)))


def _detail(frame: UInt8Array) -> Float32Array:
    grey = ops.as_float32(ops.grey(frame))
    return grey - ops.smooth(grey, _DETAIL)


def _square(radius: float) -> UInt8Array:
    return np.ones((2 * max(1, round(radius)) + 1,) * 2, np.uint8)
