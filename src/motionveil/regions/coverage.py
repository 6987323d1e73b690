"""Settings that turn saliency into an opacity mask, in space and over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, get_args

from .._core.errors import OptionError
from ..detection.keyframes import Between
from ..detection.saliency import Combine


@dataclass(frozen=True)
class Coverage:
    """Settings that turn saliency into an opacity mask, in space and over time.

    Attributes:
        combine: How the maps of several templates are combined, see `saliency.combine`.
        thresholds: Saliency at which opacity starts to rise above 0, and at which it reaches 1; see
            `saliency.opacity_curve`.
        sure: Hysteresis: a connected component counts only if its saliency reaches this value somewhere; 0 disables it.
        head_gain: Factor on the saliency of heads, so that they are covered with less evidence than bodies.
        margin: Dilation of the mask, as a fraction of the frame's short side.
        head_margin: Dilation of heads, as a fraction of their own size, where that is larger.
        hold: Seconds for which a detected person or head stays covered after being missed, wherever they move; other
            parts for a quarter of that, see `tracking.missed`.
        look_back: Seconds before their first detection for which people are covered; delays the output by as much.
        keyframe_every: Run the network on every N-th frame. Between keyframes, masks are carried by optical flow.
        keyframe_seconds: Maximum time between keyframes, in seconds; whichever comes first counts.
        between: How masks carried from the previous and the next keyframe are joined, see `keyframes.Between`.
        fine_seconds: Seconds between keyframes that are also processed at full resolution, in addition to scene cuts;
            see `TemplateSaliency`.
        surprise: Insert a keyframe where this fraction of a frame is new (see `keyframes.Surprise`); None disables it.
        recheck: Insert a keyframe where flow from the last one is invalid in more than this fraction of the frame (see
            `keyframes.Lost`); None disables it.
        match_first: See `saliency.matched`.

    Raises:
        OptionError: For values out of range.
    """

    combine: Combine = "max"
    thresholds: tuple[float, float] = (0.0, 1.0)
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
        low, high = self.thresholds
        if not 0 <= low < high <= 1:
            raise OptionError(
                f"the thresholds {low:g},{high:g} must be two rising numbers from 0 to 1, such as 0.2,0.4"
            )
        if self.keyframe_every < 1:
            raise OptionError(f"keyframes must be at least 1 frame apart, not {self.keyframe_every}")
        if not 0 <= self.margin <= 0.5:
            raise OptionError(f"the margin must be between 0 and 0.5 of the short side, not {self.margin:g}")
        if not 0 <= self.hold <= 3600:
            raise OptionError(f"hold must be between 0 and 3600 seconds, not {self.hold:g}")
        if not 0 <= self.look_back <= 5:
            raise OptionError(f"look-back must be between 0 and 5 seconds, not {self.look_back:g}")
        if not 0 <= self.sure <= 1:
            raise OptionError(f"sure must be a saliency between 0 and 1, not {self.sure:g}")
        if not self.head_gain >= 1:
            raise OptionError(f"the head gain must be at least 1, not {self.head_gain:g}")
        if self.between not in get_args(Between):
            raise OptionError(f"unknown value {self.between!r} for between; choose from {', '.join(get_args(Between))}")
        if self.recheck is not None and not 0 < self.recheck <= 1:
            raise OptionError(
                f"recheck must be a fraction of the frame above 0 and up to 1 (1: never), not {self.recheck:g}"
            )

    def with_thresholds(self, low: float, high: float) -> Coverage:
        """A copy with other thresholds. `sure` is lowered with them, so that faint detections are kept."""
        return replace(self, thresholds=(low, high), sure=self.sure * min(1.0, high / self.thresholds[1]))

    def as_record(self) -> dict[str, Any]:
        """The settings as JSON-serialisable data. The thresholds are stored as `begin` and `full`."""
        record = asdict(self)
        begin, full = record.pop("thresholds")
        return {"begin": begin, "full": full, **record}

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> Coverage:
        """The inverse of `as_record`. Raises TypeError or KeyError if the record is invalid."""
        options = dict(record)
        return cls(thresholds=(options.pop("begin"), options.pop("full")), **options)

    @property
    def follows(self) -> bool:
        """Whether detected people stay covered while the network misses them."""
        return bool(self.hold or self.look_back)

    @property
    def is_plain(self) -> bool:
        """Whether opacity is the saliency itself, as published."""
        plain = (*self.thresholds, self.margin, self.sure, self.head_gain) == (0, 1, 0, 0, 1)
        return plain and not self.follows
