"""Presentation times of decoded frames: exact, in seconds, strictly increasing."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av


class Clock:
    """Assigns a time to each frame, in display order.

    Args:
        interval: Seconds between two frames, for frames without a timestamp.
        origin: Container time that becomes zero; None for that of the first frame.
        decoding_order: Use decoding timestamps, for containers that store no others.
        is_counted: Ignore all timestamps and count frames.
    """

    def __init__(
        self,
        interval: Fraction,
        origin: Fraction | None = Fraction(0),
        decoding_order: bool = False,
        *,
        is_counted: bool = False,
    ) -> None:
        self._interval = interval
        self._origin = origin
        self._decoding_order = decoding_order
        self._is_counted = is_counted
        self._last: Fraction | None = None
        self._jump = Fraction(0)

    def __call__(self, frame: av.VideoFrame) -> Fraction:
        """The time of the next frame.

        A time that does not increase is repaired: by half an interval where timestamps are out of order, by shifting
        all that follow where they restart (concatenated recordings).
        """
        time = self._stamp(frame)
        if time is not None and self._origin is None:
            self._origin = time
        if time is not None:
            time += self._jump - (self._origin or 0)
        if self._last is None:
            self._last = Fraction(0) if time is None else time
            return self._last
        if time is None:
            time = self._last + self._interval
        elif time <= self._last - 1:
            self._jump += self._last + self._interval - time
            time = self._last + self._interval
        elif time <= self._last:
            time = self._last + self._interval / 2
        self._last = time
        return time

    def _stamp(self, frame: av.VideoFrame) -> Fraction | None:
        if self._is_counted:
            return None
        stamp = frame.dts if self._decoding_order or frame.pts is None else frame.pts
        return None if stamp is None or frame.time_base is None else stamp * frame.time_base
