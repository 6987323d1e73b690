"""The region that looks like templates: keyframes, margin, coverage over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import get_args

from .. import ops
from ..errors import OptionError
from ..features import DescriptorGrid, FeatureExtractor
from ..flow import DISFlow, FlowEstimator
from ..keyframes import Between, Lost, Memory, between
from ..saliency import Cells, Combine, clamped_cosines, combine, matched, opacity_curve, refine, to_frame
from ..templates import Template, check_fingerprints
from ..types import Clip, Float32Array, UInt8Array


@dataclass(frozen=True)
class Coverage:
    """How opacity is made of saliency, in space and over time.

    combine: of several templates, see `saliency.combine`. begin, full: see `saliency.opacity_curve`.
    margin: the region grows by this share of the frame's short side. hold: seconds for which a place that was found
    once stays fully covered while it moves, before it fades for as long again. keyframe_every, keyframe_seconds: the
    network sees one frame in so many, or one in so many seconds, whichever comes first; in between the region moves
    with the scene, from the keyframe before and from the one after. between: how the two
    are joined, see `keyframes.Between`.
    recheck: a keyframe comes early where the way from the last one is lost in more than this share of the frame (see
    `keyframes.Lost`); None relies on the intervals alone. match_first: see `saliency.matched`.
    """

    combine: Combine = "max"
    begin: float = 0.0
    full: float = 1.0
    margin: float = 0.0
    hold: float = 0.0
    keyframe_every: int = 1
    keyframe_seconds: float = 0.15
    between: Between = "greatest"
    recheck: float | None = None
    match_first: bool = False

    def __post_init__(self) -> None:
        if self.keyframe_every < 1:
            raise OptionError(f"keyframes must be at least 1 frame apart, not {self.keyframe_every}")
        if not 0 <= self.margin <= 0.5:
            raise OptionError(f"the margin must lie between 0 and 0.5 of the short side, not {self.margin:g}")
        if not self.hold >= 0:
            raise OptionError(f"coverage cannot be held for {self.hold:g} seconds; give 0 or more")
        if self.between not in get_args(Between):
            raise OptionError(f"no way {self.between!r} between keyframes; choose from {', '.join(get_args(Between))}")
        if self.recheck is not None and not 0 < self.recheck <= 1:
            raise OptionError(
                f"keyframes are rechecked at a share of the frame above 0 and up to 1 (1: never), not {self.recheck:g}"
            )


@dataclass
class _Frame:
    image: UInt8Array
    flow: Float32Array | None
    pts: Fraction


class TemplateSaliency:
    """The region that looks like any of some templates.

    checker: estimates the flow by which `Coverage.recheck` judges; default DIS.
    """

    def __init__(
        self,
        extractor: FeatureExtractor,
        templates: Sequence[Template],
        *,
        coverage: Coverage | None = None,
        checker: FlowEstimator | None = None,
    ) -> None:
        check_fingerprints(templates, extractor)
        self.extractor = extractor
        self.templates = tuple(templates)
        self.coverage = coverage or Coverage()
        # What is new in a frame shows in flow that does not follow certain neighbours.
        self.checker = checker or DISFlow(preset="medium", short_side=160, smoothing=1.5, reach=0)

    def __repr__(self) -> str:
        return f"TemplateSaliency({', '.join(template.name for template in self.templates)})"

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of every clip; reads up to `keyframe_every` frames ahead."""
        lengths: deque[int] = deque()

        def frames() -> Iterator[_Frame]:
            for clip in clips:
                lengths.append(len(clip))
                flows = clip.flow_to_previous or (None,) * len(clip)
                for image, flow, pts in zip(clip.frames, flows, clip.pts, strict=True):
                    yield _Frame(image, flow, pts)

        ready: list[Float32Array] = []
        for opacity in self._held(self._groups(frames())):
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
        for frame in frames:
            if frame.flow is None and group:
                yield group
                group = []
            group.append(frame)
            full = len(group) == self.coverage.keyframe_every
            if lost is not None:
                share = lost.advance(frame.image, frame.flow)
                full = full or (recheck is not None and share > recheck)
            if last is None or frame.flow is None or full or frame.pts - last >= self.coverage.keyframe_seconds:
                yield group
                group, last = [], frame.pts
                if lost is not None:
                    lost.restart()
        if group:
            yield group

    def _opacity(
        self, image: UInt8Array, grid: DescriptorGrid, templates: Sequence[Template]
    ) -> tuple[Float32Array, Cells]:
        """Opacity of one frame on its cells."""
        saliency = combine(clamped_cosines(grid, templates)[0], self.coverage.combine)
        cells = Cells(grid.stride, grid.offset)
        if (self.coverage.begin, self.coverage.full, self.coverage.margin) == (0, 1, 0):
            return saliency, cells
        # On cells half as large outlines have no steps.
        saliency, cells = refine(saliency, cells, 2)
        opacity = opacity_curve(saliency, self.coverage.begin, self.coverage.full)
        radius = self.coverage.margin * min(image.shape[:2]) / min(cells.stride)
        # A cell of the descriptors at least: less than that nobody can know.
        return (ops.dilate(opacity, max(radius, 2.0)) if self.coverage.margin else opacity), cells

    def _held(self, groups: Iterable[list[_Frame]]) -> Iterator[Float32Array]:
        """Opacity of every frame at full size, carried between keyframes and held over time."""
        last: Float32Array | None = None
        memories: list[Memory] = []
        templates: Sequence[Template] | None = None
        for group in groups:
            described = self.extractor(group[-1].image[None])
            if templates is None:
                templates = matched(self.templates, described) if self.coverage.match_first else self.templates
            key, grid = self._opacity(group[-1].image, described, templates)
            cells = (key.shape[0], key.shape[1])
            flows = [None if frame.flow is None else ops.resize_flow(frame.flow, cells) for frame in group]
            found = between(last, key, flows, self.coverage.between)
            last = key
            size = (group[-1].image.shape[0], group[-1].image.shape[1])
            for frame, flow, opacity in zip(group, flows, found, strict=True):
                for memory in memories:
                    memory.move(flow)
                held = [m.opacity(frame.pts, self.coverage.hold) for m in memories]
                yield to_frame(ops.greatest([opacity, *held]), grid, size)
            if self.coverage.hold:
                # What this keyframe has found again is remembered with it; only what it misses needs the older ones.
                near = ops.dilate(key, 1.5)
                recent = (m for m in memories if group[-1].pts - m.pts < 2 * self.coverage.hold)
                memories = [m for m in recent if m.adds_to(near)]
                memories.append(Memory(key, group[-1].pts))
