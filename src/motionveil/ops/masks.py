"""Masks: drawn, taken apart, described. Always on the CPU, since they are small or made once for a video."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from .._core.types import Float32Array, UInt8Array

Mask = npt.NDArray[np.bool_]

_FRACTION = 8
"""Bits behind the point in OpenCV's whole-number coordinates."""
_BINS = (4, 16, 16)
"""Of lightness, green to red and blue to yellow."""


def fill_polygon(points: Sequence[tuple[float, float]], size: tuple[int, int]) -> Float32Array:
    """(height, width) float32: 1 inside a closed line through points (x, y), and on it; 0 elsewhere."""
    drawn = np.zeros(size, np.uint8)
    corners = np.rint(np.array(points, np.float64) * 2**_FRACTION).astype(np.int32)
    cv2.fillPoly(drawn, [corners], 1, shift=_FRACTION)
    return drawn.astype(np.float32)


def pieces(mask: Mask) -> tuple[int, npt.NDArray[np.int32]]:
    """The connected pieces of a mask (h, w): how many, and a map of numbers from 1 on, 0 outside. Corners connect."""
    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return count - 1, cast(npt.NDArray[np.int32], numbers)


def depth(mask: Mask) -> Float32Array:
    """How far every place of a mask (h, w) is from the nearest outside it, in pixels; 0 outside."""
    return cast(Float32Array, cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3))


def sample_numbers(numbers: npt.NDArray[np.int32], points: Float32Array) -> npt.NDArray[np.int32]:
    """Values of a map of numbers (h, w) at the places nearest to points (H, W, 2); 0 outside."""
    values = numbers.astype(np.float32)
    # OpenCV's type stubs forget that the second map may be None.
    found = cv2.remap(values, points, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
    return cast(npt.NDArray[np.int32], found.astype(np.int32))


def nearest_piece(numbers: npt.NDArray[np.int32]) -> tuple[Float32Array, npt.NDArray[np.int32]]:
    """How far the nearest piece is from every place of a map of numbers (h, w), and its number; one at least."""
    outside = (numbers == 0).astype(np.uint8)
    distance, zeros = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    # OpenCV numbers the places that are no background of its own: what lies there is looked up.
    known = np.zeros(int(zeros.max()) + 1, np.int32)
    known[zeros[numbers > 0]] = numbers[numbers > 0]
    return cast(Float32Array, distance), known[zeros]


def colours_in(image: UInt8Array, mask: Mask) -> Float32Array:
    """How often each colour occurs in a mask (h, w) of an image (h, w, 3) RGB: coarse in lightness, finer in hue.

    Returns (1024,) float32 with sum 1, of bins of CIE Lab; all 0 where the mask is empty.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
    found = cv2.calcHist([lab], [0, 1, 2], mask.astype(np.uint8), list(_BINS), [0, 256, 64, 192, 64, 192])
    return cast(Float32Array, (found / max(1.0, float(found.sum()))).astype(np.float32).ravel())
