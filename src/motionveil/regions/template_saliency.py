"""The region that looks like templates: keyframes, margin, coverage over time."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import NamedTuple, get_args

import numpy as np

from .. import ops
from ..errors import OptionError
from ..features import Detailed, FeatureExtractor
from ..flow import DISFlow, FlowEstimator
from ..keyframes import Between, Lost, Surprise, between
from ..saliency import (
    Cells,
    Combine,
    clamped_cosines,
    combine,
    grow,
    matched,
    opacity_curve,
    refine,
    sure_pieces,
    to_frame,
)
from ..templates import GROUPS, Template, check_fingerprints
from ..tracking import Labels, Piece, appeared, carried, missed
from ..types import Clip, Float32Array, UInt8Array


@dataclass(frozen=True)
class Coverage:
    """How opacity is made of saliency, in space and over time.

    combine: of several templates, see `saliency.combine`. begin, full: see `saliency.opacity_curve`. sure: what is
    connected counts only where its saliency reaches this somewhere; 0 counts everything.
    margin: the region grows by this share of the frame's short side; head_margin: heads by this share of their own
    size, where that is more.
    hold: seconds for which somebody, or a head, that was found and then missed stays covered, wherever they move; a
    part of somebody for a quarter of that, see `tracking.missed`. look_back: seconds for which somebody who is found
    was covered before; opacity comes later by as much.
    keyframe_every, keyframe_seconds: the network sees one frame in so many, or one in so many seconds, whichever comes
    first; in between the region moves with the scene, from the keyframe before and from the one after. between: how the
    two are joined, see `keyframes.Between`. fine_seconds: after so many seconds, and after every cut, a keyframe is
    looked at in full detail too, see `TemplateSaliency`.
    surprise: a keyframe comes early where a part of the frame, as large as this share of it, was not there in the frame
    before (see `keyframes.Surprise`). recheck: the same where the way from the last keyframe is lost in more than this
    share (see `keyframes.Lost`). None relies on the intervals alone. match_first: see `saliency.matched`.
    """

    combine: Combine = "max"
    begin: float = 0.0
    full: float = 1.0
    sure: float = 0.0
    margin: float = 0.0
    head_margin: float = 0.0
    hold: float = 0.0
    look_back: float = 0.0
    keyframe_every: int = 1
    keyframe_seconds: float = 0.15
    fine_seconds: float = 1.0
    between: Between = "greatest"
    surprise: float | None = None
    recheck: float | None = None
    match_first: bool = False

    def __post_init__(self) -> None:
        if self.keyframe_every < 1:
            raise OptionError(f"keyframes must be at least 1 frame apart, not {self.keyframe_every}")
        if not 0 <= self.margin <= 0.5:
            raise OptionError(f"the margin must lie between 0 and 0.5 of the short side, not {self.margin:g}")
        if not 0 <= self.hold <= 3600:
            raise OptionError(f"coverage cannot be held for {self.hold:g} seconds; give 0 to 3600")
        if not 0 <= self.look_back <= 5:
            raise OptionError(f"nobody is covered {self.look_back:g} seconds back; give 0 to 5")
        if not 0 <= self.sure <= 1:
            raise OptionError(f"a saliency lies between 0 and 1; it cannot be sure at {self.sure:g}")
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


class _Key(NamedTuple):
    """What a keyframe found on its cells: opacity (h, w); on the host the numbered pieces of people and of heads."""

    opacity: Float32Array
    people: Labels
    heads: Labels
    cells: Cells


@dataclass
class _Waiting:
    """A frame whose opacity (on cells) may still grow. flow: on cells, to the frame before."""

    opacity: Float32Array
    flow: Float32Array | None
    pts: Fraction
    cells: Cells
    size: tuple[int, int]


class TemplateSaliency:
    """The region that looks like any of some templates.

    extractor: where it is `Detailed`, some keyframes are looked at in detail too, see `Coverage.fine_seconds`.
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
        last: _Key | None = None
        waiting: deque[_Waiting] = deque()
        following = _Following(self.coverage)
        looks = _Looks(self)
        for group in groups:
            frame = group[-1]
            key = looks(frame, cut=any(each.flow is None for each in group))
            shape = (key.opacity.shape[0], key.opacity.shape[1])
            flows = [None if each.flow is None else ops.resize_flow(each.flow, shape) for each in group]
            found = between(None if last is None else last.opacity, key.opacity, flows, self.coverage.between)
            new = [
                _Waiting(opacity, flow, each.pts, key.cells, (each.image.shape[0], each.image.shape[1]))
                for each, flow, opacity in zip(group, flows, found, strict=True)
            ]
            if self.coverage.hold or self.coverage.look_back:
                following.advance(last, key, new, waiting)
            last = key
            waiting.extend(new)
            while waiting and (waiting[0].pts <= frame.pts - Fraction(self.coverage.look_back)):
                yield _at_full_size(waiting.popleft(), frame.image)
        device_like = None if last is None else last.opacity
        for each in waiting:
            assert device_like is not None
            yield _at_full_size(each, device_like)


def _at_full_size(frame: _Waiting, like: UInt8Array | Float32Array) -> Float32Array:
    return to_frame(ops.to_device(frame.opacity, ops.device_of(like)), frame.cells, frame.size)


class _Looks:
    """The network's view of keyframes of one video."""

    def __init__(self, region: TemplateSaliency) -> None:
        self._region = region
        self._templates: Sequence[Template] | None = None
        self._fine_at: Fraction | None = None

    def __call__(self, frame: _Frame, *, cut: bool) -> _Key:
        region, coverage = self._region, self._region.coverage
        saliency, heads, cells = self._look(region.extractor, frame.image)
        size = (frame.image.shape[0], frame.image.shape[1])
        if cut or self._fine_at is None or frame.pts - self._fine_at >= Fraction(coverage.fine_seconds):
            self._fine_at = frame.pts
            detailed = region.extractor.in_detail(*size) if isinstance(region.extractor, Detailed) else None
            finer = None if detailed is None else self._look(detailed, frame.image)
        else:
            finer = None
        if finer is not None:
            shape = (saliency.shape[0], saliency.shape[1])
            # One sure look suffices, however small what it saw is on the coarser cells.
            reach = 0.5 * finer[0].shape[0] / shape[0]
            saliency, heads = (
                ops.greatest([coarse, ops.resize_map(ops.dilate(fine, reach) if reach > 0.75 else fine, shape)])
                for coarse, fine in zip((saliency, heads), finer[:2], strict=True)
            )
        return key_of(saliency, heads, cells, size, coverage)

    def _look(self, extractor: FeatureExtractor, image: UInt8Array) -> tuple[Float32Array, Float32Array, Cells]:
        """Saliency of all templates and of those of heads, (h, w), and their cells."""
        grid = extractor(image[None])
        if self._templates is None:
            region = self._region
            self._templates = matched(region.templates, grid) if region.coverage.match_first else region.templates
        maps = clamped_cosines(grid, self._templates)[0]
        saliency = combine(maps, self._region.coverage.combine)
        of_heads = [maps[index] for index, template in enumerate(self._templates) if template.name in GROUPS["head"]]
        heads = ops.greatest(of_heads) if of_heads else ops.zeros(saliency.shape, device=ops.device_of(saliency))
        return saliency, heads, Cells(grid.stride, grid.offset)


def key_of(
    saliency: Float32Array, heads: Float32Array, cells: Cells, size: tuple[int, int], coverage: Coverage
) -> _Key:
    """Opacity and pieces of one frame of this size (height, width), from saliency (h, w) of everything and of heads."""
    nothing = np.zeros((saliency.shape[0], saliency.shape[1]), np.int32)
    if (coverage.begin, coverage.full, coverage.margin, coverage.sure) == (0, 1, 0, 0):
        return _Key(saliency, nothing, nothing, cells)
    # On cells half as large outlines have no steps.
    heads, _ = refine(heads, cells, 2)
    saliency, cells = refine(saliency, cells, 2)
    opacity = opacity_curve(saliency, coverage.begin, coverage.full)
    if coverage.sure:
        opacity = opacity * sure_pieces(saliency, coverage.begin, coverage.sure)
    # A cell of the descriptors at least: less than that nobody can know.
    radius = max(coverage.margin * min(size) / min(cells.stride), 2.0) if coverage.margin else 0.0
    in_heads = (opacity >= 1) & (heads >= coverage.full)
    if coverage.head_margin:
        grown = grow(ops.to_host(ops.as_float32(in_heads)) > 0, coverage.head_margin, least=radius)
        opacity = ops.greatest([ops.dilate(opacity, radius), ops.to_device(grown, ops.device_of(opacity))])
    elif radius:
        opacity = ops.dilate(opacity, radius)
    if not (coverage.hold or coverage.look_back):
        return _Key(opacity, nothing, nothing, cells)
    _, people = ops.pieces(ops.to_host(opacity) >= 1)
    _, numbers = ops.pieces(ops.to_host(ops.as_float32(in_heads)) > 0)
    return _Key(opacity, people, numbers, cells)


class _Following:
    """Who was found and is missed, in one video, see `tracking`."""

    def __init__(self, coverage: Coverage) -> None:
        self._coverage = coverage
        self._pieces: list[Piece] = []

    def advance(self, last: _Key | None, key: _Key, group: Sequence[_Waiting], before: Sequence[_Waiting]) -> None:
        """Cover in a group that ends in a keyframe, and in the frames `before`, what the network missed there."""
        now = group[-1].pts
        for frame in group:
            frame.opacity = np.array(ops.to_host(frame.opacity))
            flow = None if frame.flow is None else ops.to_host(frame.flow)
            frame.flow = flow
            for piece in self._pieces:
                if flow is None:
                    # After a cut it stays where it is for a while, since covering too much is safe.
                    piece.until = min(piece.until, frame.pts + Fraction(self._coverage.hold / 4))
                else:
                    piece.forward(flow)
                if frame.pts <= piece.until:
                    piece.draw(frame.opacity)
        found = ops.to_host(key.opacity)
        flows = [frame.flow for frame in group]
        earlier = np.zeros_like(found)
        fresh: list[Piece] = []
        if last is not None:
            people, heads = carried(last.people, flows), carried(last.heads, flows)
            if people is not None and heads is not None:
                fresh = missed(people, heads, found, now, hold=self._coverage.hold)
                earlier = (people > 0).astype(np.float32)
        for piece in self._pieces:
            piece.draw(earlier)
        if self._coverage.look_back and before:
            self._look_back(key, earlier, group, before)
        self._pieces = [p for p in self._pieces if p.until > now and p.missed_in(found)] + fresh
        for piece in fresh:
            piece.draw(group[-1].opacity)

    def _look_back(
        self, key: _Key, earlier: Float32Array, group: Sequence[_Waiting], before: Sequence[_Waiting]
    ) -> None:
        """Cover who is new at a keyframe in the frames before the last one, as far as they can be followed back."""
        now = group[-1].pts
        first = now - Fraction(self._coverage.look_back)
        everything = [*before, *group]
        for labels in (key.heads, key.people):
            for piece in appeared(labels, earlier, now, now):
                for index in range(len(everything) - 1, 0, -1):
                    flow, frame = everything[index].flow, everything[index - 1]
                    if flow is None or frame.pts < first:
                        break
                    piece.backward(flow)
                    if index - 1 < len(before):
                        if not piece.missed_in(frame.opacity):
                            break
                        piece.draw(frame.opacity)
