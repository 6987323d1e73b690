"""Works on jobs in a process of its own: ``python -m motionveil.pipeline.worker``, see `workers.Processes`.

An order and jobs arrive on standard input, progress and outcomes leave on standard output, both pickled. When standard
input ends, whoever gave the order has gone, and the work ends too.
"""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import time
import warnings
from typing import BinaryIO

from .._core.atomic_files import remove_all_hidden
from .._core.interrupts import interrupts
from .making import Job, Maker, Order

_PATIENCE = 5.0


def _receive(jobs: queue.Queue[Job], stream: BinaryIO) -> None:
    try:
        while True:
            jobs.put(pickle.load(stream))
    except (EOFError, OSError, pickle.UnpicklingError):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_PATIENCE)
    remove_all_hidden()
    os._exit(130)


def main() -> None:
    """Work until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print

    def answer(message: object) -> None:
        pickle.dump(message, answers)
        answers.flush()

    for name in ("SIGINT", "SIGHUP"):  # these are for whoever gave the order, who then closes standard input
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, interrupts)
    warnings.simplefilter("ignore")  # they are notices of the result
    try:
        order: Order = pickle.load(sys.stdin.buffer)
        jobs: queue.Queue[Job] = queue.Queue()
        threading.Thread(target=_receive, args=(jobs, sys.stdin.buffer), name="motionveil-jobs", daemon=True).start()
        maker = Maker(order)
        while True:
            answer(maker.attempt(jobs.get(), answer))
    except (KeyboardInterrupt, EOFError, BrokenPipeError):
        remove_all_hidden()
        # Threads of libraries may still work with what Python takes away at its usual end.
        os._exit(130)


if __name__ == "__main__":
    main()
