"""Dense inverse search (Kroeger et al., ECCV 2016) as OpenCV implements it."""

from __future__ import annotations

from typing import NamedTuple, cast

import cv2
import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Float32Array, UInt8Array
from .motion import FlowEstimator

_PRESETS = {
    "ultrafast": cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST,
    "fast": cv2.DISOPTICAL_FLOW_PRESET_FAST,
    "medium": cv2.DISOPTICAL_FLOW_PRESET_MEDIUM,
}
_LEAST = 16
"""DIS needs at least about 12 pixels along each side."""


class Shrunk(NamedTuple):
    """A frame prepared for DIS."""

    picture: UInt8Array
    """(h, w) luma, at least 16 pixels along each side."""
    certainty: Float32Array
    """(h / 2, w / 2), rounded up, in [0, 1): how well texture determines the motion, in both directions."""
    size: tuple[int, int]
    """(height, width) of the part of the image that shows the frame; the rest is padding."""
    device: ops.Device = None
    """The device of the frame; the search itself runs on the CPU."""


class DISFlow(FlowEstimator):
    """Dense flow on a coarse grid, fast enough for every frame of a video on a laptop.

    Args:
        preset: 'ultrafast', 'fast' or 'medium'.
        short_side: Frames are downsampled to about this short side by an integer factor; smaller ones keep their size.
        smoothing: Standard deviation in pixels of the blur before the search; without it, fine texture distorts the
            flow.
        reach: Where texture does not determine the motion, it is taken from reliable estimates within about this
            fraction of the short side; 0 leaves the flow unchanged.
        refinements: Iterations of variational refinement per scale; each costs time and adds a little accuracy.
    """

    def __init__(
        self,
        *,
        preset: str = "fast",
        short_side: int = 240,
        smoothing: float = 0.7,
        reach: float = 0.1,
        refinements: int = 3,
    ) -> None:
        if not refinements >= 0:
            raise OptionError(f"the number of refinements must be 0 or more, not {refinements}")
        if preset not in _PRESETS:
            raise OptionError(f"no DIS preset {preset!r}; choose from {', '.join(_PRESETS)}")
        self.preset = preset
        self.short_side = short_side
        self.smoothing = smoothing
        self.reach = reach
        self.refinements = refinements
        self._idle: list[cv2.DISOpticalFlow] = []

    def __repr__(self) -> str:
        return (
            f"DISFlow(preset={self.preset!r}, short_side={self.short_side}, smoothing={self.smoothing:g}, "
            f"reach={self.reach:g}, refinements={self.refinements})"
        )

    def prepare(self, frame: UInt8Array) -> Shrunk:
        """Downsample and smooth the frame in greyscale, and measure its texture."""
        height, width = frame.shape[:2]
        factor = max(1, round(min(height, width) / self.short_side))
        size = (max(1, height // factor), max(1, width // factor))
        small = ops.to_host(ops.grey(ops.resize_image(frame, size)))
        if self.smoothing:
            small = cast(UInt8Array, cv2.GaussianBlur(small, (0, 0), self.smoothing))
        # Smaller frames are padded, and the result is cropped.
        missing = [max(0, _LEAST - length) for length in size]
        if any(missing):
            small = np.pad(small, [(0, missing[0]), (0, missing[1])], mode="edge")
        return Shrunk(small, _certainty(small), size, ops.device_of(frame))

    def between(self, source: Shrunk, target: Shrunk) -> Float32Array:
        """Flow (h, w, 2) in pixels of a grid half as fine as the downsampled frames."""
        # OpenCV's object holds buffers, so each call takes an idle one: several videos may share one estimator.
        try:
            search = self._idle.pop()
        except IndexError:
            search = cv2.DISOpticalFlow.create(_PRESETS[self.preset])
            search.setFinestScale(1)
            search.setVariationalRefinementIterations(self.refinements)
        found = search.calc(source.picture, target.picture, None)  # type: ignore[call-overload]
        self._idle.append(search)
        flow = ops.resize_flow(found, (source.certainty.shape[0], source.certainty.shape[1]))
        if self.reach:
            flow = _filled_in(flow, source.certainty, self.reach * min(flow.shape[:2]))
        height, width = (-(-length // 2) for length in source.size)
        return ops.to_device(np.ascontiguousarray(flow[:height, :width], np.float32), source.device)


_TEXTURE = 0.5
"""Squared gradient, in grey levels per pixel, at which an estimate has a certainty of one half."""
_TRUST = 0.2
"""Minimum weight of the neighbourhood, even where the estimate is certain."""


def _certainty(picture: UInt8Array) -> Float32Array:
    """How well the texture of a luma image (h, w) determines motion: by the smaller eigenvalue of its structure tensor.

    Shi and Tomasi, Good Features to Track, CVPR 1994. On a grid half as fine, in [0, 1).
    """
    height, width = picture.shape
    x, y = (cv2.Sobel(picture, cv2.CV_32F, *order, scale=1 / 8) for order in ((1, 0), (0, 1)))
    products = cv2.merge([x * x, x * y, y * y])
    half = (-(-width // 2), -(-height // 2))
    halved = cast(Float32Array, cv2.resize(products, half, interpolation=cv2.INTER_AREA))
    xx, xy, yy = np.moveaxis(ops.smooth(halved, 1.0), -1, 0)
    lesser = (xx + yy) / 2 - np.sqrt(((xx - yy) / 2) ** 2 + xy**2)
    lesser = np.maximum(lesser, 0)
    return cast(Float32Array, lesser / (lesser + np.float32(_TEXTURE)))


def _filled_in(flow: Float32Array, certainty: Float32Array, sigma: float) -> Float32Array:
    """Flow with uncertain estimates replaced by certain ones nearby: normalised convolution (Knutsson and Westin, CVPR
    1993).

    sigma: in pixels of the flow.
    """
    height, width = certainty.shape
    weight = certainty[..., None] + np.float32(1e-4)
    weighted = np.concatenate([flow * weight, weight], -1)
    # A wide average needs no fine grid.
    step = max(1, int(sigma / 2))
    small = cv2.resize(weighted, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    around = ops.resize_map(ops.smooth(cast(Float32Array, small), sigma / step), (height, width))
    near = around[..., :2] / around[..., 2:]
    return cast(Float32Array, (weight * flow + np.float32(_TRUST) * near) / (weight + np.float32(_TRUST)))
