"""One continuous clock for recordings that were concatenated, restarted, or jump (containers with a free clock)."""

from __future__ import annotations

from fractions import Fraction

_LONGEST_STEP = Fraction(10)  # maximum seconds between two packets of a stream, as in the ffmpeg program
_LONGEST_STEP_BACK = Fraction(1, 50)  # tolerance for rounding and muxing
_REMEMBERED = 2  # packets of the previous segment may still follow those of the next


class Timeline:
    """Shifts times so that they continue where the clock of a container jumps, in storage order of the packets.

    All streams are shifted together, so that audio stays in sync.
    """

    def __init__(self) -> None:
        self._shifts = [Fraction(0)]
        self._ends: dict[int, Fraction] = {}
        self._lasts: dict[int, Fraction] = {}
        self._steps: dict[int, Fraction] = {}
        self.seams: list[Fraction] = []
        """Where the clock jumped, in seconds after shifting."""

    @property
    def latest(self) -> Fraction:
        """The current offset."""
        return self._shifts[-1]

    def shift(self, stream: int, time: Fraction, duration: Fraction) -> Fraction:
        """The offset, in seconds, for a packet of this video or audio stream with this decoding time.

        Sparse streams (subtitles, tables) reveal nothing about the clock and use `latest`.
        """
        shift = next((each for each in reversed(self._shifts) if self._fits(stream, time + each)), None)
        if shift is None:
            seam = self._ends.get(stream, max(self._ends.values()))
            shift = seam - time
            self.seams.append(seam)
            self._shifts = [*self._shifts[1 - _REMEMBERED :], shift]
        moved = time + shift
        step = duration or moved - self._lasts.get(stream, moved)
        if 0 < step <= _LONGEST_STEP:
            self._steps[stream] = step
        self._lasts[stream] = max(moved, self._lasts.get(stream, moved))
        self._ends[stream] = max(moved + self._steps.get(stream, Fraction(0)), self._ends.get(stream, moved))
        return shift

    def _fits(self, stream: int, time: Fraction) -> bool:
        if not self._lasts:
            return True
        latest = max(self._lasts.values())
        first = self._lasts.get(stream, latest - _LONGEST_STEP) - _LONGEST_STEP_BACK
        return first < time <= latest + _LONGEST_STEP
