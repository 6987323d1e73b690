"""Regions: where a video is replaced. Each streams one opacity map per frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

import numpy as np

from . import ops
from .errors import OptionError
from .features import FeatureExtractor
from .saliency import Cells, Combine, clamped_cosines, combine, opacity_curve, refine, to_frame
from .templates import Template, check_fingerprints
from .types import Clip, Float32Array, UInt8Array


class Region(Protocol):
    """Where to replace. Holds settings only: what belongs to one video lives in the generator that `stream` returns."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """For every clip (with `flow_to_previous`) its opacity (T, H, W) float32: 0 keeps pixels, 1 replaces them.

        May read some frames ahead.
        """
        ...


@dataclass(frozen=True)
class Coverage:
    """How opacity is made of saliency, in space and over time.

    combine: of several templates, see `saliency.combine`. begin, full: see `saliency.opacity_curve`.
    margin: the region grows by this share of the frame's short side. hold: seconds for which a place that was found
    once stays fully covered while it moves, before it fades for as long again. keyframe_every, keyframe_seconds: the
    network sees one frame in so many, or one in so many seconds, whichever comes first; in between the region moves
    with the scene, from the keyframe before and from the one after.
    """

    combine: Combine = "max"
    begin: float = 0.0
    full: float = 1.0
    margin: float = 0.0
    hold: float = 0.0
    keyframe_every: int = 1
    keyframe_seconds: float = 0.15

    def __post_init__(self) -> None:
        if self.keyframe_every < 1:
            raise OptionError(f"keyframes must be at least 1 frame apart, not {self.keyframe_every}")
        if not 0 <= self.margin <= 0.5:
            raise OptionError(f"the margin must lie between 0 and 0.5 of the short side, not {self.margin:g}")
        if not self.hold >= 0:
            raise OptionError(f"coverage cannot be held for {self.hold:g} seconds; give 0 or more")


@dataclass
class _Frame:
    image: UInt8Array
    flow: Float32Array | None
    pts: Fraction


class TemplateSaliency:
    """The region that looks like any of some templates."""

    def __init__(
        self, extractor: FeatureExtractor, templates: Sequence[Template], *, coverage: Coverage | None = None
    ) -> None:
        check_fingerprints(templates, extractor)
        self.extractor = extractor
        self.templates = tuple(templates)
        self.coverage = coverage or Coverage()

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
        """Frames in groups whose last frame is a keyframe; a cut or the end of the video closes a group early."""
        group: list[_Frame] = []
        last: Fraction | None = None
        for frame in frames:
            if frame.flow is None and group:
                yield group
                group = []
            group.append(frame)
            full = len(group) == self.coverage.keyframe_every
            if last is None or frame.flow is None or full or frame.pts - last >= self.coverage.keyframe_seconds:
                yield group
                group, last = [], frame.pts
        if group:
            yield group

    def _opacity(self, image: UInt8Array) -> tuple[Float32Array, Cells]:
        """Opacity of one frame on cells half as large as the descriptors', for outlines without steps."""
        grid = self.extractor(image[None])
        saliency = combine(clamped_cosines(grid, self.templates)[0], self.coverage.combine)
        saliency, cells = refine(saliency, Cells(grid.stride, grid.offset), 2)
        opacity = opacity_curve(saliency, self.coverage.begin, self.coverage.full)
        radius = self.coverage.margin * min(image.shape[:2]) / min(cells.stride)
        # A cell of the descriptors at least: less than that nobody can know.
        return (ops.dilate(opacity, max(radius, 2.0)) if self.coverage.margin else opacity), cells

    def _held(self, groups: Iterable[list[_Frame]]) -> Iterator[Float32Array]:
        """Opacity of every frame at full size, carried between keyframes and held over time."""
        last: Float32Array | None = None
        memories: list[_Memory] = []
        for group in groups:
            key, grid = self._opacity(group[-1].image)
            cells = (key.shape[0], key.shape[1])
            flows = [None if frame.flow is None else ops.resize_flow(frame.flow, cells) for frame in group]
            found = _between(last, key, flows)
            last = key
            size = (group[-1].image.shape[0], group[-1].image.shape[1])
            for frame, flow, opacity in zip(group, flows, found, strict=True):
                for memory in memories:
                    memory.move(flow)
                held = [m.opacity(frame.pts, self.coverage.hold) for m in memories]
                yield to_frame(np.maximum.reduce([opacity, *held]), grid, size)
            if self.coverage.hold:
                # What this keyframe has found again is remembered with it; only what it misses needs the older ones.
                near = ops.dilate(key, 1.5)
                recent = (m for m in memories if group[-1].pts - m.pts < 2 * self.coverage.hold)
                memories = [m for m in recent if m.adds_to(near)]
                memories.append(_Memory(key, group[-1].pts))


class _Memory:
    """What one keyframe found, and the way since then.

    The way is carried and the map sampled once, because a map that is interpolated in every frame wears away.
    """

    def __init__(self, found: Float32Array, pts: Fraction) -> None:
        self.found = found
        self.pts = pts
        self._points = ops.pixel_grid(found.shape[0], found.shape[1])
        self._way = np.zeros_like(self._points)

    def move(self, flow: Float32Array | None) -> None:
        """Go on by one frame; after a cut it stays where it is, since covering too much is safe."""
        if flow is not None:
            self._way = ops.warp(self._way, flow) + flow

    def opacity(self, pts: Fraction, hold: float) -> Float32Array:
        """Full for `hold` seconds, and fading for as long again.

        Twice the opacity is taken, so that what moves by part of a cell stays full to its edge.
        """
        faded = np.float32(float(pts - self.pts) / hold - 1)
        return np.asarray(np.clip(2 * self._moved() - 2 * max(faded, np.float32(0)), 0, 1), np.float32)

    def adds_to(self, found: Float32Array) -> bool:
        """Whether there is anything in it, where it lies now, that is not in `found`."""
        return bool((self._moved() > found + np.float32(0.1)).any())

    def _moved(self) -> Float32Array:
        return ops.sample(self.found, self._points + self._way)


def _between(last: Float32Array | None, key: Float32Array, flows: Sequence[Float32Array | None]) -> list[Float32Array]:
    """Opacity of the frames after one keyframe up to the next, whose own is `key`: the greater of what the keyframe
    before found, moved on, and what the next one finds, moved back to where it was.

    flows: per frame to the frame before it, on the cells. Displacements are carried and each keyframe is sampled
    once, because a map that is interpolated again and again wears away at its edges.
    """
    points = ops.pixel_grid(key.shape[0], key.shape[1])
    found = [np.zeros_like(key) for _ in flows]
    found[-1] = key
    way = np.zeros_like(points)
    for index, flow in enumerate(flows[:-1]):
        if flow is None or last is None:
            break
        way = ops.warp(way, flow) + flow
        found[index] = ops.sample(last, points + way)
    way = np.zeros_like(points)
    for index in range(len(flows) - 1, 0, -1):
        flow = flows[index]
        if flow is None:
            break
        # Where a point of the earlier frame goes is read off where a point of the later frame came from.
        way = ops.warp(way, -flow) - flow
        found[index - 1] = np.maximum(found[index - 1], ops.sample(key, points + way))
    return found


class WholeFrame:
    """Everything."""

    def stream(self, clips: Iterable[Clip]) -> Iterator[Float32Array]:
        """Opacity 1 everywhere."""
        for clip in clips:
            yield np.ones(clip.frames.shape[:3], np.float32)
