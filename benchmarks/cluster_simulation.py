"""What a batch takes on a cluster: time, cost, and what stragglers, lost machines and the last files waste.

    python benchmarks/cluster_simulation.py [--hours 1000] [--workers 64] [--ms 129] [--file-minutes 10] …

A simulation, not a measurement. Files of random length (log-normal; --spread is its sigma) go one at a time to workers
of one core each, as `run_batch` does it. Some workers are slow all the time (--slow, --slowness). Workers are lost at
random (--lifetime, hours) together with the file that they work on, which is begun anew, and come back after a minute.
--ms is the measured processor time per frame, see docs/performance.md. Without options: the table of docs/cluster.md.
"""

from __future__ import annotations

import argparse
import heapq
from collections import deque
from dataclasses import dataclass, replace
from math import inf

import numpy as np

_NEVER = 50
"""How much longer than without any waste a batch may take before it counts as never done."""
_COMES_BACK = 60.0
"""Seconds until a lost worker has been replaced, and has loaded its networks."""


@dataclass(frozen=True)
class Setting:
    """hours: of video. ms: per frame on one core. lifetime: hours until a worker is lost. price: of a core-hour."""

    hours: float = 1000.0
    workers: int = 64
    ms: float = 129.0
    fps: float = 25.0
    file_minutes: float = 10.0
    spread: float = 0.5
    slow: float = 0.05
    slowness: float = 2.0
    lifetime: float = 24.0
    price: float = 0.04
    seed: int = 1


@dataclass(frozen=True)
class Outlay:
    """What a batch takes.

    wall: hours. ideal: the same without any waste. cost: of all work, lost or not; who is idle costs nothing.
    lost: share of the work that was lost with workers. idle: share of the time in which there was nothing left to take.
    most: attempts at one file.
    """

    wall: float
    ideal: float
    cost: float
    lost: float
    idle: float
    most: int


def simulate(setting: Setting) -> Outlay:
    """Hours and cost of one batch."""
    generator = np.random.default_rng(setting.seed)
    count = max(1, round(setting.hours * 60 / setting.file_minutes))
    lengths = generator.lognormal(0, setting.spread, count)
    seconds = lengths / lengths.sum() * setting.hours * 3600 * setting.fps * setting.ms / 1000
    pace = np.where(generator.random(setting.workers) < setting.slow, setting.slowness, 1.0)
    deaths = generator.exponential(setting.lifetime * 3600, setting.workers)
    waiting = deque(range(count))
    attempts = np.zeros(count, int)
    busy = lost = end = 0.0
    # (time, worker, file that ends or is lost then, seconds worked on it, whether it is done)
    events: list[tuple[float, int, int, float, bool]] = []

    def start(worker: int, now: float) -> None:
        file = waiting.popleft()
        attempts[file] += 1
        needed = seconds[file] * pace[worker]
        if now + needed <= deaths[worker]:
            heapq.heappush(events, (now + needed, worker, file, needed, True))
        else:
            when = max(now, deaths[worker])
            heapq.heappush(events, (when, worker, file, when - now, False))

    idle: list[int] = []
    for worker in range(setting.workers):
        start(worker, 0.0) if waiting else idle.append(worker)
    while events and events[0][0] < _NEVER * float(seconds.sum()) / setting.workers:
        now, worker, file, worked, is_done = heapq.heappop(events)
        busy += worked
        if is_done:
            end = now
        else:
            lost += worked
            waiting.append(file)
            back = now + _COMES_BACK
            deaths[worker] = back + generator.exponential(setting.lifetime * 3600)
            if idle:  # somebody else takes it at once
                other = idle.pop()
                while deaths[other] < now:  # who was idle was replaced meanwhile
                    deaths[other] += generator.exponential(setting.lifetime * 3600)
                idle.append(worker)
                start(other, now)
                continue
            now = back
        start(worker, now) if waiting else idle.append(worker)
    end = inf if events else end
    total = float(seconds.sum())
    return Outlay(
        wall=end / 3600,
        ideal=total / setting.workers / 3600,
        cost=busy / 3600 * setting.price,
        lost=lost / busy,
        idle=1 - busy / (end * setting.workers) if end < inf else 0,
        most=int(attempts.max()),
    )


def show(name: str, setting: Setting) -> None:
    """One line of the table."""
    found = simulate(setting)
    if found.wall == inf:
        print(f"| {name} | {setting.workers} | {found.ideal:.3g} h | never | {found.lost:.0%} | | | |")
        return
    print(
        f"| {name} | {setting.workers} | {found.ideal:.3g} h | {found.wall:.3g} h | {found.lost:.1%} | "
        f"{found.idle:.1%} | {found.most} | {found.cost:,.0f} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for key, value in vars(Setting()).items():
        parser.add_argument(f"--{key.replace('_', '-')}", type=type(value), default=None)
    given = {key: value for key, value in vars(parser.parse_args()).items() if value is not None}
    print("| | workers | ideal | simulated | work lost | idle | most attempts | cost |")
    print("|---|---|---|---|---|---|---|---|")
    if given:
        show("as given", replace(Setting(), **given))
        return
    one, thousand, million = (
        Setting(hours=1, workers=8, slow=0, lifetime=1e6),
        Setting(),
        Setting(hours=1e6, workers=4096),
    )
    show("1 h in one file", replace(one, file_minutes=60))
    show("1 h in 6 files", one)
    show("1,000 h in files of 10 minutes", thousand)
    show("the same, workers live for 2 h", replace(thousand, lifetime=2))
    show("1,000 h in files of 2 h", replace(thousand, file_minutes=120))
    show("the same, workers live for 2 h", replace(thousand, file_minutes=120, lifetime=2))
    show("1,000,000 h in files of 30 minutes", replace(million, file_minutes=30))


if __name__ == "__main__":
    main()
