"""Coverage: how much of each body part is replaced, frame by frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import drawing, ops
from .._core.types import Float32Array, UInt8Array
from .footage import BoolArray, Pair
from .parts import share_on_cells

REPLACED = 0.9
"""Below this fraction replaced, a frame belongs to a gap."""
ABSENCE = Fraction(1, 2)
"""Seconds without the part that end a gap; detection flickers."""
SMALLEST = 0.0002
"""Minimum fraction of the frame that counts as a part."""
_HEIGHT = 270
_RED = np.array([255, 40, 40], np.uint8)


@dataclass(frozen=True)
class PartCoverage:
    """How much of one part is replaced. Values are None if it was never seen.

    If a frame contains several instances, as with two people, the one replaced least counts.

    Attributes:
        frames: Number of examined frames in which the part is seen.
        mean: Fraction of its area that is replaced, averaged over these frames.
        worst_frame: The minimum of these fractions.
        worst_frame_index: The frame of the minimum.
        worst_frame_at_s: Its time in seconds.
        longest_gap_s: The longest period in which less than `REPLACED` of the part is replaced, ignoring interruptions
            shorter than `ABSENCE` in which it is not seen.
    """

    frames: int
    mean: float | None = None
    worst_frame: float | None = None
    worst_frame_index: int | None = None
    worst_frame_at_s: float | None = None
    longest_gap_s: float | None = None


@dataclass(frozen=True)
class WorstFrame:
    """The frame in which least of a part is replaced, downsampled.

    original, output, uncovered: (h, w, 3) uint8; the last is the output in greyscale with the visible part in red.
    """

    part: str
    index: int
    at_s: float
    replaced: float
    original: UInt8Array
    output: UInt8Array
    uncovered: UInt8Array


@dataclass(frozen=True)
class CoverageResult:
    """parts: results by name. looked_at: number of frames, every `stride`-th. worst: images, worst first."""

    parts: dict[str, PartCoverage]
    looked_at: int
    stride: int
    worst: tuple[WorstFrame, ...]


class _PartState:
    """The state of one part."""

    def __init__(self) -> None:
        self.shares: list[float] = []
        self.worst: WorstFrame | None = None
        self.longest = Fraction(0)
        self._gap: tuple[Fraction, Fraction] | None = None

    def seen(self, share: float, pts: Fraction, until: Fraction) -> None:
        """The part is seen at `pts` with this fraction replaced, which is assumed until the next examined frame."""
        self.shares.append(share)
        if share >= REPLACED:
            self._gap = None
            return
        goes_on = self._gap is not None and pts - self._gap[1] < ABSENCE
        begin = self._gap[0] if self._gap is not None and goes_on else pts
        self._gap = begin, until
        self.longest = max(self.longest, until - begin)

    def result(self) -> PartCoverage:
        if self.worst is None:
            return PartCoverage(0)
        worst, mean = self.worst, float(np.mean(self.shares))
        gap = float(self.longest)
        return PartCoverage(len(self.shares), mean, worst.replaced, worst.index, worst.at_s, gap)


class CoverageMeter:
    """Accumulates coverage while footage is read.

    names: of the parts. step: seconds between examined frames. stride: the same in frames.
    """

    def __init__(self, names: Sequence[str], *, step: Fraction, stride: int = 1) -> None:
        self._parts = {name: _PartState() for name in names}
        self._step, self._stride = step, stride
        self._looked_at = 0

    def add(self, pair: Pair, touched: BoolArray, parts: BoolArray) -> None:
        """Add a frame. touched: (H, W), where it was replaced. parts: (K, r, c), as found by `PartFinder`."""
        self._looked_at += 1
        replaced = share_on_cells(touched, (parts.shape[1], parts.shape[2]))
        for name, mask in zip(self._parts, parts, strict=True):
            part = self._parts[name]
            share = _least_share(mask, replaced)
            if share is None:
                continue
            part.seen(share, pair.pts, pair.pts + self._step)
            if part.worst is None or share < part.worst.replaced:
                part.worst = _picture(name, pair, share, touched, mask)

    def result(self) -> CoverageResult:
        """The accumulated result."""
        worst = sorted((part.worst for part in self._parts.values() if part.worst), key=lambda frame: frame.replaced)
        parts = {name: part.result() for name, part in self._parts.items()}
        return CoverageResult(parts, self._looked_at, self._stride, tuple(worst))


def _least_share(mask: BoolArray, replaced: Float32Array) -> float | None:
    """The fraction replaced of the connected component of a mask (r, c) with the least; None if there is none."""
    count, numbers = ops.pieces(mask)
    sizes, totals = (np.bincount(numbers.ravel(), weights, count + 1)[1:] for weights in (None, replaced.ravel()))
    large = sizes >= SMALLEST * mask.size
    # Resampling leaves rounding errors.
    return round(float((totals[large] / sizes[large]).min()), 6) if large.any() else None


def _picture(name: str, pair: Pair, share: float, touched: BoolArray, mask: BoolArray) -> WorstFrame:
    height = min(_HEIGHT, pair.original.shape[0])
    original, output = (drawing.thumbnail(frame, height) for frame in (pair.original, pair.output))
    size = (original.shape[0], original.shape[1])
    there, replaced = (ops.resize_map(part.astype(np.float32), size) for part in (mask, touched))
    shown: Float32Array = np.float32(0.7) * ((there >= 0.5) & (replaced < 0.5))
    grey = np.repeat(ops.grey(output)[..., None], 3, axis=2)
    uncovered = ops.blend(grey, np.broadcast_to(_RED, grey.shape).copy(), shown.astype(np.float32))
    return WorstFrame(name, pair.index, float(pair.pts), share, original, output, uncovered)
