"""Detection of altered areas in an output. Pure functions."""

from __future__ import annotations

import cv2
import numpy as np

from .._core.types import UInt8Array
from .footage import BoolArray

_NEAR = 7
"""Side in pixels of the averaging window for differences."""
_LEAST, _MOST = 8.0, 24.0
"""Grey levels: a difference below the first hides nothing; no common encoding causes one above the second."""
_CALM = 6.0
"""Threshold as a multiple of the median difference: encoding errors stay below it in 999 of 1000 places."""
_CLOSED = 0.02
_HOLES = 0.08
_OUTLINE = 0.03
_SPECK = 0.0002


def touched(original: UInt8Array, output: UInt8Array) -> BoolArray:
    """Mask (H, W) bool of where a frame (H, W, 3) uint8 differs from its original by more than its encoding.

    Uses the maximum difference of the three channels, averaged locally; noise rarely matches the original in all of
    them. The encoding error is estimated by the median, which lies in smooth areas if less than half is replaced.
    Holes of up to 2 % of the short side are closed. Areas that the filling leaves unchanged, as blur does on plain
    walls, are not included.
    """
    differences = cv2.blur(cv2.absdiff(original, output), (_NEAR, _NEAR))
    greatest = np.maximum(np.maximum(differences[..., 0], differences[..., 1]), differences[..., 2])
    threshold = float(np.clip(_CALM * np.median(greatest[::4, ::4]), _LEAST, _MOST))
    found = (greatest > threshold).astype(np.uint8)
    return cv2.morphologyEx(found, cv2.MORPH_CLOSE, _square(_CLOSED * min(found.shape) / 2)) > 0


def whole(region: BoolArray) -> BoolArray:
    """Close holes of up to 8 % of the short side in an altered area (H, W).

    Blur changes edges, and leaves the areas between them nearly unchanged.
    """
    kernel = _square(_HOLES * min(region.shape) / 2)
    return cv2.morphologyEx(region.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0


def inside(region: BoolArray) -> BoolArray:
    """The interior of an altered area (H, W), without its soft outline.

    The outline is 3 % of the short side wide, half the depth in narrow components, and at least one pixel. The border
    of the frame is not an outline. Components below 0.02 % of the frame have no interior.
    """
    found = whole(region).astype(np.uint8)
    # Padding with ones keeps the border of the frame from counting as an outline.
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
