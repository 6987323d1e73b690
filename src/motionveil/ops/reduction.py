"""Image degradations for baselines. Always on the CPU, as their speed does not matter."""

from __future__ import annotations

from typing import Literal, cast

import cv2
import numpy as np
import numpy.typing as npt

from .._core.types import UInt8Array

Interpolation = Literal["nearest", "linear", "cubic", "area", "lanczos"]

INTERPOLATIONS: dict[str, int] = {
    "nearest": cv2.INTER_NEAREST_EXACT,
    "linear": cv2.INTER_LINEAR,
    "cubic": cv2.INTER_CUBIC,
    "area": cv2.INTER_AREA,
    "lanczos": cv2.INTER_LANCZOS4,
}
"""Resampling methods by name."""


def blur_image(image: UInt8Array, sigma: float, width: int) -> UInt8Array:
    """Gaussian blur of (H, W, 3) uint8 with this standard deviation, truncated to `width` (odd) pixels."""
    return cast(UInt8Array, cv2.GaussianBlur(image, (width, width), sigma, borderType=cv2.BORDER_REPLICATE))


def resample_image(image: UInt8Array, size: tuple[int, int], interpolation: Interpolation) -> UInt8Array:
    """Resize (H, W, 3) uint8 to (height, width); 'area' averages when shrinking."""
    return cast(UInt8Array, cv2.resize(image, (size[1], size[0]), interpolation=INTERPOLATIONS[interpolation]))


def inpaint(image: UInt8Array, hidden: npt.NDArray[np.bool_], short_side: int) -> UInt8Array:
    """Inpaint the pixels of (H, W, 3) uint8 where `hidden` (H, W) is true; the others are unchanged.

    Computed on frames shrunk to about `short_side`. If everything is hidden, the result is grey.
    """
    if not hidden.any():
        return image
    if hidden.all():
        return np.full_like(image, 115)
    height, width = image.shape[:2]
    factor = max(1.0, min(height, width) / short_side)
    size = (max(1, round(width / factor)), max(1, round(height / factor)))
    # Averages must exclude hidden pixels, which get weight 0.
    weights = (~hidden).astype(np.float32)
    shown = cv2.resize(weights, size, interpolation=cv2.INTER_AREA)
    small = cv2.resize(image * weights[..., None], size, interpolation=cv2.INTER_AREA)
    small = np.rint(small / np.maximum(shown, 1e-6)[..., None]).clip(0, 255).astype(np.uint8)
    missing = shown < 1e-3
    if missing.all():
        return np.full_like(image, 115)
    small = np.where(missing[..., None], 0, small).astype(np.uint8)
    painted = cv2.inpaint(small, missing.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    painted = cv2.resize(painted, (width, height), interpolation=cv2.INTER_LINEAR)
    return cast(UInt8Array, np.where(hidden[..., None], painted, image))
