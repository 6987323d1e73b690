"""How many cores of the machine this process may use."""

from __future__ import annotations

import os

THREADS = "MOTIONVEIL_THREADS"
"""Environment variable that limits the number, for several processes on one machine."""


def thread_limit() -> int | None:
    """The number of cores that this process was told to use; None if it was told nothing."""
    told = os.environ.get(THREADS, "")
    return max(1, int(told)) if told.isdecimal() else None


def cores() -> int:
    """The number of cores for this process, at least 1: those it may run on, and no more than it was told."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(allowed, thread_limit() or allowed)


def share_of_cores(processes: int) -> int:
    """The number of cores for each of several processes at once, at least 1."""
    return max(1, cores() // processes)
