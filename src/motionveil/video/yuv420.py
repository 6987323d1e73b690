"""Conversion of 8-bit YUV 4:2:0 to RGB, faster than the accurate path of libswscale and within 2 levels of it.

Chroma samples lie at every second luma column and between two rows, as in
MPEG-2 and later.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

import cv2
import numpy as np
import numpy.typing as npt

from motionveil._core.types import UInt8Array

if TYPE_CHECKING:
    import av

Planes = tuple[UInt8Array, UInt8Array, UInt8Array]
"""Luma (H, W), and two of chroma (ceil(H / 2), ceil(W / 2))."""


def planes_of(frame: av.VideoFrame) -> Planes:
    """The planes of a decoded 8-bit 4:2:0 frame, without a copy."""
    y, u, v = (
        np.frombuffer(cast(bytes, plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    )
    return y, u, v


def rgb_of(planes: Planes, weights: tuple[float, float], *, full: bool) -> UInt8Array:
    """RGB (H, W, 3) of planes.

    Args:
        planes: Luma and chroma.
        weights: Of red and blue in luma, such as (0.2126, 0.0722) for BT.709.
        full: Full instead of limited range.
    """
    luma, *chroma = planes
    size = (luma.shape[0], luma.shape[1])
    merged = cv2.merge([luma, *(_upsampled(plane, size) for plane in chroma)])
    return cast(UInt8Array, cv2.transform(merged, _to_rgb(weights, full)))


def _upsampled(chroma: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Chroma at the resolution of luma (height, width), linear."""
    height, width = size
    wide = np.empty((chroma.shape[0], 2 * chroma.shape[1]), np.uint8)
    wide[:, ::2] = chroma
    if chroma.shape[1] > 1:
        # Halves are rounded down here and up below, so that colours do not drift when a video is converted often.
        wide[:, 1:-1:2] = cv2.addWeighted(chroma[:, :-1], 0.5, chroma[:, 1:], 0.5, -0.25)
    wide[:, -1] = chroma[:, -1]
    tall = cv2.resize(wide, (wide.shape[1], 2 * chroma.shape[0]), interpolation=cv2.INTER_LINEAR)
    return cast(UInt8Array, tall[:height, :width])


@lru_cache(maxsize=16)
def _to_rgb(weights: tuple[float, float], full: bool) -> npt.NDArray[np.float64]:
    """(3, 4): multiplied by Y, U, V and 1 it gives R, G and B."""
    red, blue = weights
    green = 1 - red - blue
    matrix = np.array(
        [
            [1, 0, 2 * (1 - red)],
            [1, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1, 2 * (1 - blue), 0],
        ]
    )
    if not full:
        matrix *= [255 / 219, 255 / 224, 255 / 224]
    # OpenCV rounds to this; the offset should suit what it computes, so that greys stay grey.
    matrix = np.rint(matrix * 1024) / 1024
    offset = matrix @ [0.0 if full else 16.0, 128.0, 128.0]
    return np.concatenate([matrix, -offset[:, None]], 1)
