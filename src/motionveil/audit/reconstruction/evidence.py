"""What the attacker has, and what only the judge knows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise

import cv2
import numpy as np

from ..._core.types import Float32Array, UInt8Array
from ...flow import DISFlow
from ..footage import BoolArray, Excerpt

GREY = (115, 115, 115)
"""The mean of the default noise, which contains no information about an image."""

Motion = tuple[list[Float32Array], list[Float32Array]]
"""Flow (h, w, 2) from each frame to the next, and from each frame but the first to the previous one."""


def neighbour_motion(frames: UInt8Array) -> Motion:
    """Flow from each frame to the next, and to the previous one (from the second frame on), (h, w, 2) each.

    Estimated on the output, which is all that the attacker has.
    """
    estimator = DISFlow()
    prepared = [estimator.prepare(frame) for frame in frames]
    pairs = list(pairwise(prepared))
    return [estimator.between(a, b) for a, b in pairs], [estimator.between(b, a) for a, b in pairs]


@dataclass(frozen=True)
class Evidence:
    """What the attacker has; never the original.

    Attributes:
        frames: (T, H, W, 3) uint8, the output.
        touched: (T, H, W) bool, where it was altered, which anybody can see.
        targets: Indices of the K frames to recover; the others help.
        opacity: (K, H, W) float32 of the targets, for attackers who know the seed.
        filling: (K, H, W, 3) uint8 of the targets, for attackers who know the seed.
    """

    frames: UInt8Array
    touched: BoolArray
    targets: tuple[int, ...]
    opacity: Float32Array | None = None
    filling: UInt8Array | None = None

    @property
    def targeted(self) -> Iterator[tuple[UInt8Array, BoolArray]]:
        """Each target, (H, W, 3), and where it was altered, (H, W)."""
        return ((self.frames[index], self.touched[index]) for index in self.targets)

    @cached_property
    def motion(self) -> Motion:
        """The motion of the frames."""
        return neighbour_motion(self.frames)

    def flattened(self) -> Evidence:
        """The same with a single colour in altered areas: whatever an attack finds here is not information."""
        return replace(self, frames=np.where(self.touched[..., None], np.array(GREY, np.uint8), self.frames))


@dataclass(frozen=True)
class Scene:
    """An excerpt as used by an attack.

    Attributes:
        original: (K, H, W, 3) uint8 of the targets, known to the judge only.
        output: (K, H, W, 3) uint8 of the targets.
        core: (K, H, W) bool, where recoveries are judged.
        indices: The targets' frame numbers in the video.
    """

    evidence: Evidence
    original: UInt8Array
    output: UInt8Array
    core: BoolArray
    indices: tuple[int, ...]

    @cached_property
    def floor(self) -> Evidence:
        """The evidence without information, for the floor."""
        return self.evidence.flattened()


def scene_of(excerpt: Excerpt, short_side: int, *, targets: int) -> Scene:
    """Downsample an excerpt to `short_side` and select evenly spaced target frames."""
    small = shrink(excerpt, short_side)
    count = min(targets, len(small.original))
    chosen = tuple(int(index) for index in (np.arange(count) + 0.5) * len(small.original) / count)
    picked = list(chosen)
    return Scene(
        Evidence(small.output, small.touched, chosen),
        small.original[picked],
        small.output[picked],
        small.core[picked],
        tuple(excerpt.start + index for index in chosen),
    )


def shrink(excerpt: Excerpt, short_side: int) -> Excerpt:
    """Downsample the excerpt to at most this short side; a pixel of the core consists of core pixels only."""
    size = shrunk_size(excerpt.original.shape[1:3], short_side)
    if size == excerpt.original.shape[1:3]:
        return excerpt
    return replace(
        excerpt,
        original=resized(excerpt.original, size),
        output=resized(excerpt.output, size),
        touched=_shares(excerpt.touched, size) > 0,
        core=_shares(excerpt.core, size) > 0.999,
        people=None if excerpt.people is None else _shares(excerpt.people, size) > 0.5,
    )


def shrunk_size(size: tuple[int, ...], short_side: int) -> tuple[int, int]:
    """(height, width) at a short side of at most this many pixels."""
    factor = min(1.0, short_side / min(size))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def resized(frames: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """Resize (T, H, W, 3) uint8 to (height, width): area average when shrinking, bicubic otherwise."""
    if frames.shape[1:3] == size:
        return frames
    method = cv2.INTER_AREA if size[0] < frames.shape[1] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, size[::-1], interpolation=method) for frame in frames]).astype(np.uint8)


def _shares(masks: BoolArray, size: tuple[int, int]) -> Float32Array:
    """Resize (T, H, W) bool to (height, width): the fraction of each pixel that is true."""
    return np.stack([cv2.resize(m.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) for m in masks])
