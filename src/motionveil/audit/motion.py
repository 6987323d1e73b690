"""Motion kept: how much of the motion that flow estimators see in the original they still see in the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .. import ops
from ..building import make_filler
from ..flow import DISFlow, FlowEstimator, with_motion
from ..types import Clip, Float32Array, UInt8Array
from .footage import BoolArray, Window

FILLERS = ("blur_weak", "blur_strong", "pixelate_16", "solid", "iid_noise", "static_noise")
"""What the output is compared with."""
MOVING = 1.0
"""Pixels a frame, above which the original moves."""
_FEWEST = 200

Kept = dict[str, float | None]


def motion_kept(
    windows: Sequence[Window],
    estimators: Mapping[str, FlowEstimator],
    *,
    fillers: Sequence[str] = FILLERS,
    most_pairs: int | None = None,
) -> dict[str, Kept]:
    """For every estimator, by name, how much motion the output keeps, and what each of the fillers would have kept.

    1 - (mean end-point error / mean motion), over the core of windows, where the original moves by more than 1 pixel a
    frame: 1 is the same flow as in the original, 0 that of a picture that stands still, less is worse than that. None
    where fewer than 200 pixels move. The fillers replace what was touched, without any encoding, so that they are
    judged a little kindly. most_pairs: looks at so many pairs of frames of a window, evenly spread; None takes all.
    """
    made: dict[str, list[UInt8Array]] = {"output": [window.output for window in windows]}
    for name in fillers:
        made[name] = [_filled(window, name) for window in windows]
    return {name: _kept(windows, made, estimator, most_pairs) for name, estimator in estimators.items()}


def _filled(window: Window, name: str) -> UInt8Array:
    """The window's original with what was touched replaced by a filler."""
    opacity = window.touched.astype(np.float32)
    clip = Clip(window.original, window.start, window.pts, opacity=opacity)
    (filling,) = make_filler(name, seed=0).stream([clip])
    frames = zip(window.original, filling, opacity, strict=True)
    return ops.stack([ops.blend(frame, fill, alpha) for frame, fill, alpha in frames])


def _kept(
    windows: Sequence[Window],
    made: Mapping[str, Sequence[UInt8Array]],
    estimator: FlowEstimator,
    most_pairs: int | None,
) -> Kept:
    error, motion, count = dict.fromkeys(made, 0.0), 0.0, 0
    for number, window in enumerate(windows):
        following = _following(window, most_pairs)
        moving: dict[int, tuple[BoolArray, Float32Array]] = {}
        for index, true in _flows(estimator, window.original, following):
            length = np.linalg.norm(true, axis=2)
            moves = window.core[index] & (length > MOVING)
            if moves.any():
                moving[index] = moves, true[moves]
                count += int(np.count_nonzero(moves))
                motion += float(length[moves].sum())
        for name, frames in made.items():
            for index, found in _flows(estimator, frames[number], list(moving)):
                moves, flow = moving[index]
                error[name] += float(np.linalg.norm(found[moves] - flow, axis=1).sum())
    return {name: None if count < _FEWEST else 1 - total / motion for name, total in error.items()}


def _following(window: Window, most: int | None) -> list[int]:
    """The frames of a window that follow another one of the same scene; at most so many, evenly spread."""
    (moving,) = with_motion([Clip(window.original, window.start, window.pts)], DISFlow(preset="ultrafast"))
    assert moving.flow_to_previous is not None
    following = [index for index, flow in enumerate(moving.flow_to_previous) if flow is not None]
    if most is not None and len(following) > most:
        return [following[i] for i in np.linspace(0, len(following) - 1, most).round().astype(int)]
    return following


def _flows(estimator: FlowEstimator, frames: UInt8Array, indices: Sequence[int]) -> Iterator[tuple[int, Float32Array]]:
    """For each of these frames the flow (H, W, 2) to the frame before it."""
    prepared: dict[int, Any] = {}
    for index in indices:
        # A frame is in two pairs; what is known of older ones is not needed again.
        prepared = {i: prepared[i] if i in prepared else estimator.prepare(frames[i]) for i in (index - 1, index)}
        flow = ops.to_host(estimator.between(prepared[index], prepared[index - 1]))
        yield index, ops.resize_flow(flow, (frames.shape[1], frames.shape[2]))
