"""Farnebäck's polynomial expansion (SCIA 2003), from OpenCV."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np

from .. import ops
from .._core.types import Float32Array, UInt8Array
from .motion import FlowEstimator


class Grey(NamedTuple):
    """A frame prepared for polynomial expansion."""

    picture: UInt8Array
    """(h, w) luma."""
    device: ops.Device = None
    """The device of the frame; estimation itself runs on the CPU."""


class FarnebackFlow(FlowEstimator):
    """Optical flow by a different principle than DIS and RAFT: independent of both, and less accurate.

    Args:
        short_side: Frames are downsampled to about this short side by an integer factor; smaller ones keep their size.
        window: Side in pixels of the averaging window.
        levels: Number of pyramid levels.
        iterations: Iterations per level.
    """

    def __init__(self, *, short_side: int = 240, window: int = 21, levels: int = 4, iterations: int = 2) -> None:
        self.short_side = short_side
        self.window = window
        self.levels = levels
        self.iterations = iterations

    def __repr__(self) -> str:
        return (
            f"FarnebackFlow(short_side={self.short_side}, window={self.window}, levels={self.levels}, "
            f"iterations={self.iterations})"
        )

    def prepare(self, frame: UInt8Array) -> Grey:
        """Downsample and convert to greyscale."""
        height, width = frame.shape[:2]
        factor = max(1, round(min(height, width) / self.short_side))
        small = ops.resize_image(frame, (max(1, height // factor), max(1, width // factor)))
        return Grey(ops.to_host(ops.grey(small)), ops.device_of(frame))

    def between(self, source: Grey, target: Grey) -> Float32Array:
        """Flow (h, w, 2) in pixels of the downsampled frames."""
        flow = cv2.calcOpticalFlowFarneback(
            source.picture, target.picture, None, 0.5, self.levels, self.window, self.iterations, 7, 1.5, 0
        )  # type: ignore[call-overload]
        return ops.to_device(cast(Float32Array, np.ascontiguousarray(flow, np.float32)), source.device)
