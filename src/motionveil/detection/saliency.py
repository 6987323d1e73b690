"""Saliency: the similarity of each pixel to templates (Eq. 1 and 2 of Ilic et al., CVPR 2024). Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, cast, get_args

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Float32Array, Point, UInt8Array
from .features import DescriptorGrid, FeatureExtractor
from .templates import Template, check_fingerprints

Combine = Literal["max", "mean"]
_ALIKE = 0.5


class Cells(NamedTuple):
    """The position of a map's cells in the frame, as in `DescriptorGrid`."""

    stride: Point
    offset: Point


def clamped_cosines(grid: DescriptorGrid, templates: Sequence[Template]) -> Float32Array:
    """max(0, cosine) of each cell and template, (T, K, h, w) float32 in [0, 1]: the summand of Eq. 1."""
    vectors = np.stack([template.vector for template in templates])
    cosines = grid.descriptors @ ops.to_device(vectors, ops.device_of(grid.descriptors)).T
    return ops.as_float32(cosines.clip(0, 1).swapaxes(1, 3).swapaxes(2, 3))


def combine(maps: Float32Array, how: Combine) -> Float32Array:
    """Combine maps (..., K, h, w) to (..., h, w): 'mean' is Eq. 1; with 'max', one matching template suffices."""
    if how == "mean":
        return cast(Float32Array, maps.mean(axis=-3))
    if how == "max":
        return ops.greatest([maps[..., index, :, :] for index in range(maps.shape[-3])])
    raise OptionError(f"unknown combination {how!r}; choose from {', '.join(get_args(Combine))}")


def matched(templates: Sequence[Template], grid: DescriptorGrid) -> list[Template]:
    """Replace each template by the most similar descriptor in the first frame of the grid.

    The published code's option to match to the first image, which adapts the templates to the person in a video. A
    template without a similar descriptor (cosine below 0.5) is kept.
    """
    cells = ops.to_host(grid.descriptors[0]).reshape(-1, grid.descriptors.shape[-1])
    found = []
    for template in templates:
        cosines = cells @ template.vector
        best = int(np.argmax(cosines))
        if cosines[best] < _ALIKE:
            found.append(template)
            continue
        vector = cells[best]
        vector = np.asarray(vector / np.linalg.norm(vector), np.float32)
        found.append(replace(template, vector=vector, origin=f"{template.origin}; matched to the first frame"))
    return found


def opacity_curve(saliency: Float32Array, begin: float, full: float) -> Float32Array:
    """Map saliency to opacity: 0 up to `begin`, rising linearly to exactly 1 at `full`. (0, 1) is the identity."""
    if not 0 <= begin < full <= 1:
        raise OptionError(f"opacity must satisfy 0 <= begin < full <= 1, not begin {begin:g} and full {full:g}")
    return ((saliency - begin) / (full - begin)).clip(0, 1)


def sure_pieces(saliency: Float32Array, begin: float, sure: float) -> Float32Array:
    """Hysteresis thresholding (Canny, 1986): a binary mask (h, w).

    1 in connected components of saliency above `begin` that reach `sure` somewhere, else 0.
    """
    values = ops.to_host(saliency)
    count, numbers = ops.pieces(values > begin)
    certain = np.zeros(count + 1, np.float32)
    certain[np.unique(numbers[values >= sure])] = 1
    certain[0] = 0
    return ops.to_device(certain[numbers], ops.device_of(saliency))


def grow(mask: ops.Mask, share: float, *, least: float) -> Float32Array:
    """Dilate each connected component by `share` of its own size, but at least `least` cells; (h, w) binary mask.

    The size of a component is the side of a square of the same area.
    """
    count, numbers = ops.pieces(mask)
    if not count:
        return mask.astype(np.float32)
    sizes = np.sqrt(np.bincount(numbers.ravel(), minlength=count + 1).astype(np.float32))
    distance, nearest = ops.nearest_piece(numbers)
    return (distance <= np.maximum(share * sizes, least)[nearest]).astype(np.float32)


def refine(values: Float32Array, cells: Cells, factor: int) -> tuple[Float32Array, Cells]:
    """Resample a map (h, w) to cells smaller by an integer factor; returns it with those cells."""
    stride = Point(cells.stride.x / factor, cells.stride.y / factor)
    offset = Point(*(o - (s - t) / 2 for o, s, t in zip(cells.offset, cells.stride, stride, strict=True)))
    finer = ops.resize_map(values, (values.shape[0] * factor, values.shape[1] * factor))
    return finer, Cells(stride, offset)


def to_frame(values: Float32Array, grid: DescriptorGrid | Cells, size: tuple[int, int]) -> Float32Array:
    """Resample a map (h, w) to the frame (height, width), bilinear between cell centres: R in Eq. 2."""
    rows, columns = values.shape
    covers = (
        abs(grid.stride.x * columns - size[1]) < 1e-6
        and abs(grid.stride.y * rows - size[0]) < 1e-6
        and abs(grid.offset.x - (grid.stride.x - 1) / 2) < 1e-6
        and abs(grid.offset.y - (grid.stride.y - 1) / 2) < 1e-6
    )
    if covers:
        return ops.resize_map(values, size)
    points = ops.pixel_grid(*size, device=ops.device_of(values))
    points[..., 0] = (points[..., 0] - grid.offset.x) / grid.stride.x
    points[..., 1] = (points[..., 1] - grid.offset.y) / grid.stride.y
    return ops.sample(values, points)


def saliency_maps(frame: UInt8Array, templates: Sequence[Template], extractor: FeatureExtractor) -> Float32Array:
    """Compute one saliency map per template.

    Args:
        frame: (H, W, 3) uint8 RGB.
        templates: K templates, made with `extractor`.
        extractor: Feature extractor.

    Returns:
        (K, H, W) float32 in [0, 1].

    Raises:
        TemplateError: A template was made with another extractor.
    """
    check_fingerprints(templates, extractor)
    grid = extractor(frame[None])
    maps = clamped_cosines(grid, templates)[0]
    return ops.stack([to_frame(values, grid, (frame.shape[0], frame.shape[1])) for values in maps])
