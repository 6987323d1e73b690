"""Being told to end: what must not be torn apart is finished first."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN = 5.0
"""Seconds after which a second interrupt is heard. Before, it would only disturb the cleaning up after the first."""


class Interrupts:
    """A handler of signals that raises KeyboardInterrupt, once, and not while something must not be torn apart."""

    def __init__(self) -> None:
        self.told = False
        """Whether one has come."""
        self._when = float("-inf")
        self._depth = 0
        self._waiting = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self._depth:
            self._waiting = True
            return
        if time.monotonic() < self._when + _AGAIN:
            return
        self.told, self._when = True, time.monotonic()
        raise KeyboardInterrupt

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """Interrupts that come within the block are raised at its end, unless an error is."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._waiting and not self._depth:
            self._waiting = False
            self(signal.SIGINT, None)

    def reset(self) -> None:
        """Forget what has come."""
        self.told, self._when, self._waiting = False, float("-inf"), False


interrupts = Interrupts()
"""The one of this process; it does something only where it was made the handler of signals."""
