"""Localisation of body parts with the embedded encoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np

from .. import ops
from .._core.types import Float32Array, UInt8Array
from ..detection.features import FeatureExtractor, PartsEncoder
from ..detection.saliency import Cells, clamped_cosines, refine
from ..detection.templates import GROUPS, Template, built_in_library, check_fingerprints
from .footage import BoolArray

_THERE = 0.5
"""Minimum saliency of a part."""


class PartFinder:
    """Locates body parts in frames.

    extractor: None for the embedded encoder with these `short_side`, `levels` and `threads`, which are finer than in
    the preset `secure`. templates: None for the ten built-in ones; their names are those of the parts.
    """

    def __init__(
        self,
        extractor: FeatureExtractor | None = None,
        templates: Sequence[Template] | None = None,
        *,
        short_side: int = 320,
        levels: int = 2,
        threads: int | None = None,
    ) -> None:
        if extractor is None:
            extractor = PartsEncoder(short_side=short_side, levels=levels, threads=threads)
        self.extractor = extractor
        self.templates = tuple(built_in_library().select(GROUPS["person"]) if templates is None else templates)
        check_fingerprints(self.templates, extractor)
        self.names = tuple(template.name for template in self.templates)

    def __call__(self, frame: UInt8Array) -> BoolArray:
        """Masks (K, r, c) bool of all parts in a frame (H, W, 3) uint8, on r x c cells that tile the frame."""
        grid = self.extractor(frame[None])
        cells = Cells(grid.stride, grid.offset)
        # Smaller cells avoid jagged outlines.
        maps = [refine(values, cells, 2)[0] for values in clamped_cosines(grid, self.templates)[0]]
        return np.stack(maps) >= _THERE


def share_on_cells(mask: BoolArray, cells: tuple[int, int]) -> Float32Array:
    """The fraction of each cell covered by a mask (H, W), on (rows, columns) cells that tile the frame; in [0, 1]."""
    size = (cells[1], cells[0])
    return cast(
        Float32Array,
        cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA),
    )


def people_in(parts: BoolArray, size: tuple[int, int]) -> BoolArray:
    """The union of all parts (K, r, c), resized to the frame (height, width)."""
    anybody = np.any(parts, axis=0).astype(np.float32)
    return ops.resize_map(anybody, size) >= 0.5
