"""Preserved motion: how much of the original's optical flow is still present in the output."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import ops
from .._core.types import Clip, Float32Array, UInt8Array
from ..flow import DISFlow, FlowEstimator, with_motion
from ..obfuscation.factory import make_filler
from .difference import whole
from .footage import BoolArray, Excerpt

FILLERS = ("blur_weak", "blur_strong", "pixelate_16", "solid", "iid_noise", "static_noise")
"""Fillers that the output is compared with."""
MOVING = 1.0
"""Minimum motion of the original in pixels per frame."""
_FEWEST = 200

Kept = dict[str, float | None]


def motion_kept(
    excerpts: Sequence[Excerpt],
    estimators: Mapping[str, FlowEstimator],
    *,
    fillers: Sequence[str] = FILLERS,
    most_pairs: int | Mapping[str, int] | None = None,
) -> dict[str, Kept]:
    """The preserved motion of the output and of reference fillers, by estimator.

    1 - (mean end-point error / mean motion), over the core of excerpts where the original moves by more than 1 pixel
    per frame: 1 for the same flow as in the original, 0 for a static image, negative if worse. None if fewer than 200
    pixels move. Reference fillers replace the altered area without encoding, so their results are slightly
    optimistic; one filled excerpt is in memory at a time.

    Args:
        excerpts: Excerpts of original and output.
        estimators: Flow estimators by name.
        fillers: Names of reference fillers.
        most_pairs: Maximum number of frame pairs per excerpt, evenly spaced, for all estimators or by name; None for
            all pairs.
    """
    made = ("output", *fillers)
    sums = {name: _Sums(dict.fromkeys(made, 0.0)) for name in estimators}
    for excerpt in excerpts:
        following = _following(excerpt)
        moving = {}
        for name, estimator in estimators.items():
            most = most_pairs.get(name) if isinstance(most_pairs, Mapping) else most_pairs
            moving[name] = _moving(excerpt, estimator, _spread(following, most))
            sums[name].add(moving[name])
        for filler in made:
            frames = excerpt.output if filler == "output" else _filled(excerpt, filler)
            for name, estimator in estimators.items():
                sums[name].error[filler] += _error(frames, estimator, moving[name])
    return {name: each.kept() for name, each in sums.items()}


_Moving = Mapping[int, tuple[BoolArray, Float32Array]]
"""By frame: where the original moves, (H, W) bool, and the flow (N, 2) there."""


@dataclass
class _Sums:
    """Sums over excerpts: end-point errors of the output and of each filler, motion, and number of pixels."""

    error: dict[str, float]
    motion: float = 0.0
    count: int = 0

    def add(self, moving: _Moving) -> None:
        for _, flow in moving.values():
            self.count += len(flow)
            self.motion += float(np.linalg.norm(flow, axis=1).sum())

    def kept(self) -> Kept:
        few = self.count < _FEWEST
        return {name: None if few else 1 - error / self.motion for name, error in self.error.items()}


def _filled(excerpt: Excerpt, name: str) -> UInt8Array:
    """The excerpt's original with the altered area replaced by a filler."""
    opacity = ops.as_float32(np.stack([whole(mask) for mask in excerpt.touched]))
    clip = Clip(excerpt.original, excerpt.start, excerpt.pts, opacity=opacity)
    (filling,) = make_filler(name, seed=0).stream([clip])
    frames = zip(excerpt.original, filling, opacity, strict=True)
    return ops.stack([ops.blend(frame, fill, alpha) for frame, fill, alpha in frames])


def _moving(excerpt: Excerpt, estimator: FlowEstimator, following: Sequence[int]) -> _Moving:
    found = {}
    for index, flow in _flows(estimator, excerpt.original, following):
        moves = excerpt.core[index] & (np.linalg.norm(flow, axis=2) > MOVING)
        if moves.any():
            found[index] = moves, flow[moves]
    return found


def _error(frames: UInt8Array, estimator: FlowEstimator, moving: _Moving) -> float:
    flows = _flows(estimator, frames, list(moving))
    return sum(float(np.linalg.norm(flow[moving[i][0]] - moving[i][1], axis=1).sum()) for i, flow in flows)


def _following(excerpt: Excerpt) -> list[int]:
    """The frames of an excerpt that follow another one of the same scene."""
    (moving,) = with_motion([Clip(excerpt.original, excerpt.start, excerpt.pts)], DISFlow(preset="ultrafast"))
    assert moving.flow_to_previous is not None
    return [index for index, flow in enumerate(moving.flow_to_previous) if flow is not None]


def _spread(indices: list[int], most: int | None) -> list[int]:
    """At most `most` of them, evenly spaced."""
    if most is None or len(indices) <= most:
        return indices
    return [indices[i] for i in np.linspace(0, len(indices) - 1, most).round().astype(int)]


def _flows(estimator: FlowEstimator, frames: UInt8Array, indices: Sequence[int]) -> Iterator[tuple[int, Float32Array]]:
    """The flow (H, W, 2) from each of these frames to the previous one."""
    prepared: dict[int, Any] = {}
    for index in indices:
        # Each frame is in two pairs; older results are not needed again.
        prepared = {i: prepared[i] if i in prepared else estimator.prepare(frames[i]) for i in (index - 1, index)}
        flow = ops.to_host(estimator.between(prepared[index], prepared[index - 1]))
        yield index, ops.resize_flow(flow, (frames.shape[1], frames.shape[2]))
