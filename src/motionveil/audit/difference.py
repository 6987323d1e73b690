"""Where an output differs from its original. Pure functions."""

from __future__ import annotations

import cv2
import numpy as np

from .._core.types import UInt8Array
from .footage import BoolArray

_NEAR = 7
"""Side in pixels of the square over which differences are averaged."""
_LEAST, _MOST = 8.0, 24.0
"""Grey values: less than the first hides nothing; more than the second no usual encoding adds."""
_CALM = 6.0
"""Differences above so many times their median are more than encoding: it keeps under that in 999 of 1000 places."""
_CLOSED = 0.02
_HOLES = 0.08
_OUTLINE = 0.03
_SPECK = 0.0002


def touched(original: UInt8Array, output: UInt8Array) -> BoolArray:
    """(H, W) bool: where a frame (H, W, 3) uint8 differs from its original by more than its encoding.

    The greatest of the three channels' differences, averaged locally; noise seldom comes near the picture in all of
    them. What encoding adds is judged by the median, which lies in calm parts where less than half is replaced.
    Holes of up to 2 % of the short side are closed. A place that the filling happens to leave as it was, as blur does
    with plain walls, is not touched.
    """
    differences = cv2.blur(cv2.absdiff(original, output), (_NEAR, _NEAR))
    greatest = np.maximum(np.maximum(differences[..., 0], differences[..., 1]), differences[..., 2])
    threshold = float(np.clip(_CALM * np.median(greatest[::4, ::4]), _LEAST, _MOST))
    found = (greatest > threshold).astype(np.uint8)
    return cv2.morphologyEx(found, cv2.MORPH_CLOSE, _square(_CLOSED * min(found.shape) / 2)) > 0


def whole(region: BoolArray) -> BoolArray:
    """A touched region (H, W) without its holes of up to 8 % of the short side.

    Blur changes edges, and leaves what lies between them nearly as it was.
    """
    kernel = _square(_HOLES * min(region.shape) / 2)
    return cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0


def inside(region: BoolArray) -> BoolArray:
    """What lies deeper in a whole region (H, W) than its soft outline.

    The outline is as wide as 3 % of the short side, in narrow pieces half as wide as they are deep, and at least one
    pixel. The frame's border is no outline. Pieces of less than 0.02 % of the frame have no inside.
    """
    found = whole(region).astype(np.uint8)
    # Beyond the border nothing is 0, so that nothing is near to it.
    depth = cv2.distanceTransform(found, cv2.DIST_C, 3)
    _, numbers, pieces, _ = cv2.connectedComponentsWithStats(found)
    widest = max(1, round(_OUTLINE * min(region.shape)))
    deep = np.zeros(region.shape, bool)
    for number, (left, top, width, height, area) in enumerate(pieces.tolist()):
        if number > 0 and area >= _SPECK * region.size:
            box = slice(top, top + height), slice(left, left + width)
            within = np.where(numbers[box] == number, depth[box], 0)
            deep[box] |= within > min(widest, max(1.0, float(within.max()) / 2))
    return deep


def _square(radius: float) -> UInt8Array:
    return np.ones((2 * max(1, round(radius)) + 1,) * 2, np.uint8)
