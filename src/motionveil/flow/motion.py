"""Motion of a stream: the flow from every frame to the one before it, and where scenes are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array, UInt8Array


class FlowEstimator(Protocol):
    """Anything that estimates flow; must be usable by several videos at once.

    A frame of a video is in two pairs, so the work on a frame (`prepare`) is apart from that on a pair (`between`).
    Who inherits from this gets the call on two frames.
    """

    def prepare(self, frame: UInt8Array) -> Any:
        """What the estimator needs of a frame (H, W, 3) uint8 RGB, in a form of its own, which nobody changes."""
        ...

    def between(self, source: Any, target: Any) -> Float32Array:
        """Flow from one prepared frame to another of the same size.

        Returns (h, w, 2) float32 in pixels of its own grid, which may be coarser or finer than the frames
        (`ops.resize_flow` brings it to any size).
        """
        ...

    def __call__(self, source: UInt8Array, target: UInt8Array) -> Float32Array:
        """Flow from `source` to `target`, (H, W, 3) uint8 RGB each; returns what `between` returns.

        Raises OptionError where they differ in size.
        """
        if source.shape != target.shape:
            raise OptionError(f"flow needs two frames of one size, not {source.shape} and {target.shape}")
        return self.between(self.prepare(source), self.prepare(target))


_SIGNATURE_SIZE = (36, 48)
_BLANK = 3.0
"""Standard deviation in grey values under which a frame shows nothing."""


def _signature(frame: UInt8Array) -> Float32Array:
    """A small smooth luma picture, (36, 48) float32, to compare whole frames by."""
    return ops.smooth(ops.as_float32(ops.grey(ops.resize_image(frame, _SIGNATURE_SIZE))), 1.0)


def _is_cut(before: Float32Array, now: Float32Array) -> bool:
    """Whether two neighbouring frames show different scenes: they differ much, and more than light could explain."""
    difference = float(np.abs(before - now).mean())
    if difference < 12.0:
        return False
    a, b = before - before.mean(), now - now.mean()
    scale = float(np.sqrt((a * a).sum() * (b * b).sum()))
    return scale == 0 or float((a * b).sum()) / scale < 0.6


def with_motion(clips: Iterable[Clip], estimator: FlowEstimator) -> Iterator[Clip]:
    """The same clips with `flow_to_previous` filled in; None at the first frame and after a cut.

    Clips that carry flow already pass as they are.
    """
    previous: Any = None
    before: Float32Array | None = None
    for clip in clips:
        if clip.flow_to_previous is not None:
            yield clip
            continue
        flows: list[Float32Array | None] = []
        # Cuts are decided on the host: the small pictures of a clip are all that this brings there, at once.
        signatures = ops.to_host(ops.stack([_signature(frame) for frame in clip.frames]))
        for frame, now in zip(clip.frames, signatures, strict=True):
            if before is not None and now.std() < _BLANK:
                # A flash or a dark frame is no scene: everything stays where it is until the picture comes back.
                flows.append(ops.zeros((1, 1, 2), device=ops.device_of(frame)))
                continue
            prepared = estimator.prepare(frame)
            is_first = before is None or _is_cut(before, now)
            flows.append(None if is_first else estimator.between(prepared, previous))
            previous, before = prepared, now
        yield replace(clip, flow_to_previous=tuple(flows))
