"""What an attacker holds, and what only the judge knows."""

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
"""What knows nothing of a picture: the mean of the default noise."""

Motion = tuple[list[Float32Array], list[Float32Array]]
"""Flow (h, w, 2) from every frame to the next one, and from every frame but the first to the one before it."""


def neighbour_motion(frames: UInt8Array) -> Motion:
    """Flow from every frame to the next one, and to the one before it (from the second frame on), (h, w, 2) each.

    Estimated on what the attacker has, the output; nothing else is known to them.
    """
    estimator = DISFlow()
    prepared = [estimator.prepare(frame) for frame in frames]
    pairs = list(pairwise(prepared))
    return [estimator.between(a, b) for a, b in pairs], [estimator.between(b, a) for a, b in pairs]


@dataclass(frozen=True)
class Evidence:
    """What an attacker holds: never the original.

    frames: (T, H, W, 3) uint8, the output. touched: (T, H, W) bool, where it was altered, which anybody can see.
    targets: the K frames that are to be recovered; the others help.
    opacity, filling: (K, H, W) float32 and (K, H, W, 3) uint8 of the targets, known to who knows the seed.
    """

    frames: UInt8Array
    touched: BoolArray
    targets: tuple[int, ...]
    opacity: Float32Array | None = None
    filling: UInt8Array | None = None

    @property
    def targeted(self) -> Iterator[tuple[UInt8Array, BoolArray]]:
        """Every target, (H, W, 3), and where it was touched, (H, W)."""
        return ((self.frames[index], self.touched[index]) for index in self.targets)

    @cached_property
    def motion(self) -> Motion:
        """Of the frames."""
        return neighbour_motion(self.frames)

    def flattened(self) -> Evidence:
        """The same with one colour wherever something was touched: what an attack finds here, it did not find there."""
        return replace(self, frames=np.where(self.touched[..., None], np.array(GREY, np.uint8), self.frames))


@dataclass(frozen=True)
class Scene:
    """An excerpt as an attack is tried on it.

    original, output: (K, H, W, 3) uint8 and core: (K, H, W) bool of the targets, known to the judge alone. indices: of
    the targets in the video.
    """

    evidence: Evidence
    original: UInt8Array
    output: UInt8Array
    core: BoolArray
    indices: tuple[int, ...]

    @cached_property
    def floor(self) -> Evidence:
        """The evidence where there is nothing to find."""
        return self.evidence.flattened()


def scene_of(excerpt: Excerpt, short_side: int, *, targets: int) -> Scene:
    """An excerpt with its frames shrunk to `short_side` and so many of them, evenly spread, to be recovered."""
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
    """The excerpt at a short side of at most this many pixels; a pixel of the core is made of such pixels alone."""
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
    """(T, H, W, 3) uint8 at another (height, width): averages when it becomes smaller, bicubic otherwise."""
    if frames.shape[1:3] == size:
        return frames
    method = cv2.INTER_AREA if size[0] < frames.shape[1] else cv2.INTER_CUBIC
    return np.stack([cv2.resize(frame, size[::-1], interpolation=method) for frame in frames]).astype(np.uint8)


def _shares(masks: BoolArray, size: tuple[int, int]) -> Float32Array:
    """(T, H, W) bool at another (height, width): how much of every pixel is true."""
    return np.stack([cv2.resize(m.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) for m in masks])
