"""Works on a batch with Ray: an actor per worker, on this machine or on many."""

from __future__ import annotations

import importlib
import logging
import os
import signal
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from .._core.cores import THREADS, cores
from .._core.errors import DependencyError, OptionError
from .making import Job, Maker, Order, Outcome
from .workers import OnJobProgress, Outcomes, Take, lost, warned

LOCAL = "local"
"""Address that stands for Ray on this machine alone, started for the batch and stopped with it."""


class RayWorkers:
    """Workers on Ray; each reserves cores, and loads its networks once.

    A job is sent only when a worker is free for it. A worker or machine that is lost costs its jobs an attempt. Sources
    and targets must lie at the same paths on all machines. Progress within files is not told.

    Args:
        order: How files are made.
        address: LOCAL, or the address of a running cluster: 'auto' on one of its machines, or HOST:PORT.
        count: Number of workers. None: one per core, also on machines that join later.

    Raises:
        DependencyError: If Ray is not installed.
    """

    def __init__(self, order: Order, address: str = LOCAL, *, count: int | None = None) -> None:
        self._ray = _import_ray()
        self._order, self._address, self._count = order, address, count

    def run(self, take: Take, on_progress: OnJobProgress) -> Outcomes:
        """See `Workers`. Raises OptionError if there is no cluster at the address."""
        ray = self._ray
        self._connect()
        try:
            order, threads = ray.put(self._order), self._threads()
            actors = ray.remote(num_cpus=threads, max_restarts=0, max_task_retries=0)(_Actor)
            idle: list[Any] = []
            busy: dict[Any, tuple[Any, Job]] = {}
            while True:
                while len(busy) < self._places(threads) and (job := take()) is not None:
                    actor = idle.pop() if idle else actors.remote(order, threads)
                    busy[actor.attempt.remote(_absolute(job))] = actor, job
                if not busy:
                    return
                (ready, *_), _ = ray.wait(list(busy), num_returns=1)
                actor, job = busy.pop(ready)
                try:
                    outcome: Outcome = ray.get(ready)
                except ray.exceptions.RayError:
                    del actor  # which ends it, if it still runs
                    yield lost(job)
                else:
                    idle.append(actor)
                    result = None if outcome.result is None else replace(outcome.result, target=job.target)
                    yield warned(replace(outcome, job=job, result=result))
        finally:
            ray.shutdown()  # ends all actors

    def _connect(self) -> None:
        how: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
        if self._address == LOCAL:
            how |= {"num_cpus": max(cores(), self._count or 1), "include_dashboard": False}
        else:
            how |= {"address": self._address}
        try:
            with _own_signals():
                self._ray.init(**how)
        except Exception as error:  # Ray has no class of its own for it
            told = " ".join(str(error).split())[:200]
            if self._address == LOCAL:
                raise OptionError(
                    f"Ray does not start on this machine ({told}); use --jobs without --cluster"
                ) from error
            raise OptionError(
                f"there is no Ray cluster at {self._address} ({told}); start one with 'ray start --head', or use "
                "--cluster local"
            ) from error

    def _machines(self) -> list[int]:
        """Cores of every machine."""
        return [int(node["Resources"].get("CPU", 0)) for node in self._ray.nodes() if node["Alive"]]

    def _threads(self) -> int:
        """Cores of every worker."""
        machines = [each for each in self._machines() if each] or [1]
        return 1 if self._count is None else max(1, min(*machines, sum(machines) // self._count))

    def _places(self, threads: int) -> int:
        """The number of workers now."""
        return self._count or max(1, sum(each // threads for each in self._machines()))


class _Actor:
    """One worker."""

    def __init__(self, order: Order, threads: int) -> None:
        os.environ[THREADS] = str(threads)
        warnings.simplefilter("ignore")  # they are notices of the result
        self._maker = Maker(order)

    def attempt(self, job: Job) -> Outcome:
        return self._maker.attempt(job)


def _absolute(job: Job) -> Job:
    """The same job in any working directory."""
    source = job.source
    if not isinstance(source, int) and Path(source).exists():
        source = Path(source).absolute()
    return replace(job, source=source, target=job.target.absolute())


@contextmanager
def _own_signals() -> Iterator[None]:
    """Undo what Ray does with signals within the block: it ends the process without any cleaning up."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            if handler is not None:
                signal.signal(number, handler)


def _import_ray() -> Any:
    """Import the library late, because that takes a second, and without its reports of usage."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        return importlib.import_module("ray")
    except ImportError as error:
        raise DependencyError("--cluster needs Ray: pip install 'motionveil[cluster]'") from error
