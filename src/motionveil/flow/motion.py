"""Motion of a stream: flow from each frame to the previous one, and scene cuts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array, UInt8Array


class FlowEstimator(Protocol):
    """An optical flow estimator. Must be safe to use for several videos at once.

    Each frame of a video is part of two pairs, so the work per frame (`prepare`) is separate from that per pair
    (`between`). Subclasses inherit the call on two frames.
    """

    def prepare(self, frame: UInt8Array) -> Any:
        """Preprocess a frame (H, W, 3) uint8 RGB. The result is opaque and must not be modified."""
        ...

    def between(self, source: Any, target: Any) -> Float32Array:
        """Estimate flow from one prepared frame to another of the same size.

        Returns:
            (h, w, 2) float32 in pixels of its own grid, which may be coarser or finer than the frames (see
            `ops.resize_flow`).
        """
        ...

    def __call__(self, source: UInt8Array, target: UInt8Array) -> Float32Array:
        """Estimate flow from `source` to `target`, both (H, W, 3) uint8 RGB. Returns the same as `between`.

        Raises:
            OptionError: If their sizes differ.
        """
        if source.shape != target.shape:
            raise OptionError(f"flow needs two frames of the same size, not {source.shape} and {target.shape}")
        return self.between(self.prepare(source), self.prepare(target))


_SIGNATURE_SIZE = (36, 48)
_BLANK = 3.0
"""Standard deviation in grey levels below which a frame is blank."""


def _signature(frame: UInt8Array) -> Float32Array:
    """A small smoothed luma image, (36, 48) float32, to compare whole frames by."""
    return ops.smooth(ops.as_float32(ops.grey(ops.resize_image(frame, _SIGNATURE_SIZE))), 1.0)


def _is_cut(before: Float32Array, now: Float32Array) -> bool:
    """Whether consecutive frames show different scenes: they differ strongly, beyond a change of brightness."""
    difference = float(np.abs(before - now).mean())
    if difference < 12.0:
        return False
    a, b = before - before.mean(), now - now.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return scale == 0 or float((a * b).sum()) / scale < 0.6


def shows_another_scene(before: UInt8Array, now: UInt8Array) -> bool:
    """Whether a cut lies between two frames (H, W, 3) that follow each other."""
    return _is_cut(*(ops.to_host(_signature(frame)) for frame in (before, now)))


def with_motion(clips: Iterable[Clip], estimator: FlowEstimator) -> Iterator[Clip]:
    """Fill in `flow_to_previous` of clips; None at the first frame and after cuts.

    Clips that already have flow are passed through.

    Args:
        clips: Consecutive clips of one video.
        estimator: Optical flow estimator.
    """
    previous: Any = None
    before: Float32Array | None = None
    for clip in clips:
        if clip.flow_to_previous is not None:
            yield clip
            continue
        flows: list[Float32Array | None] = []
        # Cuts are detected on the host; only the small images of a clip are transferred, all at once.
        signatures = ops.to_host(ops.stack([_signature(frame) for frame in clip.frames]))
        for frame, now in zip(clip.frames, signatures, strict=True):
            if before is not None and now.std() < _BLANK:
                # A flash or a blank frame is not a scene: nothing moves until the image returns.
                flows.append(ops.zeros((1, 1, 2), device=ops.device_of(frame)))
                continue
            prepared = estimator.prepare(frame)
            is_first = before is None or _is_cut(before, now)
            flows.append(None if is_first else estimator.between(prepared, previous))
            previous, before = prepared, now
        yield replace(clip, flow_to_previous=tuple(flows))
