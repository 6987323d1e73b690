"""Dense inverse search (Kroeger et al., ECCV 2016) as OpenCV implements it."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np

from .. import ops
from ..errors import OptionError
from ..types import Float32Array, UInt8Array

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}


class DISFlow:
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

    def __call__(self, source: UInt8Array, target: UInt8Array) -> Float32Array:
        """Flow (h, w, 2) from `source` to `target`, in pixels of its own grid."""
        height, width = source.shape[:2]
        factor = max(1, round(min(height, width) / self.short_side))
        size = (max(1, height // factor), max(1, width // factor))
        # The search needs some 12 pixels; smaller frames are padded and the result cropped.
        first, second = (self._prepare(frame, size) for frame in (source, target))
        # OpenCV's object holds buffers, so each call has its own: several videos may share one estimator.
        flow = cv2.DISOpticalFlow.create(_PRESETS[self.preset]).calc(first, second, None)  # type: ignore[call-overload]
        return cast(Float32Array, np.ascontiguousarray(flow[: size[0], : size[1]], np.float32))

    def _prepare(self, frame: UInt8Array, size: tuple[int, int]) -> UInt8Array:
        small = ops.grey(ops.resize_image(frame, size))
        if self.smoothing:
            small = cast(UInt8Array, cv2.GaussianBlur(small, (0, 0), self.smoothing))
        missing = [max(0, 16 - length) for length in small.shape]
        return np.pad(small, [(0, missing[0]), (0, missing[1])], mode="edge") if any(missing) else small
