"""Keeps encoders from taking real-time priority."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Undo real-time scheduling that starts within the block.

    Where permitted (as root in a container), SVT-AV1 gives real-time priority to the opening thread, all of its own
    threads and thereby all threads started later, which starves the rest of the machine. On Linux, threads of this
    process that acquired it within the block return to the policy of the opening thread.
    """
    if not _TASKS.is_dir() or not hasattr(os, "sched_setscheduler"):
        yield
        return
    before = _real_time()
    policy, parameter = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in _real_time() - before:
            with suppress(OSError):  # the thread has ended meanwhile
                os.sched_setscheduler(thread, policy, parameter)


def _real_time() -> set[int]:
    """Threads of this process with real-time priority."""
    found = set()
    for task in _TASKS.iterdir():
        with suppress(OSError):
            if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                found.add(int(task.name))
    return found
