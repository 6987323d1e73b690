"""Irregularities met while reading a source, and the messages about them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

_LONGEST_FILL = 60  # seconds; longer gaps are not filled with repeated frames
_LISTED = 3


@dataclass
class Story:
    """Irregularities of one pass over a video; times in seconds.

    Attributes:
        shortfall: Why it ended early; None if it did not.
        damage: (start, end) of parts that could not be decoded.
        seams: Times at which the clock jumped.
        shapes: (width, height) of frames that differ from the first, and when they first appeared.
    """

    shortfall: str | None = None
    damage: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    seams: list[Fraction] = field(default_factory=list)
    shapes: dict[tuple[int, int], Fraction] = field(default_factory=dict)

    def missing(
        self, name: str, until: Fraction, frames: int, expected: int | None, duration: Fraction | None
    ) -> str | None:
        """The message that a part is missing, without its end; None for a complete video."""
        parts = []
        if self.damage:
            times = [f"from {float(first):.2f} s to {float(last):.2f} s" for first, last in self.damage]
            parts.append(f"is damaged: the last intact frame is repeated {_some(times)}")
        if self.shortfall is not None:
            of_frames = f" of {expected}" if expected else ""
            of_length = "" if duration is None else f" of {float(duration):.2f} s"
            parts.append(
                f"{self.shortfall}: {frames}{of_frames} frames could be read, up to {float(until):.2f} s{of_length}"
            )
        return f"{name} {'; it '.join(parts)}" if parts else None

    def oddities(self, name: str, size: tuple[int, int]) -> Iterator[str]:
        """Messages about what was adapted. size: (width, height) of the video."""
        seams = [seam for seam, before in zip(self.seams, [None, *self.seams], strict=False) if _is_apart(before, seam)]
        if seams:
            times = [f"{float(seam):.2f} s" for seam in seams]
            yield f"{name} consists of several recordings, or its clock jumps, at {_some(times)}: gaps are closed"
        if self.shapes:
            times = [f"{width}x{height} from {float(time):.2f} s" for (width, height), time in self.shapes.items()]
            yield f"{name} changes its size ({_some(times)}): those frames are letterboxed to {size[0]}x{size[1]}"


def times_between(first: Fraction, last: Fraction, interval: Fraction) -> list[Fraction]:
    """The times of the missing frames between two others, an interval apart; none for very long gaps."""
    count = round((last - first) / interval)
    return [] if last - first > _LONGEST_FILL else [first + number * interval for number in range(1, count)]


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more times" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def _is_apart(before: Fraction | None, seam: Fraction) -> bool:
    return before is None or abs(seam - before) > 1
