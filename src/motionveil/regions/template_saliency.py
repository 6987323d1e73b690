"""The region that matches templates: detection on keyframes, propagation in between."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from .. import ops
from .._core.types import Clip, Float32Array, UInt8Array
from ..detection.features import FeatureExtractor
from ..detection.keyframes import Lost, Surprise, between
from ..detection.saliency import opacity_curve, refine, to_frame
from ..detection.templates import Template, check_fingerprints
from ..flow import DISFlow, FlowEstimator
from .coverage import Coverage
from .following import Doubt, Following, Waiting
from .looking import Key, Looks
from .region import Seen

_WITHIN = 0.375
"""Interpolated opacity above which a point between cells is covered."""
_OUTLINE = 0.8
"""Smoothing of outlines, in half cells; the transition is about one half cell wide."""


@dataclass
class _TimedFrame:
    image: UInt8Array
    flow: Float32Array | None
    pts: Fraction


class TemplateSaliency:
    """The region that matches any of several templates.

    Args:
        extractor: Feature extractor. If it is `Detailed`, some keyframes are also processed at full resolution, see
            `Coverage.fine_seconds`.
        templates: Templates made with this extractor.
        coverage: Settings.
        checker: Optical flow estimator for `Coverage.recheck`. Default: DIS.
        on_doubt: Called with moments of doubt while a video is streamed.

    Raises:
        TemplateError: If a template was made with another extractor.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        templates: Sequence[Template],
        *,
        coverage: Coverage | None = None,
        checker: FlowEstimator | None = None,
        on_doubt: Callable[[Doubt], None] | None = None,
    ) -> None:
        check_fingerprints(templates, extractor)
        self.extractor = extractor
        self.templates = tuple(templates)
        self.coverage = coverage or Coverage()
        self.on_doubt = on_doubt
        # With reach=0: where new content enters, flow must not be replaced by that of its neighbours.
        self.checker = checker or DISFlow(preset="medium", short_side=160, smoothing=1.5, reach=0)

    def __repr__(self) -> str:
        return f"TemplateSaliency({', '.join(template.name for template in self.templates)})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of each clip; reads `keyframe_every` frames and `look_back` seconds ahead."""
        return (each.opacity for each in self.see(clips))

    def see(self, clips: Iterable[Clip]) -> Iterator[Seen]:
        """The same, with heads if they are tracked."""
        lengths: deque[int] = deque()

        def frames() -> Iterator[_TimedFrame]:
            for clip in clips:
                lengths.append(len(clip))
                flows = clip.flow_to_previous or (None,) * len(clip)
                for image, flow, pts in zip(clip.frames, flows, clip.pts, strict=True):
                    yield _TimedFrame(image, flow, pts)

        ready: list[tuple[Float32Array, Float32Array | None]] = []
        for frame in self._covered(self._groups(frames())):
            ready.append(frame)
            if len(ready) == lengths[0]:
                lengths.popleft()
                yield Seen(ops.stack([opacity for opacity, _ in ready]), tuple(heads for _, heads in ready))
                ready = []

    def _groups(self, frames: Iterable[_TimedFrame]) -> Iterator[list[_TimedFrame]]:
        """Frames in groups that end with a keyframe. Scene cuts, failed propagation and the end of the video close a
        group early.
        """
        group: list[_TimedFrame] = []
        last: Fraction | None = None
        recheck = self.coverage.recheck if self.coverage.keyframe_every > 1 else None
        lost = None if recheck is None else Lost(self.checker)
        surprise = Surprise() if self.coverage.surprise is not None and self.coverage.keyframe_every > 1 else None
        for frame in frames:
            if frame.flow is None and group:
                yield group
                group = []
            group.append(frame)
            full = len(group) == self.coverage.keyframe_every
            if lost is not None:
                share = lost.advance(frame.image, frame.flow)
                full = full or (recheck is not None and share > recheck)
            if surprise is not None:
                share = surprise.advance(frame.image, frame.flow)
                full = full or (self.coverage.surprise is not None and share > self.coverage.surprise)
            if last is None or frame.flow is None or full or frame.pts - last >= self.coverage.keyframe_seconds:
                yield group
                group, last = [], frame.pts
                if lost is not None:
                    lost.restart()
        if group:
            yield group

    def _covered(self, groups: Iterable[list[_TimedFrame]]) -> Iterator[tuple[Float32Array, Float32Array | None]]:
        """Opacity of each frame at full size, and heads on the grid of cells: propagated between keyframes, tracked if
        missed.
        """
        looks = Looks(self.extractor, self.templates, self.coverage)
        following = Following(self.coverage, self.on_doubt)
        last: Key | None = None
        waiting: deque[Waiting] = deque()
        for group in groups:
            frame = group[-1]
            device = ops.device_of(frame.image)
            key = looks(frame.image, frame.pts, cut=any(each.flow is None for each in group))
            shape = (key.opacity.shape[0], key.opacity.shape[1])
            flows = [None if each.flow is None else ops.resize_flow(each.flow, shape) for each in group]
            found = between(None if last is None else last.opacity, key.opacity, flows, self.coverage.between)
            heads = _heads_between(last, key, flows, device)
            new = [
                Waiting(opacity, flow, each.pts, key.cells, (each.image.shape[0], each.image.shape[1]), of_heads)
                for each, flow, opacity, of_heads in zip(group, flows, found, heads, strict=True)
            ]
            if self.coverage.follows:
                following.advance(last, key, new, waiting)
            last = key
            waiting.extend(new)
            while waiting and waiting[0].pts <= frame.pts - Fraction(self.coverage.look_back):
                ready = waiting.popleft()
                yield self._at_full_size(ready, device), ready.heads
        for each in waiting:
            yield self._at_full_size(each, device), each.heads

    def _at_full_size(self, frame: Waiting, device: ops.Device) -> Float32Array:
        opacity, cells = ops.to_device(frame.opacity, device), frame.cells
        if self.coverage.margin:
            # What counts as detected is covered completely, with a smooth outline and the transition outside it:
            # somebody who knows the noise could recover what shows through it.
            opacity, cells = refine(opacity, cells, 2)
            opacity = ops.smooth(ops.as_float32(opacity > _WITHIN), _OUTLINE)
            opacity = opacity_curve(opacity, 0.08, 0.42)
        return to_frame(opacity, cells, frame.size)


def _heads_between(
    last: Key | None, key: Key, flows: Sequence[Float32Array | None], device: ops.Device
) -> Sequence[Float32Array | None]:
    """Masks of heads in the frames after one keyframe up to the next, propagated from both."""
    if not key.heads.any() and (last is None or not last.heads.any()):
        return [None] * len(flows)
    before, now = (
        None if each is None else ops.to_device((each.heads > 0).astype(np.float32), device) for each in (last, key)
    )
    assert now is not None
    return between(before, now, flows, "greatest")
