"""Similarity of a recovery to the original within a mask."""

from __future__ import annotations

from collections.abc import Iterable
from math import log10

import cv2
import numpy as np

from ..._core.types import Float32Array, UInt8Array
from ..footage import BoolArray

Judged = tuple[UInt8Array, UInt8Array, BoolArray]
"""Two images (K, H, W, 3) uint8 and where they are compared, (K, H, W) bool."""

BEST = 100.0
"""PSNR in dB of identical images."""


def psnr(pictures: Iterable[Judged]) -> float:
    """Peak signal-to-noise ratio in dB over all compared pixels, at most `BEST`; NaN if there are none."""
    total, count = 0.0, 0
    for first, second, where in pictures:
        difference = first[where].astype(np.float32) - second[where]
        total += float(np.sum(difference * difference, dtype=np.float64))
        count += difference.size
    if not count:
        return float("nan")
    return min(BEST, 10 * log10(255**2 * count / total)) if total else BEST


def ssim(pictures: Iterable[Judged]) -> float:
    """Mean structural similarity over all compared pixels; NaN if there are none."""
    values = [
        ssim_map(a, b)[mask]
        for first, second, where in pictures
        for a, b, mask in zip(first, second, where, strict=True)
        if mask.any()
    ]
    return float(np.concatenate(values).mean()) if values else float("nan")


def ssim_map(first: UInt8Array, second: UInt8Array) -> Float32Array:
    """Structural similarity around each pixel of two images (H, W, 3), averaged over the channels: (H, W) float32.

    Wang et al., IEEE TIP 2004, with their Gaussian window (standard deviation 1.5, 11 pixels).
    """
    x, y = first.astype(np.float32), second.astype(np.float32)
    mean_x, mean_y = _window(x), _window(y)
    variance_x, variance_y = _window(x * x) - mean_x**2, _window(y * y) - mean_y**2
    covariance = _window(x * y) - mean_x * mean_y
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_x * mean_y + c1) * (2 * covariance + c2)
    likeness /= (mean_x**2 + mean_y**2 + c1) * (variance_x + variance_y + c2)
    return np.asarray(likeness.mean(2), np.float32)


def _window(values: Float32Array) -> Float32Array:
    return np.asarray(cv2.GaussianBlur(values, (11, 11), 1.5, borderType=cv2.BORDER_REFLECT), np.float32)
