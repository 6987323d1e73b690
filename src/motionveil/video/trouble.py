"""Tracks which frames are corrupted by damage."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import av


class Trouble:
    """Tracks corrupted frames: all from the damage to the next frame that decodes independently.

    Decoders conceal missing data with smeared frames, in which no detection is possible.
    """

    def __init__(self) -> None:
        self.goes_on = False
        self.ended = False
        """Whether the last queried frame is the first intact one."""
        self._from: int | None = None
        self._to: int | None = None

    def begin(self) -> None:
        """Mark the next frame as corrupted."""
        self.goes_on = True

    def begin_at(self, packet: av.Packet[Any]) -> None:
        """Mark a packet as damaged: its frame is shown at its time, but later-decoded frames may be shown earlier."""
        if packet.dts is None or packet.pts is None:
            self.begin()
            return
        self._from = packet.dts if self._from is None else min(self._from, packet.dts)
        self._to = packet.pts if self._to is None else max(self._to, packet.pts)

    def spoils(self, frame: av.VideoFrame) -> bool:
        """Whether this frame, the next in display order, is corrupted."""
        at = stamp(frame)
        if self._from is not None and at is not None and at >= self._from:
            self.goes_on, self._from = True, None
        if self.goes_on and frame.key_frame and (self._to is None or at is None or at > self._to):
            self.goes_on, self.ended, self._to = False, True, None
        return self.goes_on


def stamp(frame: av.VideoFrame) -> int | None:
    """The identity of a frame within its stream: its presentation time, or decoding time if it has none."""
    return frame.dts if frame.pts is None else frame.pts


def with_following(packets: Iterator[av.Packet[Any] | None]) -> Iterator[tuple[av.Packet[Any] | None, ...]]:
    """Each packet with the two that follow it, because parsers report damage up to two packets early."""
    waiting: deque[av.Packet[Any] | None] = deque()
    for packet in chain(packets, [None, None]):
        waiting.append(packet)
        if len(waiting) == 3:
            yield tuple(waiting)
            waiting.popleft()
