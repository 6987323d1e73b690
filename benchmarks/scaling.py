"""How a batch scales: the same files with 1 and with 2 workers, one core and one thread each.

    python benchmarks/scaling.py FOLDER [--cluster local] [--workers 1,2] [--rounds 1] [--json FILE]

FOLDER holds videos of equal length. Every measurement is a process of its own; they alternate. Each worker is bound to
a core of its own. Time counts from the moment when every worker has made a file, and has therefore loaded its networks.
On a busy machine wall time says little; processor time per frame and the cores that were got tell whether workers hold
each other up (Linux).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from motionveil._core.cores import THREADS
from motionveil.outputs.output_paths import plan
from motionveil.pipeline.batch import BatchProgress, BatchReport, run_batch
from motionveil.pipeline.making import Job, Order
from motionveil.pipeline.obfuscation import Result

_WORKERS = (b"ray::_Actor", b"motionveil.pipeline.worker")


def workers_here() -> list[Path]:
    """What /proc says of the workers on this machine."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if any(name in (place / "cmdline").read_bytes() for name in _WORKERS):
                found.append(place)
        except OSError:  # it has ended
            continue
    return sorted(found)


def worker_seconds() -> float:
    """Seconds of processor time that the workers have used."""
    times = [(place / "stat").read_text().rpartition(")")[2].split()[11:13] for place in workers_here()]
    return sum(int(ticks) for pair in times for ticks in pair) / os.sysconf("SC_CLK_TCK")


def pin() -> None:
    """Give each worker a core of its own."""
    for core, place in zip(sorted(os.sched_getaffinity(0)), workers_here(), strict=False):
        for thread in (place / "task").iterdir():
            with suppress(OSError):  # it has ended
                os.sched_setaffinity(int(thread.name), {core})


class _Clock(BatchReport):
    """Counts from the moment when `count` files are made."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._made = self.frames = 0
        self._begin = (0.0, 0.0)
        self.end = (0.0, 0.0)

    def made(self, job: Job, result: Result, batch: BatchProgress) -> None:
        self._made += 1
        pin()
        now = (time.monotonic(), worker_seconds())
        if self._made == self._count:
            self._begin = now
        elif self._made > self._count:
            self.frames += result.num_frames
            self.end = (now[0] - self._begin[0], now[1] - self._begin[1])


def measure(folder: str, workers: int, cluster: str | None) -> dict[str, Any]:
    """One measurement, in this process."""
    os.environ[THREADS] = str(workers)
    os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112
    with tempfile.TemporaryDirectory() as out:
        clock = _Clock(workers)
        # One worker must be a process too.
        from motionveil.pipeline.workers import Processes

        order = Order(seed=1).complete()
        own = Processes(order, workers) if cluster is None else None
        result = run_batch(
            plan([folder], out), order, folder=out, workers=own, jobs=workers, cluster=cluster, report=clock
        )
    assert not result.failed, result.failed
    wall, ran = clock.end
    return {
        "workers": workers,
        "frames": clock.frames,
        "frames_per_second": clock.frames / wall,
        "processor_ms_per_frame": 1000 * ran / clock.frames,
        "cores_used": ran / wall,
        "load": os.getloadavg()[0],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--cluster")
    parser.add_argument("--workers", default="1,2")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.folder, given.one, given.cluster)))
        return
    found = []
    for _ in range(given.rounds):
        for workers in given.workers.split(","):
            more = ["--cluster", given.cluster] if given.cluster else []
            command = [sys.executable, __file__, given.folder, "--one", workers, *more]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            found.append(json.loads(done.stdout.splitlines()[-1]))
            print(", ".join(f"{key} {value:.3g}" for key, value in found[-1].items()), flush=True)
    if given.json:
        given.json.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
