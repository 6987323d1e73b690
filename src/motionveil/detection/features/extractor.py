"""What every network that describes frames promises."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from ..._core.types import Float32Array, Point, UInt8Array


@dataclass(frozen=True)
class DescriptorGrid:
    """Dense descriptors of some frames.

    descriptors: (T, h, w, D) float32, L2 norm 1 along the last axis; averaged over several looks at the frame it is
    shorter where they disagree, and so is every cosine.
    stride, offset: (x, y) in pixels of the frame; cell (row, column) is centred on
    (offset.x + stride.x * column, offset.y + stride.y * row), pixel centres at integers.
    """

    descriptors: Float32Array
    stride: Point
    offset: Point

    def cell_at(self, point: Point) -> tuple[int, int]:
        """(row, column) of the cell whose centre is nearest to `point`, in frame pixels."""
        rows, columns = self.descriptors.shape[1:3]
        row = round((point.y - self.offset.y) / self.stride.y)
        column = round((point.x - self.offset.x) / self.stride.x)
        return min(max(row, 0), rows - 1), min(max(column, 0), columns - 1)


class FeatureExtractor(Protocol):
    """A network that gives dense descriptors; must be usable by several videos at once."""

    @property
    def fingerprint(self) -> str:
        """Network, weights and everything else that must agree for two descriptors to be comparable."""
        ...

    @property
    def channels(self) -> int:
        """Length of a descriptor."""
        ...

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Descriptors of (T, H, W, 3) uint8 RGB frames."""
        ...


@runtime_checkable
class Detailed(Protocol):
    """An extractor that can look closer when there is time to."""

    def in_detail(self, height: int, width: int) -> FeatureExtractor | None:
        """An extractor of the same descriptors that sees more of frames of this size; None where there is no more."""
        ...
