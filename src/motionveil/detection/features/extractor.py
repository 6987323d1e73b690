"""The interface of feature extractors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..._core.types import Float32Array, Point, UInt8Array


@dataclass(frozen=True)
class DescriptorGrid:
    """A grid of dense descriptors for several frames.

    Attributes:
        descriptors: (T, h, w, D) float32 with L2 norm 1 along the last axis. Averages over several scales are shorter
            where the scales disagree, which lowers every cosine.
        stride: (x, y) distance of neighbouring cells, in pixels of the frame.
        offset: (x, y) centre of the first cell. Cell (row, column) is centred on (offset.x + stride.x * column,
            offset.y + stride.y * row), with pixel centres at integers.
    """

    descriptors: Float32Array
    stride: Point
    offset: Point

    def __repr__(self) -> str:
        t, h, w, d = self.descriptors.shape
        return f"DescriptorGrid({t}x{h}x{w} cells of {d} values, stride {self.stride.x:g},{self.stride.y:g})"

    def cell_at(self, point: Point) -> tuple[int, int]:
        """(row, column) of the cell nearest to `point`, which is in frame pixels."""
        rows, columns = self.descriptors.shape[1:3]
        row = round((point.y - self.offset.y) / self.stride.y)
        column = round((point.x - self.offset.x) / self.stride.x)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)


class FeatureExtractor(Protocol):
    """A network that computes dense descriptors. Must be safe to use for several videos at once."""

    @property
    def fingerprint(self) -> str:
        """Identifies the network, weights and all settings that must agree for descriptors to be comparable."""
        ...

    @property
    def channels(self) -> int:
        """Length D of a descriptor."""
        ...

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Compute descriptors of (T, H, W, 3) uint8 RGB frames."""
        ...


@runtime_checkable
class Detailed(Protocol):
    """An extractor that can also process frames at a higher resolution."""

    def in_detail(self, height: int, width: int) -> FeatureExtractor | None:
        """An extractor of the same descriptors at full resolution for frames of this size; None if not higher."""
        ...
