"""The region that looks like templates: keyframes, and what holds between them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

from .. import ops
from ..features import FeatureExtractor
from ..flow import DISFlow, FlowEstimator
from ..keyframes import Lost, Surprise, between
from ..saliency import opacity_curve, refine, to_frame
from ..templates import Template, check_fingerprints
from ..types import Clip, Float32Array, UInt8Array
from .coverage import Coverage
from .following import Doubt, Following, Waiting
from .looking import Key, Looks


@dataclass
class _Frame:
    image: UInt8Array
    flow: Float32Array | None
    pts: Fraction


class TemplateSaliency:
    """The region that looks like any of some templates.

    extractor: where it is `Detailed`, some keyframes are looked at in detail too, see `Coverage.fine_seconds`.
    checker: estimates the flow by which `Coverage.recheck` judges; default DIS. on_doubt: is told moments of doubt
    while a video is streamed.
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
        # What is new in a frame shows in flow that does not follow certain neighbours.
        self.checker = checker or DISFlow(preset="medium", short_side=160, smoothing=1.5, reach=0)

    def __repr__(self) -> str:
        return f"TemplateSaliency({', '.join(template.name for template in self.templates)})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of every clip; reads `keyframe_every` frames ahead, and `look_back` seconds."""
        lengths: deque[int] = deque()

        def frames() -> Iterator[_Frame]:
            for clip in clips:
                lengths.append(len(clip))
                flows = clip.flow_to_previous or (None,) * len(clip)
                for image, flow, pts in zip(clip.frames, flows, clip.pts, strict=True):
                    yield _Frame(image, flow, pts)

        ready: list[Float32Array] = []
        for opacity in self._covered(self._groups(frames())):
            ready.append(opacity)
            if len(ready) == lengths[0]:
                lengths.popleft()
                yield ops.stack(ready)
                ready = []

    def _groups(self, frames: Iterable[_Frame]) -> Iterator[list[_Frame]]:
        """Frames in groups whose last frame is a keyframe; a cut, a lost way or the end closes a group early."""
        group: list[_Frame] = []
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

    def _covered(self, groups: Iterable[list[_Frame]]) -> Iterator[Float32Array]:
        """Opacity of every frame at full size: carried between keyframes, followed where they miss somebody."""
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
            new = [
                Waiting(opacity, flow, each.pts, key.cells, (each.image.shape[0], each.image.shape[1]))
                for each, flow, opacity in zip(group, flows, found, strict=True)
            ]
            if self.coverage.follows:
                following.advance(last, key, new, waiting)
            last = key
            waiting.extend(new)
            while waiting and waiting[0].pts <= frame.pts - Fraction(self.coverage.look_back):
                yield self._at_full_size(waiting.popleft(), device)
        for each in waiting:
            yield self._at_full_size(each, device)

    def _at_full_size(self, frame: Waiting, device: ops.Device) -> Float32Array:
        opacity, cells = ops.to_device(frame.opacity, device), frame.cells
        if self.coverage.margin:
            # What was found is whole up to the middle between its cells and the next, and ends soon after.
            opacity, cells = refine(opacity, cells, 2)
            opacity = opacity_curve(opacity, 0.25, 0.5)
        return to_frame(opacity, cells, frame.size)
