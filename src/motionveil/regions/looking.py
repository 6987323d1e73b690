"""Detection on keyframes: what is covered, and which connected pieces are people or heads."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from .. import ops
from .._core.types import Float32Array, UInt8Array
from ..detection.features import Detailed, FeatureExtractor
from ..detection.saliency import Cells, clamped_cosines, combine, grow, matched, opacity_curve, refine, sure_pieces
from ..detection.templates import GROUPS, Template
from ..detection.tracking import COVERED, Labels
from .coverage import Coverage

_CERTAIN = 1.3
"""Saliency, relative to `Coverage.sure`, from which a detection is tracked when missed."""
_FINE = 96
"""Number of cells along the short side from which a map is fine enough."""


class Key(NamedTuple):
    """The detections of a keyframe: opacity (h, w), and labelled pieces of people and of heads, in host memory."""

    opacity: Float32Array
    people: Labels
    heads: Labels
    cells: Cells


class Looks:
    """Processes the keyframes of one video, some of them at full resolution too, see `Coverage.fine_seconds`."""

    def __init__(self, extractor: FeatureExtractor, templates: Sequence[Template], coverage: Coverage) -> None:
        self._extractor = extractor
        self._templates = templates
        self._coverage = coverage
        self._is_first = True
        self._fine_at: Fraction | None = None

    def __call__(self, image: UInt8Array, pts: Fraction, *, cut: bool) -> Key:
        """The detections in a frame (H, W, 3). cut: whether it begins a scene."""
        saliency, heads, cells = self._look(self._extractor, image)
        size = (image.shape[0], image.shape[1])
        if cut or self._fine_at is None or pts - self._fine_at >= Fraction(self._coverage.fine_seconds):
            self._fine_at = pts
            detailed = self._extractor.in_detail(*size) if isinstance(self._extractor, Detailed) else None
            if detailed is not None:
                finer = self._look(detailed, image)
                # One confident pass is enough, even if what it detected is tiny on the coarser grid.
                saliency, heads = (
                    ops.greatest([ours, _coarser(theirs, (ours.shape[0], ours.shape[1]))])
                    for ours, theirs in zip((saliency, heads), finer[:2], strict=True)
                )
        return key_of(saliency, heads, cells, size, self._coverage)

    def _look(self, extractor: FeatureExtractor, image: UInt8Array) -> tuple[Float32Array, Float32Array, Cells]:
        """Saliency (h, w) of all templates and of those of heads, and the position of the cells."""
        grid = extractor(image[None])
        if self._is_first and self._coverage.match_first:
            self._templates = matched(self._templates, grid)
        self._is_first = False
        maps = clamped_cosines(grid, self._templates)[0]
        saliency = combine(maps, self._coverage.combine)
        of_heads = [maps[index] for index, template in enumerate(self._templates) if template.name in GROUPS["head"]]
        heads = ops.greatest(of_heads) if of_heads else ops.zeros(saliency.shape, device=ops.device_of(saliency))
        return saliency, heads, Cells(grid.stride, grid.offset)


def _coarser(values: Float32Array, shape: tuple[int, int]) -> Float32Array:
    """A map on a coarser grid that preserves maxima, however small."""
    reach = 0.5 * values.shape[0] / shape[0]
    return ops.resize_map(ops.dilate(values, reach) if reach > 0.75 else values, shape)


def key_of(saliency: Float32Array, heads: Float32Array, cells: Cells, size: tuple[int, int], coverage: Coverage) -> Key:
    """Opacity and pieces of one frame of this size (height, width), from the saliency (h, w) of everything and of
    heads.
    """
    nothing = np.zeros((saliency.shape[0], saliency.shape[1]), np.int32)
    if coverage.is_plain:
        return Key(saliency, nothing, nothing, cells)
    if coverage.head_gain != 1:
        heads = (heads * coverage.head_gain).clip(0, 1)
        saliency = ops.greatest([saliency, heads])
    factor = 1 if min(saliency.shape[0], saliency.shape[1]) >= _FINE else 2
    if factor > 1:  # finer cells give smooth outlines
        heads, _ = refine(heads, cells, factor)
        saliency, cells = refine(saliency, cells, factor)
    low, high = coverage.thresholds
    opacity = opacity_curve(saliency, low, high)
    if coverage.sure:
        opacity = opacity * sure_pieces(saliency, low, coverage.sure)
    # At least one cell of the descriptors, which is the limit of resolution.
    radius = max(coverage.margin * min(size) / min(cells.stride), float(factor)) if coverage.margin else 0.0
    where_heads = ops.to_host(ops.as_float32((opacity >= 1) & (heads >= high))) > 0
    opacity = ops.dilate(opacity, radius)
    if coverage.head_margin:
        grown = grow(where_heads, coverage.head_margin, least=radius)
        opacity = ops.greatest([opacity, ops.to_device(grown, ops.device_of(opacity))])
        where_heads = grown > 0
    certain = ops.to_host(saliency) >= _CERTAIN * coverage.sure
    numbers = _only(ops.pieces(where_heads)[1], certain)
    if not coverage.follows:
        return Key(opacity, nothing, numbers, cells)
    people = _only(ops.pieces(ops.to_host(opacity) >= COVERED)[1], certain)
    return Key(opacity, people, numbers, cells)


def _only(numbers: Labels, certain: ops.Mask) -> Labels:
    """The labelled pieces that contain a confident detection; uncertain ones are not tracked."""
    keep = np.zeros(int(numbers.max()) + 1, bool)
    keep[np.unique(numbers[certain])] = True
    return np.where(keep[numbers], numbers, 0).astype(np.int32)
