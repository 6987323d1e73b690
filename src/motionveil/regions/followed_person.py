"""Follows one selected person, so that everybody else can be hidden."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from .. import ops
from .._core.errors import OptionError
from .._core.types import Clip, Float32Array, Point, UInt8Array
from .region import Derived, Region

_log = logging.getLogger(__name__)

_SHORT_SIDE = 144
_PERSON = 0.3
"""Opacity from which a pixel belongs to a person; below one half, so that people count as touching early."""
_RIM, _GAP = 2.0, 4.0
"""Pixels of the small grid: the rim shown around the person, and the minimum gap to others."""
_STRANGE = 0.02
"""Maximum fraction of the person's area that may have belonged to others, as flow is not exact."""
_GROWTH, _LOSS = 1.35, 0.5
"""Maximum growth of the area within `_CAUTION` seconds, and the minimum fraction that must remain of it."""
_ALIKE = 0.45
"""Minimum similarity of the person's colours to those at the selected time, of 1."""
_CAUTION = Fraction(1, 2)
"""Seconds before an ambiguity that are hidden too, as it began before it became visible."""
_PATIENCE = 2
"""Seconds after which a grown outline becomes permanently ambiguous."""
_REACH = 8.0
"""Maximum gap between pieces of one person, in pixels of the small grid."""
_SURE = 0.9
"""Opacity from which a pixel is a head; hands resemble faces, but less clearly."""
_HEAD = 0.25
"""Minimum area of a second head, as a fraction of the largest."""


class FollowedPerson(Derived):
    """Opacity 1 on one person for as long as they can be told apart: `Difference(everyone, this)` keeps only them.

    The person is the connected component of the region at the point, carried from frame to frame by optical flow. From
    half a second before the first ambiguity on, opacity is 0 everywhere for the rest of the video. Ambiguities are: the
    outline touches another person's or contains a second head, the person is lost or their colours change, and scene
    cuts. Where the outline suddenly grows (somebody steps out from behind, or arms are spread), opacity is 0 from half
    a second before to half a second after, or permanently if it does not shrink back within two seconds. Before the
    selected time it is 0 too. Reads about half a second ahead.

    Args:
        region: Everybody, as a `TemplateSaliency` with the group ``person``.
        point: A point on the person, in pixels of the frame.
        time: Seconds on the source's clock; the first frame at or after it is used.
        heads: The region of heads; two heads in one outline are two people.
        end: Seconds; opacity is 0 from then on. None for the end of the video.

    Raises:
        OptionError: While streaming, if nobody is at the point, or people touch there.
    """

    def __init__(
        self,
        region: Region,
        point: Point,
        time: float = 0.0,
        *,
        heads: Region | None = None,
        end: float | None = None,
    ) -> None:
        if time < 0:
            raise OptionError(f"the time of a person must be at least 0 seconds, not {time:g}")
        if end is not None and end <= time:
            raise OptionError(f"a person who is picked at {time:g} s cannot be followed until {end:g} s already")
        self.parts = (region,) if heads is None else (region, heads)
        self.point, self.time, self.end = point, time, end

    def __repr__(self) -> str:
        return f"FollowedPerson({self.parts[0]!r}, x={self.point.x:g}, y={self.point.y:g}, time={self.time:g})"

    def derive(self, clips: Iterator[Clip], opacities: Sequence[Iterator[Float32Array]]) -> Iterator[Float32Array]:
        """Opacity (T, H, W) of each clip."""
        lengths: deque[int] = deque()
        ready: list[Float32Array] = []
        for opacity in self._confirmed(_frames(clips, opacities, lengths)):
            ready.append(opacity)
            if len(ready) == lengths[0]:
                lengths.popleft()
                yield ops.stack(ready)
                ready = []

    def _confirmed(self, frames: Iterator[_SmallFrame]) -> Iterator[Float32Array]:
        """Opacity of each frame, emitted once no ambiguity can affect it any more."""
        begin = Fraction(self.time).limit_denominator(1_000_000)
        end = None if self.end is None else Fraction(self.end).limit_denominator(1_000_000)
        follower: _Follower | None = None
        doubt: str | None = None
        waiting: deque[tuple[_SmallFrame, ops.Mask]] = deque()
        for number, frame in enumerate(frames):
            # 0 means the beginning, wherever that is; half a second is within the tolerance of a user's time.
            if number == 0 and 0 < begin < frame.pts - _CAUTION:
                raise OptionError(
                    f"{self.time:g} s is before the start of the processed part at {float(frame.pts):g} s; "
                    "choose a time within it"
                )
            kept = np.zeros(frame.person.shape, bool)
            if follower is None and frame.pts >= begin:
                follower = _Follower(frame, self.point)
            elif follower is not None and doubt is None:
                doubt = follower.advance(frame)
                if doubt is not None:
                    last = frame.pts if frame.flow is None else max(begin, frame.pts - _CAUTION)
                    _log.info(
                        "the person at %g,%g is visible until %.2f s at most, and hidden afterwards: at %.2f s %s",
                        *(*self.point, float(last), float(frame.pts), doubt),
                    )
                # A cut is unrelated to the frames before it.
                if follower.wary or (doubt is not None and frame.flow is not None):
                    for before, shown in waiting:
                        shown &= before.pts < frame.pts - _CAUTION
            over = end is not None and frame.pts >= end
            if follower is not None and doubt is None and not follower.wary and not over:
                kept = follower.shown
            waiting.append((frame, kept))
            while waiting and (follower is None or doubt or waiting[0][0].pts < frame.pts - _CAUTION):
                yield _at_full_size(*waiting.popleft())
        if follower is None:
            raise OptionError(f"there is no frame at {self.time:g} s to select a person in; choose an earlier time")
        for item in waiting:
            yield _at_full_size(*item)


class _SmallFrame(NamedTuple):
    """A frame on a small grid, in host memory."""

    image: UInt8Array
    person: ops.Mask
    heads: ops.Mask | None
    flow: Float32Array | None
    pts: Fraction
    size: tuple[int, int]
    device: ops.Device


def _frames(
    clips: Iterator[Clip], opacities: Sequence[Iterator[Float32Array]], lengths: deque[int]
) -> Iterator[_SmallFrame]:
    for clip, *maps in zip(clips, *opacities, strict=True):
        lengths.append(len(clip))
        size = (clip.frames.shape[1], clip.frames.shape[2])
        scale = min(1.0, _SHORT_SIDE / min(size))
        small = (max(1, round(size[0] * scale)), max(1, round(size[1] * scale)))
        flows = clip.flow_to_previous or (None,) * len(clip)
        for index, (image, flow, pts) in enumerate(zip(clip.frames, flows, clip.pts, strict=True)):
            person, *heads = (ops.to_host(ops.resize_map(each[index], small)) for each in maps)
            yield _SmallFrame(
                ops.to_host(ops.resize_image(image, small)),
                person > _PERSON,
                heads[0] > _SURE if heads else None,
                None if flow is None else ops.to_host(ops.resize_flow(flow, small)),
                pts,
                size,
                ops.device_of(image),
            )


class _Follower:
    """The state of following one person through a video. kept: their mask, (h, w) on the small grid."""

    def __init__(self, frame: _SmallFrame, point: Point) -> None:
        (height, width), (rows, columns) = frame.size, frame.person.shape
        if not (0 <= point.x < width and 0 <= point.y < height):
            raise OptionError(f"the point {point.x:g},{point.y:g} is outside the {width}x{height} frame")
        _, pieces = ops.pieces(frame.person)
        number = pieces[int(point.y * rows / height), int(point.x * columns / width)]
        when = f"at {float(frame.pts):.2f} s"
        if number == 0:
            raise OptionError(
                f"nobody was found at {point.x:g},{point.y:g} {when}; choose a point in the middle of a person, "
                "in a frame where the `preview` shows that they are found"
            )
        self.kept: ops.Mask = pieces == number
        if _heads_in(self.kept, frame.heads) > 1:
            raise OptionError(
                f"the person at {point.x:g},{point.y:g} touches another {when}; choose a time when they stand apart"
            )
        self._others = frame.person & ~self.kept
        self._colours = ops.colours_in(frame.image, self.kept)
        self._areas = deque([(frame.pts, self._area)])
        self._before_growth: int | None = None
        self._growth_began = self._last_grown = frame.pts

    @property
    def shown(self) -> ops.Mask:
        """The mask of the person, dilated like the region, but not near others."""
        rim, near = (
            ops.dilate(mask.astype(np.float32), reach) > 0 for mask, reach in ((self.kept, _RIM), (self._others, _GAP))
        )
        return rim & ~near

    @property
    def wary(self) -> bool:
        """Whether the outline has grown and may include somebody else."""
        return self._before_growth is not None

    @property
    def _area(self) -> int:
        return int(self.kept.sum())

    def advance(self, frame: _SmallFrame) -> str | None:
        """Advance by one frame. Returns the reason if the person becomes ambiguous, None otherwise."""
        if frame.flow is None:
            return "the scene changes"
        area = self._area
        kept, others = (_carried(mask, frame.flow) & frame.person for mask in (self.kept, self._others))
        count, pieces = ops.pieces(frame.person)
        own, strange = (np.bincount(pieces[mask], minlength=count + 1) for mask in (kept, others))
        own[0] = 0
        largest = pieces == int(np.argmax(own))
        near = np.bincount(pieces[ops.dilate(largest.astype(np.float32), _REACH) > 0], minlength=count + 1) > 0
        claimed = (own > _STRANGE * area) & near
        self.kept = claimed[pieces]
        self._others = frame.person & ~self.kept
        if self._area < _LOSS * (self._before_growth or max(past for _, past in self._areas)):
            return "they are lost or occluded"
        if int(strange[claimed].sum()) > max(4, _STRANGE * area):
            return "they touch another person"
        if _heads_in(self.kept, frame.heads) > 1:
            return "their outline contains a second head"
        if float(np.minimum(self._colours, ops.colours_in(frame.image, self.kept)).sum()) < _ALIKE:
            return "their colours have changed"
        self._watch_growth(frame.pts)
        if self.wary and frame.pts - self._growth_began > _PATIENCE:
            return "their outline has grown, as if another person had joined them"
        return None

    def _watch_growth(self, pts: Fraction) -> None:
        """Enter caution when the area has grown, and leave it once it was back to normal for a while."""
        now = self._area
        while pts - self._areas[0][0] > _CAUTION:
            self._areas.popleft()
        if self._before_growth is None:
            least = min(past for _, past in self._areas)
            if now > _GROWTH * least:
                self._before_growth, self._growth_began = least, pts
        if self._before_growth is not None:
            if now > _GROWTH * self._before_growth:
                self._last_grown = pts
            elif pts - self._last_grown > _CAUTION:
                self._before_growth = None
        self._areas.append((pts, now))


def _carried(mask: ops.Mask, flow: Float32Array) -> ops.Mask:
    """The previous frame's mask, carried to this frame by flow."""
    return ops.warp(mask.astype(np.float32), flow, border="zero") > 0.5


def _heads_in(mask: ops.Mask, heads: ops.Mask | None) -> int:
    """Number of heads of relevant size within a mask."""
    if heads is None:
        return 0
    _, pieces = ops.pieces(heads & mask)
    areas = np.bincount(pieces.ravel())[1:]
    return int((areas > max(4.0, _HEAD * areas.max(initial=0))).sum())


def _at_full_size(frame: _SmallFrame, kept: ops.Mask) -> Float32Array:
    """Opacity (H, W) of a frame: 1 inside, falling to 0 within the outline."""
    opacity = ops.resize_map(ops.to_device(kept.astype(np.float32), frame.device), frame.size)
    return (2 * opacity - 1).clip(0, 1)
