"""Signal handling: from start to exit, a signal leads to one message and exit code 130."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from .._core.interrupts import interrupts

INTERRUPTED = 130
SENTENCE = "motionveil: interrupted; no partial output was kept"
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # the last is sent when a terminal closes


def told_to_end() -> int:
    """Print the message, whatever the state of the process. Returns the exit code."""
    with suppress(OSError):
        os.write(2, f"{SENTENCE}\n".encode())
    return INTERRUPTED


def _leave_at_once(number: int, frame: FrameType | None) -> None:
    """Before any work has begun there is nothing to clean up: exit at once, as libraries may be half imported."""
    os._exit(told_to_end())


@contextmanager
def listening() -> Iterator[None]:
    """Handle signals within the block; those that are ignored already (nohup) stay ignored."""
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
            if signal.getsignal(number) not in (signal.SIG_IGN, None):
                before[number] = signal.signal(number, _leave_at_once)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def clean_up_from_now_on() -> None:
    """From now on, signals raise KeyboardInterrupt, so that work in progress is cleaned up."""
    interrupts.reset()
    for number in (getattr(signal, name) for name in _NAMES if hasattr(signal, name)):
        if signal.getsignal(number) is _leave_at_once:
            signal.signal(number, interrupts)


def leave(code: int) -> None:
    """End the process here if it was interrupted, or if a thread still waits for its source. Otherwise return.

    At its regular exit, Python frees resources that such threads, and those of the inference library, still use, and
    the process would abort.
    """
    waiting = any(thread.name == "motionveil-stage" and thread.is_alive() for thread in threading.enumerate())
    if not (interrupts.told or waiting):
        return
    from .._core.atomic_files import remove_all_hidden

    remove_all_hidden()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
