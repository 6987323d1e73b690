"""How opacity is made of saliency, in space and over time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import get_args

from .._core.errors import OptionError
from ..detection.keyframes import Between
from ..detection.saliency import Combine


@dataclass(frozen=True)
class Coverage:
    """How opacity is made of saliency, in space and over time.

    combine: of several templates, see `saliency.combine`. begin, full: see `saliency.opacity_curve`. sure: what is
    connected counts only where its saliency reaches this somewhere; 0 counts everything.
    head_gain: the saliency of heads counts this many times, so that they are covered with less evidence than bodies.
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
    head_gain: float = 1.0
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
        if not self.head_gain >= 1:
            raise OptionError(f"heads cannot count {self.head_gain:g} times; give 1 or more")
        if self.between not in get_args(Between):
            raise OptionError(f"no way {self.between!r} between keyframes; choose from {', '.join(get_args(Between))}")
        if self.recheck is not None and not 0 < self.recheck <= 1:
            raise OptionError(
                f"keyframes are rechecked at a share of the frame above 0 and up to 1 (1: never), not {self.recheck:g}"
            )

    def with_opacity(self, begin: float, full: float) -> Coverage:
        """The same with opacity from other saliency. Who is as faint as is asked for is not left out as uncertain."""
        return replace(self, begin=begin, full=full, sure=self.sure * min(1.0, full / self.full))

    @property
    def follows(self) -> bool:
        """Whether who was found is covered where the network misses them."""
        return bool(self.hold or self.look_back)

    @property
    def is_plain(self) -> bool:
        """Whether opacity is the saliency itself, as published."""
        plain = (self.begin, self.full, self.margin, self.sure, self.head_gain) == (0, 1, 0, 0, 1)
        return plain and not self.follows
