"""Keeps encoders from taking over the machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TASKS = Path("/proc/self/task")


@contextmanager
def ordinary_scheduling() -> Iterator[None]:
    """Undo real-time scheduling that starts within.

    Where it may, as root in a container, SVT-AV1 gives the thread that opens it, all of its own threads, and so all
    that are started later, real-time priority: they starve everything else on the machine. On Linux threads of this
    process that have it afterwards, and had it not before, get back the policy that the opening thread had.
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
            with suppress(OSError):  # it has ended meanwhile
                os.sched_setscheduler(thread, policy, parameter)


def _real_time() -> set[int]:
    """Threads of this process with real-time priority."""
    found = set()
    for task in _TASKS.iterdir():
        with suppress(OSError):
            if os.sched_getscheduler(int(task.name)) in (os.SCHED_FIFO, os.SCHED_RR):
                found.add(int(task.name))
    return found
