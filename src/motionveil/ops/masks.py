"""Operations on masks. Always on the CPU, since masks are small or computed once per video."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import cv2
import numpy as np
import numpy.typing as npt

from .._core.types import Float32Array, UInt8Array

Mask = npt.NDArray[np.bool_]

_FRACTION = 8
"""Fractional bits of OpenCV's fixed-point coordinates."""
_BINS = (4, 16, 16)
"""Of lightness, green to red and blue to yellow."""


def fill_polygon(points: Sequence[tuple[float, float]], size: tuple[int, int]) -> Float32Array:
    """(height, width) float32: 1 inside and on a closed polygon with vertices (x, y); 0 elsewhere."""
    drawn = np.zeros(size, np.uint8)
    corners = np.rint(np.array(points, np.float64) * 2**_FRACTION).astype(np.int32)
    cv2.fillPoly(drawn, [corners], 1, shift=_FRACTION)
    return drawn.astype(np.float32)


def draw_stroke(points: Sequence[tuple[float, float]], radius: float, size: tuple[int, int]) -> Float32Array:
    """(height, width) float32: 1 within `radius` pixels of a line through points (x, y); 0 elsewhere."""
    drawn = np.zeros(size, np.uint8)
    at = [(round(x * 2**_FRACTION), round(y * 2**_FRACTION)) for x, y in points]
    thickness = 2 * int(np.ceil(radius)) + 1
    for first, second in pairwise(at):
        cv2.line(drawn, first, second, 1, thickness, shift=_FRACTION)
    for point in at:
        cv2.circle(drawn, point, round((radius + 0.5) * 2**_FRACTION), 1, cv2.FILLED, shift=_FRACTION)
    return drawn.astype(np.float32)


def pieces(mask: Mask) -> tuple[int, npt.NDArray[np.int32]]:
    """The 8-connected components of a mask (h, w): their number, and a map of labels from 1, 0 outside."""
    count, numbers = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return count - 1, cast(npt.NDArray[np.int32], numbers)


def depth(mask: Mask) -> Float32Array:
    """Distance transform of a mask (h, w): pixels to the nearest zero; 0 outside."""
    return cast(Float32Array, cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3))


def sample_numbers(numbers: npt.NDArray[np.int32], points: Float32Array) -> npt.NDArray[np.int32]:
    """Sample a map of labels (h, w) at the pixels nearest to points (H, W, 2); 0 outside."""
    values = numbers.astype(np.float32)
    # OpenCV's type stubs do not allow None for the second map.
    found = cv2.remap(values, points, None, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT)  # type: ignore[call-overload]
    return cast(npt.NDArray[np.int32], found.astype(np.int32))


def nearest_piece(numbers: npt.NDArray[np.int32]) -> tuple[Float32Array, npt.NDArray[np.int32]]:
    """The distance of each pixel to the nearest component of a non-empty map of labels (h, w), and its label."""
    outside = (numbers == 0).astype(np.uint8)
    distance, zeros = cv2.distanceTransformWithLabels(outside, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    # OpenCV assigns its own labels to the components, which are mapped back.
    known = np.zeros(int(zeros.max()) + 1, np.int32)
    known[zeros[numbers > 0]] = numbers[numbers > 0]
    return cast(Float32Array, distance), known[zeros]


def colours_in(image: UInt8Array, mask: Mask) -> Float32Array:
    """Colour histogram of the masked pixels of an RGB image (h, w, 3): coarse in lightness, finer in hue.

    Returns:
        (1024,) float32 with sum 1, over bins of CIE Lab; all 0 if the mask is empty.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
    found = cv2.calcHist([lab], [0, 1, 2], mask.astype(np.uint8), list(_BINS), [0, 256, 64, 192, 64, 192])
    return cast(Float32Array, (found / max(1.0, float(found.sum()))).astype(np.float32).ravel())
