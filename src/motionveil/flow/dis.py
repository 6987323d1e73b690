"""Dense inverse search (Kroeger et al., ECCV 2016) as OpenCV implements it."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np

from .. import ops
from ..errors import OptionError
from ..types import Float32Array, UInt8Array
from .motion import FlowEstimator

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class Shrunk(NamedTuple):
    """A frame as DIS wants it."""

    picture: UInt8Array
    """(h, w) luma, at least 16 pixels along a side."""
    size: tuple[int, int]
    """(height, width) of the part that shows the frame."""
    device: ops.Device = None
    """Where the frame lies; the search itself runs on the CPU."""


class DISFlow(FlowEstimator):
    """Flow on a coarser grid, fast enough for every frame of a video on a laptop.

    preset: 'ultrafast', 'fast' or 'medium'. short_side: frames are shrunk to about this size first, by a whole
    factor; frames that are smaller keep their size. smoothing: standard deviation in pixels of the blur before the
    search, without which fine texture pulls the flow off by more than a tenth of a pixel.
    """

    def __init__(self, *, preset: str = "medium", short_side: int = 160, smoothing: float = 1.5) -> None:
        if preset not in _PRESETS:
            raise OptionError(f"no DIS preset {preset!r}; choose from {', '.join(_PRESETS)}")
        self.preset = preset
        self.short_side = short_side
        self.smoothing = smoothing

    def __repr__(self) -> str:
        return f"DISFlow(preset={self.preset!r}, short_side={self.short_side}, smoothing={self.smoothing:g})"

    def prepare(self, frame: UInt8Array) -> Shrunk:
        """The frame small, grey and smooth."""
        height, width = frame.shape[:2]
        factor = max(1, round(min(height, width) / self.short_side))
        size = (max(1, height // factor), max(1, width // factor))
        small = ops.to_host(ops.grey(ops.resize_image(frame, size)))
        if self.smoothing:
            small = cast(UInt8Array, cv2.GaussianBlur(small, (0, 0), self.smoothing))
        # The search needs some 12 pixels; smaller frames are padded and the result cropped.
        missing = [max(0, 16 - length) for length in size]
        if any(missing):
            small = np.pad(small, [(0, missing[0]), (0, missing[1])], mode="edge")
        return Shrunk(small, size, ops.device_of(frame))

    def between(self, source: Shrunk, target: Shrunk) -> Float32Array:
        """Flow (h, w, 2) in pixels of the shrunk frames."""
        # OpenCV's object holds buffers, so each call has its own: several videos may share one estimator.
        search = cv2.DISOpticalFlow.create(_PRESETS[self.preset])
        flow = search.calc(source.picture, target.picture, None)  # type: ignore[call-overload]
        height, width = source.size
        return ops.to_device(np.ascontiguousarray(flow[:height, :width], np.float32), source.device)
