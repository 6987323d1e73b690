"""Motion kept: how much of the motion that flow estimators see in the original they still see in the output."""

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
"""What the output is compared with."""
MOVING = 1.0
"""Pixels a frame, above which the original moves."""
_FEWEST = 200

Kept = dict[str, float | None]


def motion_kept(
    excerpts: Sequence[Excerpt],
    estimators: Mapping[str, FlowEstimator],
    *,
    fillers: Sequence[str] = FILLERS,
    most_pairs: int | Mapping[str, int] | None = None,
) -> dict[str, Kept]:
    """For every estimator, by name, how much motion the output keeps, and what each of the fillers would have kept.

    1 - (mean end-point error / mean motion), over the core of excerpts, where the original moves by more than 1 pixel a
    frame: 1 is the same flow as in the original, 0 that of a picture that stands still, less is worse than that. None
    where fewer than 200 pixels move. The fillers replace what was touched, without any encoding, so that they are
    judged a little kindly; of what they make, one excerpt is in memory at a time.
    most_pairs: looks at so many pairs of frames of an excerpt, evenly spread; None takes all. For estimators by name,
    or one number for all.
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
"""By frame where the original moves, (H, W) bool, and the flow (N, 2) there."""


@dataclass
class _Sums:
    """Over excerpts: pixels of end-point error, of what each filler made, and of motion; and of how many pixels."""

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
    """The excerpt's original with the region that was touched replaced by a filler."""
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
    """At most so many of them, evenly spread."""
    if most is None or len(indices) <= most:
        return indices
    return [indices[i] for i in np.linspace(0, len(indices) - 1, most).round().astype(int)]


def _flows(estimator: FlowEstimator, frames: UInt8Array, indices: Sequence[int]) -> Iterator[tuple[int, Float32Array]]:
    """For each of these frames the flow (H, W, 2) to the frame before it."""
    prepared: dict[int, Any] = {}
    for index in indices:
        # A frame is in two pairs; what is known of older ones is not needed again.
        prepared = {i: prepared[i] if i in prepared else estimator.prepare(frames[i]) for i in (index - 1, index)}
        flow = ops.to_host(estimator.between(prepared[index], prepared[index - 1]))
        yield index, ops.resize_flow(flow, (frames.shape[1], frames.shape[2]))
