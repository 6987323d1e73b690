"""What happened while a source was read, and how to say it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

_LONGEST_FILL = 60  # seconds; a longer gap is one picture that stands
_LISTED = 3


@dataclass
class Story:
    """Everything unusual about one pass over a video; times are seconds.

    shortfall: why it ended early, None where it did not. damage: from when to when nothing could be used. seams: where
    the clock jumped. shapes: (width, height) of pictures of another size or shape, and when they came first.
    """

    shortfall: str | None = None
    damage: list[tuple[Fraction, Fraction]] = field(default_factory=list)
    seams: list[Fraction] = field(default_factory=list)
    shapes: dict[tuple[int, int], Fraction] = field(default_factory=dict)

    def missing(
        self, name: str, until: Fraction, frames: int, expected: int | None, duration: Fraction | None
    ) -> str | None:
        """That a part is missing, as a sentence without its end; None for a complete video."""
        parts = []
        if self.damage:
            times = [f"from {float(first):.2f} s to {float(last):.2f} s" for first, last in self.damage]
            parts.append(f"is damaged: {_some(times)} the last good picture stands")
        if self.shortfall is not None:
            of_frames = f" of {expected}" if expected else ""
            of_length = "" if duration is None else f" of {float(duration):.2f} s"
            parts.append(
                f"{self.shortfall}: {frames}{of_frames} frames could be read, up to {float(until):.2f} s{of_length}"
            )
        return f"{name} {'; it '.join(parts)}" if parts else None

    def oddities(self, name: str, size: tuple[int, int]) -> Iterator[str]:
        """Sentences on what was changed so that it fits. size: (width, height) of the film."""
        seams = [seam for seam, before in zip(self.seams, [None, *self.seams], strict=False) if _is_apart(before, seam)]
        if seams:
            times = [f"{float(seam):.2f} s" for seam in seams]
            yield f"{name} was joined from several recordings, or its clock jumps, at {_some(times)}: no gap is left"
        if self.shapes:
            times = [f"{width}x{height} from {float(time):.2f} s on" for (width, height), time in self.shapes.items()]
            yield f"{name} changes its size ({_some(times)}): such pictures are laid into {size[0]}x{size[1]}"


def times_between(first: Fraction, last: Fraction, interval: Fraction) -> list[Fraction]:
    """The times of frames that are missing between two others, an interval apart; none where the gap is very long."""
    count = round((last - first) / interval)
    return [] if last - first > _LONGEST_FILL else [first + number * interval for number in range(1, count)]


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _LISTED} more times" if len(texts) > _LISTED else ""
    return ", ".join(texts[:_LISTED]) + more


def _is_apart(before: Fraction | None, seam: Fraction) -> bool:
    return before is None or abs(seam - before) > 1
