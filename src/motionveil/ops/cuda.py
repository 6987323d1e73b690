"""The functions of `cpu` on tensors, for GPUs: identical semantics, results differ only by rounding.

Exact wherever `cpu` is: at integer points, for zero flow, and for opacity 0 and 1. Nothing here synchronises with the
GPU or copies from it. Everything is plain torch, so that it runs, and is tested, on CPU tensors too. Resampling is a
product with two matrices, one per axis, because convolutions may run in TF32 on a GPU and float32 products do not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, reduce
from math import ceil, sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from .._core.errors import OptionError
from .._core.types import Float32Array
from .cpu import Border, lanczos_weights

Size = tuple[int, int]


def to_device(array: Any, device: str) -> Tensor:
    """Convert an array or tensor to a tensor on this device."""
    if isinstance(array, np.ndarray):
        # Torch does not support read-only arrays.
        array = torch.from_numpy(np.require(array, requirements=["C", "W"]))
    return array.to(device)


def zeros(shape: tuple[int, ...], device: str) -> Tensor:
    """Float32 zeros."""
    return torch.zeros(shape, device=device)


def as_float32(values: Tensor) -> Tensor:
    """Convert to float32."""
    return values.float()


def as_uint8(values: Tensor) -> Tensor:
    """Round and clip to 0–255."""
    return (values + 0.5).clip(0, 255).to(torch.uint8)


def floor(values: Tensor) -> Tensor:
    """Round down."""
    return values.floor()


def greatest(maps: Sequence[Tensor]) -> Tensor:
    """Elementwise maximum of several tensors."""
    return reduce(torch.maximum, maps)


def stack(arrays: Sequence[Tensor]) -> Tensor:
    """Stack tensors of one shape along a new first axis; a single one is not copied."""
    return arrays[0][None] if len(arrays) == 1 else torch.stack(list(arrays))


def _uint8(values: Tensor) -> Tensor:
    return values.round().clip(0, 255).to(torch.uint8)


@lru_cache(maxsize=64)
def _weights(device: str, make: Callable[..., Float32Array], *arguments: float) -> Tensor:
    """A matrix computed by `make`, cached on the device."""
    return to_device(make(*arguments), device)


def _area_weights(length: int, target: int) -> Float32Array:
    """(target, length) resampling weights of area averaging."""
    edges = np.arange(target + 1) * length / target
    pixels = np.arange(length)
    shared = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return (shared.clip(0) * target / length).astype(np.float32)


def _gaussian_weights(length: int, sigma: float) -> Float32Array:
    """(length, length) weights of a Gaussian blur with border replication, truncated like OpenCV's."""
    reach = (round(8 * sigma + 1) | 1) // 2
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-(offsets**2) / (2 * sigma**2))
    pixels = np.arange(length)[:, None]
    weights = np.zeros((length, length))
    np.add.at(weights, (pixels, (pixels + offsets).clip(0, length - 1)), kernel / kernel.sum())
    return weights.astype(np.float32)


def _resampled(values: Tensor, vertical: Tensor, horizontal: Tensor) -> Tensor:
    """Resample (h, w) or (h, w, C) float32 with weights (H, h) and (W, w) to (H, W) or (H, W, C)."""
    found = torch.einsum("yh,hwc,xw->yxc", vertical, values.reshape(*values.shape[:2], -1), horizontal)
    return found.reshape(*found.shape[:2], *values.shape[2:])


def _shrunk(values: Tensor, size: Size) -> Tensor:
    """Area average, float32."""
    rows, columns = values.shape[0] // size[0], values.shape[1] // size[1]
    if (size[0] * rows, size[1] * columns) == values.shape[:2]:
        return values.float().unflatten(1, (size[1], columns)).unflatten(0, (size[0], rows)).mean((1, 3))
    weights = [_weights(str(values.device), _area_weights, *pair) for pair in zip(values.shape, size, strict=False)]
    return _resampled(values.float(), weights[0], weights[1])


def _interpolated(values: Tensor, size: Size) -> Tensor:
    """Bilinear, float32."""
    planes = values.float().reshape(*values.shape[:2], -1).permute(2, 0, 1)[None]
    found = functional.interpolate(planes, size, mode="bilinear", align_corners=False)
    return found[0].permute(1, 2, 0).reshape(*size, *values.shape[2:])


def resize_image(image: Tensor, size: Size) -> Tensor:
    """Resize (H, W, 3) or (H, W) uint8 to (height, width), by the same steps as on the CPU."""
    while image.shape[0] >= 2 * size[0] and image.shape[1] >= 2 * size[1]:
        # Halves are rounded up: OpenCV averages four pixels in integers.
        image = (_shrunk(image, (image.shape[0] // 2, image.shape[1] // 2)) + 0.5).floor().to(torch.uint8)
    return image if image.shape[:2] == size else _uint8(_interpolated(image, size))


def mirror(frames: Tensor) -> Tensor:
    """Mirror (T, h, w, ...) left to right."""
    return frames.flip(2)


def resize_lanczos(image: Tensor, size: Size) -> Tensor:
    """Resize (H, W, 3) uint8 to (height, width) by Lanczos resampling, rounded after each axis."""
    vertical, horizontal = (
        _weights(str(image.device), lanczos_weights, *pair) for pair in zip(image.shape, size, strict=False)
    )
    across = (torch.einsum("xw,hwc->hxc", horizontal, image.float()) + 0.5).floor().clip(0, 255)
    return (torch.einsum("yh,hxc->yxc", vertical, across) + 0.5).floor().clip(0, 255).to(torch.uint8)


def resize_map(values: Tensor, size: Size) -> Tensor:
    """Resize (h, w) or (h, w, C) float32 to (height, width), bilinear, with aligned pixel centres."""
    return values if values.shape[:2] == size else _interpolated(values, size)


def resize_flow(flow: Tensor, size: Size) -> Tensor:
    """Resample flow to another grid, with x and y scaled separately to pixels of the new grid."""
    height, width = flow.shape[:2]
    if (height, width) == size:
        return flow
    shrinking = size[0] < height and size[1] < width
    x, y = (_shrunk if shrinking else _interpolated)(flow, size).unbind(-1)
    return torch.stack([x * (size[1] / width), y * (size[0] / height)], -1)


def grey(frame: Tensor) -> Tensor:
    """Convert (H, W, 3) RGB to (H, W) luma, with OpenCV's integer arithmetic."""
    red, green, blue = frame.int().unbind(-1)
    return ((9798 * red + 19235 * green + 3735 * blue + (1 << 14)) >> 15).to(torch.uint8)


def pixel_grid(height: int, width: int, device: str) -> Tensor:
    """(height, width, 2) float32: the coordinates (x, y) of each pixel."""
    rows, columns = (torch.arange(length, device=device, dtype=torch.float32) for length in (height, width))
    return torch.stack([columns.expand(height, width), rows[:, None].expand(height, width)], -1)


def _fetched(image: Tensor, row: Tensor, column: Tensor, border: Border) -> Tensor:
    """Values of (h, w) or (h, w, C) at integer rows and columns (H, W), given as float32, that may lie outside."""
    height, width = image.shape[:2]
    index = _index(row, height, border) * width + _index(column, width, border)
    found = image.reshape(height * width, *image.shape[2:])[index]
    if border != "zero":
        return found
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    return found * inside.reshape(*inside.shape, *(1 for _ in image.shape[2:]))


def _index(places: Tensor, length: int, border: Border) -> Tensor:
    if border == "wrap":
        places = places.remainder(length)
    # Clamp before the conversion, which is undefined for large numbers, and after it, because NaN stays NaN.
    return places.clip(-1, length).long().clip(0, length - 1)


def sample(image: Tensor, points: Tensor, *, border: Border = "replicate") -> Tensor:
    """Sample (h, w) or (h, w, C) float32 at points (H, W, 2), bilinear; exact at integer points."""
    corners = points.floor()
    column, row = corners.unbind(-1)
    x, y = (points - corners).reshape(*row.shape, 2, *(1 for _ in image.shape[2:])).unbind(2)
    above, below = (
        torch.lerp(_fetched(image, line, column, border), _fetched(image, line, column + 1, border), x)
        for line in (row, row + 1)
    )
    return torch.lerp(above, below, y)


def sample_image(image: Tensor, points: Tensor, *, border: Border, nearest: bool = False) -> Tensor:
    """The same for (h, w, 3) uint8 images, bilinear or nearest neighbour."""
    if nearest:
        column, row = points.round().unbind(-1)
        return _fetched(image, row, column, border)
    return _uint8(sample(image.float(), points, border=border))


def warp(image: Tensor, flow: Tensor, *, border: Border = "replicate") -> Tensor:
    """Backward warp: result[p] = image[p + flow[p]]. Zero flow is the identity, bit for bit."""
    height, width = flow.shape[:2]
    if image.shape[:2] != (height, width):
        raise OptionError(f"image {tuple(image.shape[:2])} and flow {(height, width)} must have the same size")
    return sample(image, pixel_grid(height, width, str(flow.device)) + flow, border=border)


def dilate(values: Tensor, radius: float) -> Tensor:
    """Dilate (h, w) by a disc: the maximum within `radius` pixels of each pixel."""
    reach = ceil(radius)
    if reach < 1:
        return values
    limit = max(radius, 1.0) ** 2 + 1e-6
    found = [values]
    for away in range(reach + 1):
        if away**2 <= limit:
            half = int(sqrt(limit - away**2))
            rows = functional.max_pool2d(values[None], (1, 2 * half + 1), 1, (0, half))
            padded = functional.pad(rows, (0, 0, away, away), value=-torch.inf)[0]
            found += [padded[: values.shape[0]], padded[2 * away :]]
    return greatest(found)


def smooth(values: Tensor, sigma: float) -> Tensor:
    """Gaussian blur with border replication; `sigma` in pixels."""
    return _resampled(
        values, *(_weights(str(values.device), _gaussian_weights, length, sigma) for length in values.shape[:2])
    )


def mix(first: Tensor, first_weight: float, second: Tensor, second_weight: float, offset: float) -> Tensor:
    """first * first_weight + second * second_weight + offset, rounded and clipped to 0–255."""
    return _uint8(first.float() * first_weight + second.float() * second_weight + offset)


def blend(image: Tensor, filling: Tensor, opacity: Tensor) -> Tensor:
    """Eq. 5, O = I + S (N - I), rounded; bit-exact where S is 0 (the image) and 1 (the filling)."""
    return _uint8(torch.lerp(image.float(), filling.float(), opacity[..., None]))
