"""Interrupts that are deferred during critical sections."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_AGAIN = 5.0
"""Seconds after which a second interrupt is accepted. Earlier ones would only disturb the clean-up after the first."""


class Interrupts:
    """A signal handler that raises KeyboardInterrupt once, and not within a `deferred` block."""

    def __init__(self) -> None:
        self.told = False
        """Whether an interrupt has arrived."""
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
        """Interrupts that arrive within the block are raised at its end, unless another error is."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self._waiting and not self._depth:
            self._waiting = False
            self(signal.SIGINT, None)

    def reset(self) -> None:
        """Forget earlier interrupts."""
        self.told, self._when, self._waiting = False, float("-inf"), False


interrupts = Interrupts()
"""The handler of this process; has an effect only once installed as a signal handler."""
