"""Who works on a batch: this process, or several others on this machine."""

from __future__ import annotations

import os
import pickle
import queue
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

from .._core.cores import THREADS, share_of_cores
from .making import Job, Maker, Order, Outcome
from .runner import Progress

Take = Callable[[], Job | None]
"""Returns the next job; None while there is none."""
Outcomes = Generator[Outcome, None, None]
OnJobProgress = Callable[[Job, Progress], None]
_PATIENCE = 10.0
"""Seconds that a process has to clean up after itself."""


class Workers(Protocol):
    """Work on jobs. Takes one whenever there is somebody for it, and none in advance."""

    def run(self, take: Take, on_progress: OnJobProgress) -> Outcomes:
        """Yield outcomes until there is no job left; jobs that become available meanwhile are taken too.

        Closing the generator ends the work, without partial outputs.
        """
        ...


class InProcess:
    """Works here, on one job at a time."""

    def __init__(self, order: Order) -> None:
        self._maker = Maker(order)

    def run(self, take: Take, on_progress: OnJobProgress) -> Outcomes:
        """See `Workers`."""
        while (job := take()) is not None:
            yield self._maker.attempt(job, partial(on_progress, job))


class Processes:
    """Processes on this machine, each with its share of the cores and networks of its own.

    One that is killed costs its job an attempt, and is replaced.
    """

    def __init__(self, order: Order, count: int) -> None:
        self._order, self._count = order, count

    def run(self, take: Take, on_progress: OnJobProgress) -> Outcomes:
        """See `Workers`."""
        news: queue.Queue[tuple[_Process, Any]] = queue.Queue()
        everybody: set[_Process] = set()
        busy: dict[_Process, Job] = {}
        try:
            while True:
                while len(busy) < self._count and (job := take()) is not None:
                    idle = everybody - busy.keys()
                    process = idle.pop() if idle else _Process(self._order, share_of_cores(self._count), news)
                    everybody.add(process)
                    busy[process] = job
                    process.tell(job)
                if not busy:
                    return
                process, message = news.get()
                if isinstance(message, Progress):
                    on_progress(busy[process], message)
                elif isinstance(message, Outcome):
                    del busy[process]
                    yield warned(message)
                else:
                    everybody.discard(process)
                    process.close()
                    if process in busy:
                        yield lost(busy.pop(process))
        finally:
            for process in everybody:
                process.end()
            for process in everybody:
                process.close()


def warned(outcome: Outcome) -> Outcome:
    """The same; issues here the warnings that another process did not show."""
    for text in () if outcome.result is None else outcome.result.notices:
        warnings.warn(text, stacklevel=2)
    return outcome


def lost(job: Job) -> Outcome:
    """The outcome of a job whose process or machine has gone."""
    return Outcome(
        job, error=f"{job.source}: the process that worked on it was ended, perhaps for lack of memory", may_pass=True
    )


class _Process:
    """One worker; whatever it tells is put into `news`, and None when it has ended."""

    def __init__(self, order: Order, threads: int, news: queue.Queue[tuple[_Process, Any]]) -> None:
        limits = dict.fromkeys((THREADS, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "motionveil.pipeline.worker"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, **limits},
        )  # fmt: skip
        self._news = news
        threading.Thread(target=self._listen, name="motionveil-worker", daemon=True).start()
        self.tell(order)

    def tell(self, message: Order | Job) -> None:
        """Send something; if it has ended meanwhile, the news will say so."""
        assert self._process.stdin is not None
        with suppress(OSError):
            pickle.dump(message, self._process.stdin)
            self._process.stdin.flush()

    def end(self) -> None:
        """Ask it to end. Whatever it is making is removed."""
        assert self._process.stdin is not None
        with suppress(OSError):
            self._process.stdin.close()

    def close(self) -> None:
        """Wait for its end, or enforce it."""
        self.end()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with suppress(EOFError, OSError, pickle.UnpicklingError):
            while True:
                self._news.put((self, pickle.load(self._process.stdout)))
        self._process.stdout.close()
        self._news.put((self, None))
