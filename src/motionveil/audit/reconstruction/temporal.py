"""Temporal averaging: what changes between frames averages out, and what is constant remains."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from ... import ops
from ..._core.types import Float32Array, UInt8Array
from .attack import Attack, Candidate
from .evidence import GREY, Evidence, Motion


class Aligned:
    """All frames aligned to one of them: unmoved, or warped along the accumulated flow."""

    def __init__(self, frames: UInt8Array, motion: Motion) -> None:
        self.frames = frames
        self._to_next, self._to_previous = motion

    def at(self, target: int, *, span: int | None = None, moving: bool = True) -> UInt8Array:
        """Up to `span` frames around the target (None: all) aligned to it, (n, H, W, 3) uint8."""
        reach = len(self.frames) if span is None else span // 2
        first, last = max(0, target - reach), min(len(self.frames), target + reach + 1)
        if not moving or last - first == 1:
            return self.frames[first:last]
        before = self._along(target, self._to_previous[first:target][::-1], -1)
        after = self._along(target, self._to_next[target : last - 1], 1)
        return np.stack([*before[::-1], self.frames[target], *after])

    def _along(self, target: int, flows: Sequence[Float32Array], step: int) -> list[UInt8Array]:
        """The frames in one direction, warped to the target."""
        size = (self.frames.shape[1], self.frames.shape[2])
        grid = ops.pixel_grid(*size)
        warped = []
        way: Float32Array | None = None
        for number, flow in enumerate(flows, 1):
            way = flow if way is None else way + ops.warp(flow, way)
            places = grid + ops.resize_flow(way, size)
            warped.append(ops.sample_image(self.frames[target + step * number], places, border="replicate"))
        return warped


def mean_of(stack: UInt8Array) -> UInt8Array:
    """The mean of (n, H, W, 3)."""
    total = np.zeros(stack.shape[1:], np.float32)
    for frame in stack:
        cv2.accumulate(frame, total)
    return np.asarray(total / len(stack) + 0.5, np.uint8)


def median_of(stack: UInt8Array, where: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]) -> UInt8Array:
    """The median of (n, H, W, 3) at the pixels `where` (H, W), elsewhere the first frame."""
    result = stack[0].copy()
    result[where] = np.sort(stack[:, where], axis=0)[len(stack) // 2]
    return result


FACTORS = (1.5, 2.5, 5.0)
"""Contrast factors that invert noise of an opacity of 1/3, 0.6 and 0.8."""


def amplified(picture: UInt8Array, factor: float) -> UInt8Array:
    """Amplify the difference from `GREY`, to undo the blend with noise that was averaged out."""
    table = np.clip(GREY[0] + factor * (np.arange(256) - GREY[0]) + 0.5, 0, 255).astype(np.uint8)
    return table[picture]


class TemporalAveraging(Attack):
    """Means and medians over increasing numbers of frames, unmoved and along the motion of the output."""

    name = "temporal_averaging"
    summary = "Averages neighbouring frames along the motion, so that changing noise cancels out."
    short_side = 320

    def recover(self, evidence: Evidence) -> Iterator[Candidate]:
        """Over 3, 7 and all frames, with and without restoring the contrast lost to blending."""
        aligned = Aligned(evidence.frames, evidence.motion)
        for moving in (False, True):
            everything = [aligned.at(target, moving=moving) for target in evidence.targets]
            way = "along the motion" if moving else "in place"
            for span in (3, 7, None):
                stacks = [
                    _around(stack, target, span) for stack, target in zip(everything, evidence.targets, strict=True)
                ]
                over = "all frames" if span is None else f"{span} frames"
                means = np.stack([mean_of(stack) for stack in stacks])
                yield f"mean of {over} {way}", means
                if span != 3:
                    for factor in FACTORS:
                        yield f"mean of {over} {way}, contrast x {factor:g}", amplified(means, factor)
                    touched = evidence.touched[list(evidence.targets)]
                    medians = [median_of(stack, mask) for stack, mask in zip(stacks, touched, strict=True)]
                    yield f"median of {over} {way}", np.stack(medians)


def _around(stack: UInt8Array, target: int, span: int | None) -> UInt8Array:
    return stack if span is None else stack[max(0, target - span // 2) : target + span // 2 + 1]
