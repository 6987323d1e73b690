"""One clock for recordings that were joined, restarted, or jump: what FFmpeg's containers with a free clock need."""

from __future__ import annotations

from fractions import Fraction

_LONGEST_STEP = Fraction(10)  # seconds that may lie between two packets of a stream; FFmpeg's own program says the same
_LONGEST_STEP_BACK = Fraction(1, 50)  # what rounding and muxing may do
_REMEMBERED = 2  # packets of the stretch before may still follow those of the next


class Timeline:
    """Moves times so that they go on where the clock of a container jumps; in the order in which packets are stored.

    All streams are moved together, so that sound stays with its pictures.
    """

    def __init__(self) -> None:
        self._shifts = [Fraction(0)]
        self._ends: dict[int, Fraction] = {}
        self._lasts: dict[int, Fraction] = {}
        self._steps: dict[int, Fraction] = {}
        self.seams: list[Fraction] = []
        """Where the clock jumped, in seconds after moving."""

    @property
    def latest(self) -> Fraction:
        """What is added now."""
        return self._shifts[-1]

    def shift(self, stream: int, time: Fraction, duration: Fraction) -> Fraction:
        """What to add to the times of a packet of this stream of pictures or sound, decoded at this time; in seconds.

        Streams that are silent for long (subtitles, tables) say nothing about the clock: they take `latest`.
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
