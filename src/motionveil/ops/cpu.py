"""Operations on frames, maps and flow fields with numpy and OpenCV.

Points are (x, y) with pixel centres at integers. Flow is (h, w, 2) float32, x right then y down, in pixels of its own
grid: point p of the source lies at p + flow[p] in the target.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache, reduce
from typing import Any, Literal, TypeVar, cast

import cv2
import numpy as np
import numpy.typing as npt

from .._core.errors import OptionError
from .._core.types import Float32Array, UInt8Array


class _SingleThreaded:
    """Disables OpenCV's threads while in use; counts its users, because OpenCV's setting is process-wide."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._users = 0
        self._before = 0

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Disable OpenCV's own threads, which only cost time where whole stages run concurrently."""
        with self._lock:
            if not self._users:
                self._before = cv2.getNumThreads()
                cv2.setNumThreads(1)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    cv2.setNumThreads(self._before)


single_threaded = _SingleThreaded()


Border = Literal["replicate", "zero", "wrap"]

_BORDERS: dict[str, int] = {
    "replicate": cv2.BORDER_REPLICATE,
    "zero": cv2.BORDER_CONSTANT,
    "wrap": cv2.BORDER_WRAP,
}


Array = TypeVar("Array", UInt8Array, Float32Array)
AnyArray = npt.NDArray[Any]


def stack(arrays: Sequence[Array]) -> Array:
    """Stack arrays of one shape along a new first axis; a single one is not copied."""
    return cast(Array, arrays[0][None] if len(arrays) == 1 else np.stack(arrays))


def as_float32(values: AnyArray) -> Float32Array:
    """Convert to float32."""
    return values.astype(np.float32)


def floor(values: AnyArray) -> AnyArray:
    """Round down."""
    return np.floor(values)


def greatest(maps: Sequence[Float32Array]) -> Float32Array:
    """Elementwise maximum of several arrays of one shape."""
    return reduce(np.maximum, maps)


def resize_image(image: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize (H, W, 3) or (H, W) uint8 to (height, width): area average when shrinking, bilinear otherwise."""
    height, width = size
    if image.shape[:2] == (height, width):
        return image
    # Area averaging is fast for integer factors; otherwise it is cheaper to halve first and interpolate the rest.
    while image.shape[0] >= 2 * height and image.shape[1] >= 2 * width:
        half = (image.shape[1] // 2, image.shape[0] // 2)
        image = cast(UInt8Array, cv2.resize(image, half, interpolation=cv2.INTER_AREA))
    if image.shape[:2] == (height, width):
        return image
    return cast(UInt8Array, cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR))


@lru_cache(maxsize=32)
def lanczos_weights(length: int, target: int) -> Float32Array:
    """(target, length) resampling weights of the Lanczos filter with 3 lobes, widened when shrinking."""
    scale = max(1.0, length / target)
    centre = (np.arange(target) + 0.5) * length / target
    distance = (np.arange(length)[None] + 0.5 - centre[:, None]) / scale
    weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
    return cast(Float32Array, (weights / weights.sum(1, keepdims=True)).astype(np.float32))


def resize_lanczos(image: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize (H, W, 3) uint8 to (height, width) by Lanczos resampling as in Pillow: rows first, rounded in between."""
    height, width = size
    across = np.einsum("xw,hwc->hxc", lanczos_weights(image.shape[1], width), image.astype(np.float32), optimize=True)
    across = np.clip(np.floor(across + 0.5), 0, 255)
    down = np.einsum("yh,hxc->yxc", lanczos_weights(image.shape[0], height), across, optimize=True)
    return cast(UInt8Array, np.clip(np.floor(down + 0.5), 0, 255).astype(np.uint8))


def resize_map(values: Float32Array, size: tuple[int, int]) -> Float32Array:
    """Resize (h, w) or (h, w, C) float32 to (height, width), bilinear, with aligned pixel centres."""
    if values.shape[:2] == size:
        return values
    return cast(Float32Array, cv2.resize(values, (size[1], size[0]), interpolation=cv2.INTER_LINEAR))


def resize_flow(flow: Float32Array, size: tuple[int, int]) -> Float32Array:
    """Resample flow to another grid, with x and y scaled separately to pixels of the new grid."""
    height, width = flow.shape[:2]
    if (height, width) == size:
        return flow
    scale = np.array([size[1] / width, size[0] / height], np.float32)
    shrinking = size[0] < height and size[1] < width
    method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
    return cast(Float32Array, cv2.resize(flow, (size[1], size[0]), interpolation=method) * scale)


def as_uint8(values: Float32Array) -> UInt8Array:
    """Round and clip to 0–255."""
    return cast(UInt8Array, np.clip(values + np.float32(0.5), 0, 255).astype(np.uint8))


def grey(frame: UInt8Array) -> UInt8Array:
    """Convert (H, W, 3) RGB to (H, W) luma."""
    return cast(UInt8Array, cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY))


def pixel_grid(height: int, width: int) -> Float32Array:
    """(height, width, 2) float32: the coordinates (x, y) of each pixel."""
    grid = np.empty((height, width, 2), np.float32)
    grid[..., 0] = np.arange(width, dtype=np.float32)
    grid[..., 1] = np.arange(height, dtype=np.float32)[:, None]
    return grid


def sample(image: Float32Array, points: Float32Array, *, border: Border = "replicate") -> Float32Array:
    """Sample (h, w) or (h, w, C) float32 at points (H, W, 2), bilinear; exact at integer points."""
    # OpenCV's type stubs do not allow None for the second map.
    found = cv2.remap(image, points, None, cv2.INTER_LINEAR, borderMode=_BORDERS[border])  # type: ignore[call-overload]
    return cast(Float32Array, found)


def sample_image(image: UInt8Array, points: Float32Array, *, border: Border, nearest: bool = False) -> UInt8Array:
    """The same for (h, w, 3) uint8 images, bilinear or nearest neighbour."""
    method = cv2.INTER_NEAREST if nearest else cv2.INTER_LINEAR
    found = cv2.remap(image, points, None, method, borderMode=_BORDERS[border])  # type: ignore[call-overload]
    return cast(UInt8Array, found)


def warp(image: Float32Array, flow: Float32Array, *, border: Border = "replicate") -> Float32Array:
    """Backward warp: result[p] = image[p + flow[p]]. Zero flow is the identity, bit for bit."""
    height, width = flow.shape[:2]
    if image.shape[:2] != (height, width):
        raise OptionError(f"image {image.shape[:2]} and flow {flow.shape[:2]} must have the same size")
    return sample(image, pixel_grid(height, width) + flow, border=border)


def dilate(values: Float32Array, radius: float) -> Float32Array:
    """Dilate (h, w) by a disc: the maximum within `radius` pixels of each pixel."""
    if np.ceil(radius) < 1:
        return values
    return cast(Float32Array, cv2.dilate(values, _disc(radius)))


@lru_cache(maxsize=64)
def _disc(radius: float) -> UInt8Array:
    """1 within `radius` pixels of the middle, at least 1, and 0 in the corners."""
    reach = int(np.ceil(radius))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    return (x * x + y * y <= max(radius, 1.0) ** 2 + 1e-6).astype(np.uint8)


def smooth(values: Float32Array, sigma: float) -> Float32Array:
    """Gaussian blur with border replication; `sigma` in pixels."""
    return cast(Float32Array, cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_REPLICATE))


def mix(first: UInt8Array, first_weight: float, second: UInt8Array, second_weight: float, offset: float) -> UInt8Array:
    """first * first_weight + second * second_weight + offset, rounded and clipped to 0–255."""
    return cast(UInt8Array, cv2.addWeighted(first, first_weight, second, second_weight, offset))


def blend(image: UInt8Array, filling: UInt8Array, opacity: Float32Array) -> UInt8Array:
    """Eq. 5, O = I + S (N - I), rounded; bit-exact where S is 0 (the image) and 1 (the filling)."""
    blended = image.copy()
    full = opacity >= 1
    cv2.copyTo(filling, full.view(np.uint8), blended)
    partly = np.flatnonzero((opacity > 0) ^ full)
    if len(partly) > opacity.size // 4:
        return cast(UInt8Array, cv2.blendLinear(image, filling, np.float32(1) - opacity, opacity))
    if len(partly):  # usually outlines
        share = opacity.ravel()[partly][None]
        before, fill = (frame.reshape(-1, 3).take(partly, 0)[None] for frame in (image, filling))
        blended.reshape(-1, 3)[partly] = cv2.blendLinear(before, fill, np.float32(1) - share, share)[0]
    return blended
