"""Which frames damage spoils."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av


class Trouble:
    """Which frames damage spoils: all from there to the next frame that needs no other.

    Decoders conceal what is missing by smeared pictures, in which nothing can be found.
    """

    def __init__(self) -> None:
        self.goes_on = False
        self.ended = False
        """Whether the frame that was asked about last is the first good one."""
        self._from: int | None = None
        self._to: int | None = None

    def begin(self) -> None:
        """The next frame is spoilt."""
        self.goes_on = True

    def begin_at(self, packet: av.Packet[Any]) -> None:
        """A packet is damaged: what it makes is shown at its time, but what is decoded after it may be shown before."""
        if packet.dts is None or packet.pts is None:
            self.begin()
            return
        self._from = packet.dts if self._from is None else min(self._from, packet.dts)
        self._to = packet.pts if self._to is None else max(self._to, packet.pts)

    def spoils(self, frame: av.VideoFrame) -> bool:
        """Whether this frame, the next in the order of display, is not to be used."""
        at = stamp(frame)
        if self._from is not None and at is not None and at >= self._from:
            self.goes_on, self._from = True, None
        if self.goes_on and frame.key_frame and (self._to is None or at is None or at > self._to):
            self.goes_on, self.ended, self._to = False, True, None
        return self.goes_on


def stamp(frame: av.VideoFrame) -> int | None:
    """What tells a frame from the others of its stream: when it is shown, or decoded where nothing says that."""
    return frame.dts if frame.pts is None else frame.pts


def with_following(packets: Iterator[av.Packet[Any] | None]) -> Iterator[tuple[av.Packet[Any] | None, ...]]:
    """Each with the two that come after it: parsers note damage up to two packets early."""
    waiting: deque[av.Packet[Any] | None] = deque()
    for packet in chain(packets, [None, None]):
        waiting.append(packet)
        if len(waiting) == 3:
            yield tuple(waiting)
            waiting.popleft()
